"""The Celery application. Tasks live in `releases/tasks.py`; queues are named by `releases.models.Environment`."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["redis"] = "config.broker:Transport"

app = Celery("rollbook")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
