"""/styleguide/mail/: every mail with sample data, light and dark.  Loaded in development alone."""

import re

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from saas import emails
from saas.access import public
from saas.mailing import samples

PAGE = "mailing/preview.html"
POLICY = {
    "default-src": [NONE],
    "img-src": ["https:", "http:", "data:"],
    "style-src": [UNSAFE_INLINE],
    "frame-ancestors": [SELF],
}
DARK_ONLY = re.compile(r"@media \(prefers-color-scheme: dark\)")


@public
@require_safe
def mail_preview(request: HttpRequest) -> HttpResponse:
    known = samples.names()
    chosen = request.GET.get("mail", known[0])
    if chosen not in known:
        raise Http404("There is no such mail.")
    subject, text, _ = emails.render(chosen, samples.context())
    return render(request, PAGE, {"names": known, "chosen": chosen, "subject": subject, "text": text})


@public
@require_safe
@xframe_options_sameorigin
@csp(POLICY)  # type: ignore[arg-type]
def mail_preview_html(_request: HttpRequest, key: str, theme: str) -> HttpResponse:
    """The HTML part as a mail client shows it that prefers this theme, whatever the browser prefers."""
    if key not in samples.names() or theme not in ("light", "dark"):
        raise Http404("There is no such mail.")
    _, _, html = emails.render(key, samples.context())
    return HttpResponse(DARK_ONLY.sub("@media all" if theme == "dark" else "@media not all", html))
