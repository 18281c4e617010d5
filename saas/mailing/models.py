from typing import Any

from mongoengine import DateTimeField, StringField

from saas.tenancy import PlatformDocument

BOUNCED, COMPLAINED = "bounced", "complained"
WORDS = {
    BOUNCED: "mail to it comes back",
    COMPLAINED: "somebody there has marked our mail as unwanted",
}


class SwitchedOffAddress(PlatformDocument):
    """An address that gets no mail, and why.  `address` is lower-cased."""

    address = StringField(required=True, unique=True)
    reason = StringField(required=True, choices=(BOUNCED, COMPLAINED))
    detail = StringField()  # the mail service's words
    reported_at = DateTimeField(required=True)

    meta = {"collection": "switched_off_addresses", "indexes": [["-reported_at", "-id"]]}

    @property
    def words(self) -> str:
        return WORDS[self.reason]

    def __str__(self) -> str:
        return self.address


def switched_off() -> Any:
    return SwitchedOffAddress.objects.everything(reason="addresses belong to nobody's organization")
