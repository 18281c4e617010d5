"""Pages of the sandbox's receivers of webhooks.  Open to everybody: they exist on a developer's machine only."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from saas.access import public
from saas.htmx import form_again, page_or_part
from saas.sandbox import hooks

LIST_PAGE = "sandbox/hook_list.html"
DETAIL_PAGE = "sandbox/hook_detail.html"


class NameForm(forms.Form):
    """Where to go: a receiver is made by its first visit or its first delivery."""

    name = forms.RegexField(
        rf"^{hooks.NAME.pattern}$",
        max_length=40,
        error_messages={"invalid": "Small letters, digits and hyphens, please."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "placeholder": "orders"}),
    )


class SecretForm(forms.Form):
    secret = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "whsec_…"}),
        help_text="With it each delivery is verified. During a rotation, both with a space between them.",
    )

    def clean_secret(self) -> str:
        secret: str = " ".join(self.cleaned_data["secret"].split())
        if not all(map(hooks.is_secret, secret.split())):
            raise forms.ValidationError("This is no signing secret: it starts with whsec_.")
        return secret


@public
@require_safe
def hook_list(request: HttpRequest) -> HttpResponse:
    form = NameForm(request.GET if "name" in request.GET else None)
    if form.is_valid():
        return redirect("sandbox:hook_detail", form.cleaned_data["name"])
    receivers = [(hooks.find(name), len(hooks.newest(name))) for name in hooks.names()]
    return render(request, LIST_PAGE, {"form": form, "receivers": receivers}, status=422 if form.errors else 200)


@public
@csrf_exempt  # for whoever takes the page's address for the receiver's
def hook_detail(request: HttpRequest, name: str) -> HttpResponse:
    """The receiver with what came; what came alone when htmx asks again."""
    if request.method not in ("GET", "HEAD"):
        words = f"This is the page. Deliveries go to {make_or_404(name).url}"
        return HttpResponse(words, status=405, content_type="text/plain; charset=utf-8", headers={"Allow": "GET, HEAD"})
    return page_or_part(request, DETAIL_PAGE, context_of(make_or_404(name)), partial="deliveries")


@public
@require_POST
def hook_answer(request: HttpRequest, name: str) -> HttpResponse:
    """Tell the receiver how to answer from now on."""
    receiver = make_or_404(name)
    if request.POST.get("answer") not in hooks.ANSWERS:
        raise Http404("There is no such answer.")
    receiver.answer = request.POST["answer"]
    hooks.save(receiver)
    return redirect("sandbox:hook_detail", name)


@public
@require_POST
def hook_secret(request: HttpRequest, name: str) -> HttpResponse:
    receiver = make_or_404(name)
    form = SecretForm(request.POST)
    if not form.is_valid():
        return form_again(request, DETAIL_PAGE, context_of(receiver, form))
    receiver.secret = form.cleaned_data["secret"]
    hooks.save(receiver)
    hooks.check_again(receiver)
    return redirect("sandbox:hook_detail", name)


@public
@require_POST
def hook_remove(_request: HttpRequest, name: str) -> HttpResponse:
    make_or_404(name)
    hooks.remove(name)
    return redirect("sandbox:hook_list")


@public
@require_safe
def hook_delivery(request: HttpRequest, name: str, key: str) -> HttpResponse:
    receiver = make_or_404(name)
    delivery = hooks.delivery_of(name, key)
    if delivery is None:
        raise Http404("This delivery is not kept any more.")
    return render(request, "sandbox/hook_delivery.html", {"receiver": receiver, "delivery": delivery})


def make_or_404(name: str) -> hooks.Receiver:
    try:
        return hooks.make(name)
    except (ValueError, hooks.NoRoom) as problem:
        raise Http404(str(problem)) from None


def context_of(receiver: hooks.Receiver, form: SecretForm | None = None) -> dict[str, Any]:
    deliveries = hooks.newest(receiver.name)
    seen = hooks.times_seen(deliveries)
    return {
        "receiver": receiver,
        "answers": hooks.ANSWERS.values(),
        "form": form or SecretForm(initial={"secret": receiver.secret}),
        "deliveries": [(delivery, seen[delivery.key]) for delivery in deliveries],
        "kept": hooks.KEPT,
    }
