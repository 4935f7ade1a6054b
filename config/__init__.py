"""The project package: settings, URLs, the Celery application and the embedded default."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
