"""Who did something, as the event log keeps it: a person, or what acts in a person's name or in nobody's.

    events.record("project.created", actor=request.user, …)                      # a person
    events.record("project.created", actor=Actor.agent(run.id, "Researcher", on_behalf_of=user), …)
    events.record("project.deleted", actor=Actor.support(request.user), …)       # the platform's staff

Without an actor it is the task that runs, the visitor who is not signed in, or the system.
"""

from dataclasses import dataclass
from typing import Any, Self

from celery import current_task

USER, API_KEY, AGENT, SUPPORT, SYSTEM, VISITOR = "user", "api_key", "agent", "support", "system", "visitor"
TYPES = {
    USER: "Person",
    API_KEY: "API key",
    AGENT: "Agent",
    SUPPORT: "Support",
    SYSTEM: "System",
    VISITOR: "Visitor",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """`id` is that of the person, the key, the run or the task.

    `on_behalf_of` is a person (or another actor), whose rights are used: events of a key, a run or the support are
    found by that person too.
    """

    type: str
    id: str | None
    name: str
    on_behalf_of: Any = None

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"{self.type!r} is no type of actor; these are: {', '.join(TYPES)}.")

    @classmethod
    def api_key(cls, id_: str, name: str, *, on_behalf_of: Any = None) -> Self:
        return cls(API_KEY, id_, name, on_behalf_of)

    @classmethod
    def agent(cls, run_id: str, name: str, *, on_behalf_of: Any) -> Self:
        return cls(AGENT, run_id, name, on_behalf_of)

    @classmethod
    def support(cls, person: Any, *, on_behalf_of: Any = None) -> Self:
        """Somebody of the platform's staff in a customer's organization; `on_behalf_of`: whom he impersonates."""
        return cls(SUPPORT, str(person.pk), name_of(person), on_behalf_of)

    @classmethod
    def system(cls, task: str = "", name: str = "System") -> Self:
        return cls(SYSTEM, task or None, name)

    @classmethod
    def of(cls, who: Any, *, request: Any = None) -> Self:
        """The actor that somebody is: an Actor, a user, a user's id, or nobody."""
        if isinstance(who, cls):
            return who
        if isinstance(who, str) and who:
            return cls(USER, who, "")
        if getattr(who, "pk", None):
            return cls(USER, str(who.pk), name_of(who))
        if request is not None:
            return cls(VISITOR, None, "Somebody")
        return cls.system(current_task.name if current_task else "")

    @property
    def user_id(self) -> str | None:
        """The person whose event it is; None when it is nobody's."""
        if self.type in (USER, SUPPORT):
            return self.id
        return Actor.of(self.on_behalf_of).user_id if self.on_behalf_of else None

    def stored(self) -> dict[str, Any]:
        values: dict[str, Any] = {"type": self.type, "id": self.id, "name": self.name}
        if self.on_behalf_of:
            values["on_behalf_of"] = Actor.of(self.on_behalf_of).stored()
        return values


def name_of(thing: Any) -> str:
    """What people call it."""
    return str(getattr(thing, "display_name", None) or getattr(thing, "name", None) or thing)
