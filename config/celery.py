"""The Celery application. Tasks live in `releases/tasks.py`; queues are named by `releases.models.Environment`."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun
from django.db import close_old_connections
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["redis"] = "config.broker:Transport"

app = Celery("rollbook")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def leave_old_connections(**_: Any) -> None:
    """Do before a task what Django does before a request: leave a connection that is too old, and test it first."""
    close_old_connections()
