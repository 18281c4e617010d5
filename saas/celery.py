"""Background work: the Celery application and its queues, on Valkey.

A task says its queue; the Procfile runs one worker per queue. A task is acknowledged when it has ended, so a killed
worker's task is done by another.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saas.settings")

#: queue → tasks at a time in one worker
QUEUES = {"email": 5, "processing": 3, "webhooks": 10, "ai": 4, "events": 4, "default": 4}
TASK_TIME_LIMIT = 300

app = Celery("groundwork")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_queues=[Queue(name) for name in QUEUES],
    task_default_queue="default",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=TASK_TIME_LIMIT,
    task_soft_time_limit=TASK_TIME_LIMIT - 15,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        # Just above the longest task: a killed main process gives its tasks back after this.
        "visibility_timeout": TASK_TIME_LIMIT + 30,
        "priority_steps": [0, 3, 6, 9],
        "queue_order_strategy": "priority",
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        # A page does not wait for a broker that is down: a job waits in the database instead.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
    },
    timezone="UTC",
)
app.autodiscover_tasks(["saas", "accounts", "organizations"])


@worker_process_init.connect
def open_own_connections(**_: Any) -> None:
    """A connection pool does not survive a fork."""
    from saas.mongo import close_pools

    close_pools()
