"""What is known of each task before it runs: its queue, how often it is tried, what of its payload is secret."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from saas.celery import app

#: A task that says nothing else is tried three times, some seconds apart.
USUAL_ATTEMPTS = 3
A_DAY = timedelta(hours=24)


class UnknownTask(LookupError):
    """No task of this name is declared with `job_task` or `processing_task`."""


@dataclass(frozen=True, slots=True)
class TaskRules:
    """`max_attempts` None: tried until `try_for` is over.

    `forget`: parts of the payload that are dropped once the work is done and that the staff's pages do not show, for
    example because they hold a link that lets somebody in.
    """

    name: str
    queue: str
    work: Callable[[Any], dict[str, Any] | None]
    title: str = ""
    max_attempts: int | None = USUAL_ATTEMPTS
    try_for: timedelta = A_DAY
    forget: tuple[str, ...] = ()
    priority: int = 3


TASKS: dict[str, TaskRules] = {}


def rules_of(name: str) -> TaskRules:
    """Raises UnknownTask."""
    if name not in TASKS:
        app.loader.import_default_modules()  # the tasks.py of all rooms
    try:
        return TASKS[name]
    except KeyError:
        raise UnknownTask(f"No task {name!r}: declare it in a tasks.py with job_task or processing_task.") from None
