"""Who signs in, or up, on the way from an invitation joins by it: that was asked for before."""

from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from organizations import links
from saas.errors import Problem

log = structlog.get_logger(__name__)


@receiver(user_logged_in)
def join(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    """Accept the invitation that the session remembers, if it is for this person; else its page asks, or says why not.

    Django sends this when all is proved: password, second factor, address.
    """
    from organizations import services

    opened = links.remembered(request)
    if opened is None or opened.invitation.email not in links.addresses_of(user):
        return
    try:
        services.accept_invitation(
            invitation=opened.invitation, actor=user, is_mailed=opened.is_mailed, request=request
        )
    except Problem as problem:
        log.info("invitation_not_accepted", invitation_id=opened.invitation.pk, why=type(problem).__name__)
