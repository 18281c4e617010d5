"""What may be used once, held by the database: of several uses at one moment the first one counts."""

from datetime import timedelta

from django.utils.crypto import salted_hmac
from mongoengine import NotUniqueError

from accounts.models import UsedSecret
from saas.db import in_transaction
from saas.tenancy import now


def use_once(purpose: str, secret: str, *, keeps: timedelta) -> bool:
    """Use a secret up; False when it was used before.

    `keeps` is how long it is remembered: at least as long as the secret itself would be accepted.  Only a keyed hash
    of it is stored.  Raises RuntimeError inside a transaction, which a second use would doom.
    """
    if in_transaction():
        raise RuntimeError("use_once() works outside of a transaction.")
    name = salted_hmac(f"accounts.once.{purpose}", secret, algorithm="sha256").hexdigest()
    try:
        UsedSecret.objects.everything(reason="a used secret belongs to nobody").create(
            name=name, expires_at=now() + keeps
        )
    except NotUniqueError:
        return False
    return True
