"""Background work: the Celery application, on Valkey.

A task says its queue (`saas/queues.py`); the Procfile runs one worker per queue. A task is acknowledged when it has
ended, so a killed worker's task is done by another.
"""

import os
import signal
import threading
from typing import Any

from celery import Celery
from celery.signals import import_modules, worker_process_init, worker_shutting_down
from kombu.entity import Queue

from saas.queues import QUEUES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saas.settings")

TASK_TIME_LIMIT = 300  # seconds, after which the worker kills the task
TASK_SOFT_TIME_LIMIT = TASK_TIME_LIMIT - 15  # seconds, after which the task hears SoftTimeLimitExceeded
#: After SIGTERM a worker has so many seconds to end what it does; what is left then is done by another worker.
DRAIN_SECONDS = float(os.environ.get("WORKER_DRAIN_SECONDS", "25"))
PRIORITIES = (0, 3, 6, 9)  # 0 comes first
LOADED_IN = os.getpid()

app = Celery("groundwork")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_queues=[Queue(name) for name in QUEUES],
    task_default_queue="default",
    task_default_priority=3,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=TASK_TIME_LIMIT,
    task_soft_time_limit=TASK_SOFT_TIME_LIMIT,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # a job is guarded by its lease, not by the broker
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # Just above the longest task: a killed main process gives its tasks back after this.
        "visibility_timeout": TASK_TIME_LIMIT + 30,
        "priority_steps": list(PRIORITIES),
        "queue_order_strategy": "priority",
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        # A page does not wait for a broker that is down: a job waits in the database instead.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
    },
    beat_scheduler="saas.jobs.beat:Scheduler",
    timezone="UTC",
)
app.autodiscover_tasks(["saas", "accounts", "organizations"])


@worker_process_init.connect
def open_own_connections(**_: Any) -> None:
    """A connection pool does not survive a fork; a worker without one (`--pool solo`) keeps its own."""
    from saas.mongo import close_pools

    if os.getpid() != LOADED_IN:
        close_pools()


@import_modules.connect
def watch_work(**_: Any) -> None:
    """Note who works and what the clock has started, for the staff's page."""
    from saas.jobs import watching

    watching.connect()


@worker_shutting_down.connect
def limit_the_drain(how: str = "", **_: Any) -> None:
    """Celery waits for running tasks without end; here it stops waiting, and the messages go back to the queue."""
    if how != "Warm":
        return
    timer = threading.Timer(DRAIN_SECONDS, os.kill, (os.getpid(), signal.SIGQUIT))
    timer.daemon = True
    timer.start()
