"""Which way a notification reaches a person: the most specific word wins.

mandatory (config/events.yaml)  >  muted organization  >  person's choice  >  organization's  >  catalogue
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from saas.events import catalogue
from saas.events.catalogue import Kind

OFF, AT_ONCE, DIGEST = "off", "at_once", "digest"
EMAIL_CHANNEL = ((AT_ONCE, "At once"), (DIGEST, "In the digest"), (OFF, "Never"))


class UnknownKind(ValueError):
    """config/events.yaml has no such kind under `notifications`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether it stands in the inbox, and how it is mailed: off, at once or in the digest."""

    in_app: bool
    email: str

    @property
    def is_silent(self) -> bool:
        return not self.in_app and self.email == OFF


SILENT = Choice(in_app=False, email=OFF)


def kinds() -> list[Kind]:
    return list(catalogue.load().kinds.values())


def kind_of(key: str) -> Kind:
    """Raises UnknownKind."""
    try:
        return catalogue.load().kinds[key]
    except KeyError:
        raise UnknownKind(f"{catalogue.FILE} declares no kind of notification {key!r}. Add it there first.") from None


def usual(kind: Kind) -> Choice:
    """What the catalogue says."""
    if isinstance(kind.email, bool):
        return Choice(kind.in_app, AT_ONCE if kind.email else OFF)
    return Choice(kind.in_app, DIGEST)


def resolve(
    kind: Kind,
    *,
    own: Mapping[str, Any] | None = None,
    organization: Mapping[str, Any] | None = None,
    is_muted: bool = False,
) -> Choice:
    """What counts for one person.  `own` and `organization` are the `choices` of their documents."""
    standard = usual(kind)
    if kind.mandatory:
        return standard
    if is_muted:
        return SILENT
    layers = [(layer or {}).get(kind.key) or {} for layer in (own, organization)]
    return Choice(
        next((layer["in_app"] for layer in layers if layer.get("in_app") is not None), standard.in_app),
        next((layer["email"] for layer in layers if layer.get("email")), standard.email),
    )
