"""What people choose, and what organizations set as usual."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest

from saas import events
from saas.db import atomic
from saas.notifications.choices import OFF, kinds
from saas.notifications.mails import WHOLE_DIGEST
from saas.notifications.models import NotificationDefault, NotificationPreference, defaults
from saas.notifications.telling import NEVER

Choices = dict[str, dict[str, Any]]


def preference_of(user: Any) -> NotificationPreference:
    """What the person has chosen; a new one, not saved, when that is nothing.  One read."""
    found = NotificationPreference.objects.for_user(user).first()
    return found or NotificationPreference(user_id=str(getattr(user, "pk", user)))


def default_of(org: Any) -> NotificationDefault:
    """What is usual in the organization; a new one, not saved, when nothing was set.  One read."""
    return NotificationDefault.objects.for_org(org).first() or NotificationDefault(organization_id=org.pk)


def defaults_of(ids: Iterable[str]) -> dict[str, Choices]:
    """The choices of some organizations, by id, of those that have set any.  One read."""
    wanted = list(ids)
    found = defaults().filter(organization_id__in=wanted) if wanted else []
    return {each.organization_id: each.choices for each in found}


def cleaned(choices: Mapping[str, Mapping[str, Any]]) -> Choices:
    """Only what may be chosen: of the kinds that are not mandatory, the channels that are not left open."""
    wanted = {}
    for kind in kinds():
        chosen = {name: value for name, value in choices.get(kind.key, {}).items() if value not in (None, "")}
        if chosen and not kind.mandatory:
            wanted[kind.key] = chosen
    return wanted


@atomic
def save_preferences(
    *,
    user: Any,
    choices: Mapping[str, Mapping[str, Any]] | None = None,
    muted: Iterable[str] | None = None,
    quiet: tuple[str | None, str | None] | None = None,
    email_digest: str | None = None,
    request: HttpRequest | None = None,
) -> bool:
    """Store what is given and differs; False when nothing does.

    `quiet` is (from, until) as "HH:MM" in the person's zone, or (None, None); `email_digest` is that of the person.
    """
    known = preference_of(user)
    given = {
        "choices": None if choices is None else cleaned(choices),
        "muted": None if muted is None else list(muted),
        "quiet_from": quiet[0] if quiet else None,
        "quiet_until": quiet[1] if quiet else None,
    }
    skipped = {name for name, value in given.items() if value is None and not (quiet and name.startswith("quiet"))}
    after = {name: value for name, value in given.items() if name not in skipped and getattr(known, name) != value}
    has_changed = save_digest(user, email_digest, request=request)
    if not after:
        return has_changed
    before = {name: getattr(known, name) for name in after}
    changes = {f"set__{name}": value for name, value in after.items()}
    saved = NotificationPreference.objects.for_user(user).upsert_one(**changes)  # `known` may never have been saved
    events.record(
        "notification_preference.updated", actor=user, target=saved, before=before, after=after, request=request
    )
    return True


def save_digest(user: Any, frequency: str | None, *, request: HttpRequest | None) -> bool:
    """How often the digest comes is the person's own setting, which the profile shows too."""
    people: Any = get_user_model()
    before = people.objects.filter(pk=user.pk).values_list("email_digest", flat=True).first()
    if frequency is None or before == frequency:
        return False
    people.objects.filter(pk=user.pk).update(email_digest=frequency)
    events.record(
        "user.updated",
        actor=user,
        target=user,
        before={"email_digest": before},
        after={"email_digest": frequency},
        request=request,
    )
    return True


@atomic
def save_defaults(
    *, org: Any, actor: Any, choices: Mapping[str, Mapping[str, Any]], request: HttpRequest | None = None
) -> bool:
    """Set what is usual in the organization; False when it was."""
    known, wanted = default_of(org), cleaned(choices)
    if known.choices == wanted:
        return False
    saved = NotificationDefault.objects.for_org(org).upsert_one(set__choices=wanted)
    events.record(
        "notification_default.updated",
        org=org,
        actor=actor,
        target=saved,
        before={"choices": known.choices},
        after={"choices": wanted},
        request=request,
    )
    return True


@atomic
def stop_mail(*, user: Any, what: str, request: HttpRequest | None = None) -> bool:
    """Switch off the mail of one kind for this person, or the digest (WHOLE_DIGEST); False when it was off."""
    if what == WHOLE_DIGEST:
        return save_preferences(user=user, email_digest=NEVER, request=request)
    mine = preference_of(user).choices
    return save_preferences(user=user, choices={**mine, what: {**mine.get(what, {}), "email": OFF}}, request=request)
