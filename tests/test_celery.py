"""What a worker does with its database connection between two tasks."""

import time

import pytest
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_prerun
from django.db import connection

from config.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_next_task_finds_the_connection_of_the_one_before() -> None:
    connection.ensure_connection()
    DjangoWorkerFixup(app).close_database()
    assert connection.connection is not None


def test_a_connection_that_is_too_old_is_left_before_a_task() -> None:
    """B15"""
    connection.ensure_connection()
    connection.close_at = time.monotonic() - 1
    task_prerun.send(sender=None)
    assert connection.connection is None
