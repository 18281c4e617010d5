"""/styleguide/: every component with all its states. Loaded in development alone."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from saas import charts
from saas.access import public

PLANS = [
    ("free", format_html("Free <small>{}</small>", "For a look around")),
    ("team", format_html("Team <small>{}</small>", "$12 per member and month")),
    ("scale", format_html("Scale <small>{}</small>", "Limits by agreement")),
]
ROLES = [("", "Choose a role"), ("viewer", "Viewer"), ("member", "Member"), ("admin", "Admin")]


class DemoForm(forms.Form):
    """One field of every kind."""

    name = forms.CharField(label="Name", help_text="As your colleagues know you.")
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"placeholder": "ada@example.com"}))
    password = forms.CharField(
        label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "off"}), help_text="At least 10 characters."
    )
    role = forms.ChoiceField(label="Role", choices=ROLES)
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    plan = forms.ChoiceField(label="Plan", choices=PLANS, widget=forms.RadioSelect, initial="team")
    events = forms.MultipleChoiceField(
        label="Tell me about",
        required=False,
        choices=[("members", "Members"), ("billing", "Billing"), ("agents", "Agents")],
        widget=forms.CheckboxSelectMultiple,
        initial=["members"],
    )
    picture = forms.FileField(label="Picture", required=False, help_text="PNG or JPEG, up to 2 MB.")
    digest = forms.BooleanField(label="Send me a digest", required=False, initial=True, help_text="On Monday mornings.")


def wrong_form() -> DemoForm:
    """The form as it comes back with mistakes, everything that was typed still in it."""
    form = DemoForm({"name": "", "email": "ada@", "password": "short", "role": "", "plan": "free"}, prefix="wrong")
    form.data = {f"wrong-{name}": value for name, value in form.data.items()}
    form.add_error(None, "This invitation has expired. Ask for a new one.")
    return form


@public
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    context: dict[str, Any] = {
        "form": DemoForm(),
        "wrong_form": wrong_form(),
        "disabled_form": DisabledForm(),
        "steps": [
            {"label": "Welcome", "state": "done"},
            {"label": "Profile", "state": "done"},
            {"label": "Organization", "state": "current"},
            {"label": "Preferences", "state": "next"},
            {"label": "Done", "state": "next"},
        ],
        "tabs": [
            {"label": "General", "url": "#navigation", "active": True},
            {"label": "Members", "url": "#navigation", "count": 24},
            {"label": "API keys", "url": "#navigation"},
            {"label": "Audit", "url": "#navigation"},
        ],
        "places": [
            {"label": "Home", "icon": "house"},
            {"label": "Projects", "icon": "folder-kanban", "active": True},
            {"label": "Members", "icon": "users"},
            {"label": "Settings", "icon": "settings"},
        ],
        "breadcrumbs": [{"label": "Northbridge", "url": "#"}, {"label": "Members", "url": "#"}, {"label": "Sam Ito"}],
        "moments": [now, now - timedelta(minutes=3), now - timedelta(days=2), now + timedelta(hours=5)],
        "colors": ["canvas", "surface", "sunken", "raised", "line", "line-control"],
        "meanings": ["accent", "danger", "warning", "success", "info"],
        "people": PEOPLE,
        "line_chart": charts.line("Agent runs per day", DAYS, RUNS),
        "bar_chart": charts.bar("Spent per week", WEEKS, {"Spent": SPENT}, words=lambda value: f"${value:,.2f}"),
        "empty_chart": charts.line("Webhook deliveries", DAYS, {"Delivered": [None] * len(DAYS)}),
    }
    return render(request, "styleguide.html", context)


class DisabledForm(forms.Form):
    """Fields that cannot be changed."""

    slug = forms.CharField(label="Address", initial="northbridge", disabled=True, help_text="It cannot be changed.")
    role = forms.ChoiceField(label="Role", choices=ROLES, initial="admin", disabled=True)


PEOPLE = [
    {"name": "Mira Kovač", "email": "mira@northbridge.example", "role": "Owner", "runs": "1,204"},
    {"name": "Sam Ito", "email": "sam@northbridge.example", "role": "Admin", "runs": "318"},
    {"name": "Lena Brandt", "email": "lena@northbridge.example", "role": "Member", "runs": "7"},
]

DAYS = [f"{day} Nov" for day in range(2, 16)]
RUNS: dict[str, charts.Values] = {
    "Succeeded": [96, 121, 114, 160, 152, 38, 29, 133, 187, 171, 210, 198, 54, 41],
    "Failed": [8, 11, 5, 21, 9, 3, None, 7, 14, 6, 31, 12, 2, 1],
}
WEEKS = [f"Week {week}" for week in range(40, 47)]
SPENT = [18.4, 22.1, 9.75, 31.6, 38.2, 27.9, 12.05]
