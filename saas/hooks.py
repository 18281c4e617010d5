"""How a lower room hears a higher one: the higher room registers a function in `AppConfig.ready()`, the lower calls it.

    hooks.membership.register(access.find_membership)      # organizations/apps.py
    found = hooks.membership(slug, user)                    # saas/access.py, which knows no organization

`Hook` has exactly one provider and is called like a function; `Hooks` has any number and is iterated. A new registry is
one line at the end of this file.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, ParamSpec, TypeVar

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

P = ParamSpec("P")
R = TypeVar("R")
Provider = TypeVar("Provider", bound=Callable[..., Any])


class Hook(Generic[P, R]):
    """One question with one provider.  An empty hook stops the boot (`saas.E001`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.provider: Callable[P, R] | None = None

    def register(self, provider: Callable[P, R]) -> Callable[P, R]:
        """Set the provider.  Raises ImproperlyConfigured when another one is there already."""
        if self.provider not in (None, provider):
            raise ImproperlyConfigured(f"hooks.{self.name} has a provider already: {self.provider!r}.")
        self.provider = provider
        return provider

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask the provider.  Raises ImproperlyConfigured while there is none."""
        if self.provider is None:
            raise ImproperlyConfigured(f"Nobody provides hooks.{self.name}: register it in an AppConfig.ready().")
        return self.provider(*args, **kwargs)


class Hooks(Generic[Provider]):
    """Any number of providers, in the order of registration; registering one twice keeps one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.providers: list[Provider] = []

    def register(self, provider: Provider) -> Provider:
        if provider not in self.providers:
            self.providers.append(provider)
        return provider

    def __iter__(self) -> Iterator[Provider]:
        return iter(self.providers)


def register_checks() -> None:
    """Let Django's checks refuse a start with an empty `Hook`."""
    checks.register(check_hooks_are_filled)


def check_hooks_are_filled(**_kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(
            f"Nobody provides hooks.{hook.name}.",
            hint="The room that knows the answer registers it in its AppConfig.ready(); is the room in INSTALLED_APPS?",
            id="saas.E001",
        )
        for hook in globals().values()
        if isinstance(hook, Hook) and hook.provider is None
    ]


#: (organization's slug, user) -> (organization, membership), or None when there is no such organization, the user is no
#: member.  Two reads.  May raise saas.access.Moved or Elsewhere, and what becomes a page of its own.
membership: Hook[[str, Any], tuple[Any, Any] | None] = Hook("membership")

#: can(actor, "project.update", org=organization or None for a platform permission, obj=None) -> bool
can: Hook[..., bool] = Hook("can")

#: explain(actor, "project.update", org=…, obj=None) -> organizations.explanations.Explanation: why `can` says no.
explain: Hook[..., Any] = Hook("explain")

#: (organization, name of a plan) -> whether the organization's plan includes what that plan has.  No read.
plan_covers: Hooks[Callable[[Any, str], bool]] = Hooks("plan_covers")

#: () -> accounts.onboarding.StepKind: a step that config/onboarding.yaml may name.
onboarding_step: Hooks[Callable[..., Any]] = Hooks("onboarding_step")

#: (request, lower-cased address) -> whether this visitor has shown, before signing up, that the mailbox is his.
address_proof: Hooks[Callable[[Any, str], bool]] = Hooks("address_proof")

#: (user) -> saas.personal_data.Part of what is about the person and cannot be found by itself.
personal_data: Hooks[Callable[[Any], Iterator[Any]]] = Hooks("personal_data")

#: (actor, organization) -> conditions for MongoDB on `permission` and `readers` of a projection (an activity, a search
#: entry): what this actor may know of.  No read beside the actor's role.
search_filter: Hook[[Any, Any], dict[str, Any]] = Hook("search_filter")

#: (audience, event) -> ids of the people who are told of the event; audiences are those of config/events.yaml.  Without
#: the actor.  At most two reads.
audience: Hook[[str, Any], list[str]] = Hook("audience")

#: (user's id) -> ids of the organizations that the person is an active member of.  One read.
organizations_of: Hook[[str], list[str]] = Hook("organizations_of")

#: (ids of organizations) -> those that exist, by id, each with .pk, .name, .slug.  One read.
organizations: Hook[[Any], dict[str, Any]] = Hook("organizations")

#: (address or id) -> the organization, or None.  One read.
organization_named: Hook[[str], Any | None] = Hook("organization_named")

#: (organization, a part of a name) -> ids of its members who are called so.  Two reads.
members_named: Hook[[Any, str], list[str]] = Hook("members_named")

#: (organization's id) -> for how many days its plan keeps the audit log; 0 for as long as AUDIT_RETENTION_DAYS says.
audit_retention: Hooks[Callable[[str], int]] = Hooks("audit_retention")

#: (user) -> accounts.deletion.Blocker: what the person must settle before the account can be closed.  Inside a
#: transaction the answer holds until the commit.
deletion_blocker: Hooks[Callable[[Any], Iterable[Any]]] = Hooks("deletion_blocker")
