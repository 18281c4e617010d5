"""Somebody who has just signed in to a closed account: this session knows it for a while, and lets nobody in."""

import time

from django.http import HttpRequest

from accounts.deletion import may_return
from accounts.models import User

KEY = "returning_person"
WITHIN = 15 * 60  # seconds


def remember(request: HttpRequest, user: User) -> None:
    """Note who has proved to own the closed account, under a new session key."""
    request.session.cycle_key()
    request.session[KEY] = {"user_id": str(user.pk), "stamp": user.security_stamp, "at": int(time.time())}


def person(request: HttpRequest) -> User | None:
    """The owner of a closed account who has just signed in.  At most one read."""
    noted = request.session.get(KEY)
    if not noted or time.time() - noted["at"] > WITHIN:
        return None
    user = User.objects.filter(pk=noted["user_id"], security_stamp=noted["stamp"], locked_at=None).first()
    return user if user and may_return(user) else None


def forget(request: HttpRequest) -> None:
    request.session.pop(KEY, None)
