"""Logs are events with ids as fields: JSON when deployed, readable lines in development."""

import re
from typing import Any

import structlog

#: What follows one of these in a path opens something: it must not stand in a log.
SECRET_PATHS = re.compile(r"(/invitations/|/confirm-email/|/reset/key/|/not-me/)[^/\s?]+")


def blank_secret_paths(_logger: Any, _method: str, event: Any) -> Any:
    """Blank the one-time tokens in the paths of a log line."""
    for field in ("event", "request"):
        if isinstance(event.get(field), str):
            event[field] = SECRET_PATHS.sub(r"\1…", event[field])
    return event


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    blank_secret_paths,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """Set structlog up and answer the dictionary for Django's LOGGING."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        # not the rich traceback: it prints local variables, and so secrets
        else [
            structlog.dev.ConsoleRenderer(
                pad_event_to=0, colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "events": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_PROCESSORS,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "events"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.server": {"handlers": [], "propagate": True},
            "pymongo": {"level": "WARNING"},
            "mail.log": {"level": "WARNING"},  # aiosmtpd tells every line of the protocol
        },
    }


def bind_address(request: Any, **_: Any) -> None:
    """Put the client's address on every line of the request, believed as far as TRUSTED_PROXIES says."""
    from saas.http import client_ip  # the settings import this module

    structlog.contextvars.bind_contextvars(ip=client_ip(request))
