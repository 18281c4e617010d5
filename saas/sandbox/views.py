"""Pages of the simulated world.  Open to everybody: they exist on a developer's machine only."""

from email.message import EmailMessage

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from saas.access import public
from saas.sandbox import mailbox

LIST_PAGE = "sandbox/mail_list.html"
#: A mail brings its own inline style and pictures from anywhere; it runs no script and sends no form.
MAIL_POLICY = {
    "default-src": [NONE],
    "img-src": ["https:", "http:", "data:"],
    "style-src": [UNSAFE_INLINE],
    "base-uri": [SELF],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-top-navigation-by-user-activation", "allow-popups"],
}


@public
@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    """The inbox; its rows alone when htmx asks for them again."""
    recipient = request.GET.get("to", "")
    page = f"{LIST_PAGE}#rows" if request.htmx else LIST_PAGE  # type: ignore[attr-defined]
    return render(request, page, {"mails": mailbox.newest(recipient), "recipient": recipient})


@public
@require_POST
def mail_clear(_request: HttpRequest) -> HttpResponse:
    mailbox.clear()
    return redirect("sandbox:mail_list")


@public
@require_safe
def mail_detail(request: HttpRequest, key: str) -> HttpResponse:
    message = find_mail(key)
    context = {
        "key": key,
        "subject": message["Subject"],
        "sender": message["From"],
        "recipients": message[mailbox.ENVELOPE_HEADER] or message["To"],
        "headers": message.items(),
        "text": mailbox.part(message, "plain"),
        "has_html": bool(message.get_body(("html",))),
        "received_at": mailbox.received_at(key),
    }
    return render(request, "sandbox/mail_detail.html", context)


@public
@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]  # it takes a view with arguments, too
def mail_html(_request: HttpRequest, key: str) -> HttpResponse:
    """The HTML part as the mail has it, for the frame on its page.  Its links open in the whole window."""
    return HttpResponse('<base target="_top">' + mailbox.part(find_mail(key), "html"))


def find_mail(key: str) -> EmailMessage:
    """Raises Http404."""
    message = mailbox.find(key)
    if message is None:
        raise Http404("This mail is not in the inbox any more.")
    return message
