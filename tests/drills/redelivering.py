"""Settings of a worker to which the broker hands every message again after five seconds, as long as it works on it."""

from config.settings import *  # noqa: F403
from config.settings import WORKER_BROKER_TRANSPORT_OPTIONS as LONGER

WORKER_BROKER_TRANSPORT_OPTIONS = LONGER | {"visibility_timeout": 5}
CELERY_TASK_ACKS_LATE = True
