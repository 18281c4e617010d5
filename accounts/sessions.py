"""Where a person is signed in: which browsers, since when, and ending it there.

A session ends in three ways at once: its row is deleted, the person's security stamp changes, which every session
carries, and open windows are told. So it fails at its next request, even where a cache still has a copy.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import get_random_string, salted_hmac

from accounts import devices
from accounts.models import User
from saas import events, live
from saas.db import atomic, on_commit
from saas.http import client_ip
from saas.sessions import SessionStore, note_renewal

ACTIVITY_EVERY = 5 * 60  # seconds between two notes of one session's activity
BEGAN_AT, SEEN_AT = "began_at", "seen_at"  # in the session: seconds since 1970
STRETCHED_EVERY = 24 * 60 * 60  # seconds between two writes that let a session in use live on
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Place:
    """One session as its owner sees it."""

    id: str
    device: str
    icon: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


def places(user: Any, *, current: str | None) -> list[Place]:
    """The person's living sessions, this one first, then the one used last.  Two reads, however many there are.

    Forgets the rows of sessions that have ended by themselves.
    """
    rows = list(UserSession.objects.filter(user_id=user.pk))
    keys = [row.session_key for row in rows]
    living = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).values_list(
            "session_key", flat=True
        )
    )
    dead = [row.pk for row in rows if row.session_key not in living]
    if dead:
        UserSession.objects.filter(pk__in=dead).delete()
    found = [as_place(row, current=current) for row in rows if row.session_key in living]
    return sorted(found, key=lambda place: (place.is_current, place.last_seen_at), reverse=True)[:MOST_SHOWN]


def as_place(row: UserSession, *, current: str | None) -> Place:
    return Place(
        id=str(row.pk),
        device=devices.describe(row.user_agent),
        icon=devices.icon(row.user_agent),
        ip=row.ip,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        is_current=row.session_key == current,
    )


# -- ending ------------------------------------------------------------------------------------------------------------


@atomic
def end_session(*, user: Any, session_id: str, request: HttpRequest | None = None) -> bool:
    """Sign out one browser of this person; False when there is no such session any more."""
    row = UserSession.objects.filter(user_id=user.pk, pk=session_id).first()
    if row is None:
        return False
    drop([row])
    metadata = {"device": devices.describe(row.user_agent), "ip_address": row.ip}
    events.record("session.ended", actor=user, target=user, request=request, metadata=metadata)
    return True


@atomic
def end_other_sessions(*, user: Any, request: HttpRequest) -> int:
    """Sign out everywhere but here; how many sessions that were.  Call `keep` afterwards."""
    count = end_others(user=user, request=request)
    events.record("session.others_ended", actor=user, target=user, request=request, metadata={"count": count})
    return count


@atomic
def end_others(*, user: Any, request: HttpRequest | None) -> int:
    """End all sessions of a person, but not the one of this request if it is hers; how many were listed.

    For a service that changes how she gets in.  The own session lives on when `keep` is called after the commit.
    """
    own = request.session.session_key if request is not None and request.user.pk == user.pk else None
    rows = list(UserSession.objects.filter(user_id=user.pk))
    others = [row for row in rows if row.session_key != own]
    drop(others)
    if own:
        note_renewal(own)  # from the commit until `keep` its requests look as if the session had ended
    User.objects.filter(pk=user.pk).update(security_stamp=get_random_string(32))
    return len(others)


def drop(rows: Iterable[UserSession]) -> None:
    """Delete sessions, with their copies in the cache, and tell their windows."""
    rows = list(rows)
    keys = [row.session_key for row in rows]
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
    on_commit(lambda: cache.delete_many([f"{SessionStore.cache_key_prefix}{key}" for key in keys]))
    for key in keys:
        live.publish(live.session_channel(key), "session_ended")


def keep(request: HttpRequest) -> None:
    """Let this request's session live on after `end_others`, under a new key."""
    person: Any = request.user
    fresh = User.objects.get(pk=person.pk)
    renew(request)
    request.session[HASH_SESSION_KEY] = fresh.get_session_auth_hash()
    person.security_stamp, person.password = fresh.security_stamp, fresh.password


class SessionAdapter(DefaultUserSessionsAdapter):
    """allauth's own door to ending sessions, as when an address turns out to be somebody else's."""

    @atomic
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        drop(sessions)


# -- age ---------------------------------------------------------------------------------------------------------------


def begin(request: HttpRequest) -> None:
    """Note when somebody signed in here."""
    request.session[BEGAN_AT] = request.session[SEEN_AT] = int(timezone.now().timestamp())


def is_over(request: HttpRequest) -> bool:
    """Whether the sign-in is too long ago: SESSION_LIFETIME, however much the session was used.

    Once a day it lets a session in use live on for another SESSION_COOKIE_AGE; an unused one ends after that.  No read.
    """
    moment = int(timezone.now().timestamp())
    if BEGAN_AT not in request.session:
        begin(request)
    if moment - request.session[BEGAN_AT] > settings.SESSION_LIFETIME:
        return True
    if moment - request.session.get(SEEN_AT, 0) > STRETCHED_EVERY:
        request.session[SEEN_AT] = moment
    return False


def renew(request: HttpRequest) -> None:
    """Go on with the same session under a new key."""
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


# -- activity ----------------------------------------------------------------------------------------------------------


def note_activity(request: HttpRequest) -> None:
    """Write down that this session is in use: once in five minutes, so mostly nothing but a look into the cache."""
    key = request.session.session_key
    if not key or not cache.add(f"seen:{salted_hmac('accounts.sessions', key).hexdigest()}", 1, timeout=ACTIVITY_EVERY):
        return
    seen = {"last_seen_at": timezone.now(), "ip": client_ip(request) or "0.0.0.0"}  # noqa: S104 - unknown
    if not UserSession.objects.filter(session_key=key).update(**seen):
        UserSession.objects.create_from_request(request)
