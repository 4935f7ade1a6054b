"""The probes of a run on two workers: each is measured once, and the last two settle the run exactly once."""

import threading
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from releases.models import ChecklistRun, Environment, Event, ProbeRun
from releases.probes import registry
from releases.probes.base import Answer, Context, Probe, Settings
from releases.services.checklists import begin_run, make_run
from releases.services.probing import run_probe
from releases.states import Effect, Purpose, RunStatus, Verdict
from tests.concurrency.conftest import Together
from tests.rig.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("workers")]

ROUNDS = 50
KEYS = ("cache_headers", "rollback_command")


class Meeting(Probe[Settings]):
    """A probe that ends its measuring at the same moment as the other one."""

    title = group = proves = cannot_see = "-"
    effect = Effect.NONE
    deadline = 30.0
    kinds = ()
    settings_model = Settings
    measured = 0
    barrier: threading.Barrier | None = None

    def __init__(self, key: str) -> None:
        self.key = key  # type: ignore[misc]

    def measure(self, context: Context[Any]) -> Answer:
        type(self).measured += 1
        if self.barrier is not None:
            self.barrier.wait(30)
        return Answer()


@pytest.fixture
def place(production: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    probes = dict(registry.all_probes()) | {key: Meeting(key) for key in KEYS}
    monkeypatch.setattr(registry, "all_probes", lambda: probes)
    monkeypatch.setattr(Meeting, "measured", 0)
    Environment.objects.update(checklist={key: {} for key in KEYS})
    production.refresh_from_db()
    return production


def begun(place: Environment) -> ChecklistRun:
    run = make_run(place, purpose=Purpose.VERIFY)
    assert begin_run(run.pk)
    return run


def test_the_last_two_probes_of_a_run_settle_it_exactly_once(
    place: Environment, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL neither sees the other's answer before that is committed."""
    monkeypatch.setattr(Meeting, "barrier", threading.Barrier(2))
    for _ in range(ROUNDS):
        run = begun(place)
        answers = together([partial(run_probe, row.pk) for row in run.probes.all()])
        assert answers == [None, None]
        run.refresh_from_db()
        assert (run.status, run.verdict) == (RunStatus.DONE, Verdict.PASS)
        assert Event.objects.filter(action="checklist:settled", object_tag=run.tag).count() == 1
    assert Meeting.measured == 2 * ROUNDS


def waiting_for_a_row() -> int:
    """How many connections wait for another's row; SQLite waits for the whole database, and does not say for whom."""
    if connection.vendor != "postgresql":
        return 2
    with connection.cursor() as cursor:
        # In this database: other tests use the same server.
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def test_a_probe_whose_message_was_delivered_twice_is_measured_once(place: Environment, together: Together) -> None:
    """B7: both claims have seen the row as queued, and wait for each other's end."""
    run = begun(place)
    row = run.probes.order_by("pk")[0]

    def hold() -> None:
        with transaction.atomic():
            ProbeRun.objects.filter(pk=row.pk).update(doing="held by the test")
            held.set()
            wait_until(lambda: waiting_for_a_row() >= 2, 20, "nobody waits")

    def claim() -> None:
        held.wait(20)
        run_probe(row.pk)

    held = threading.Event()
    assert together([hold, claim, claim]) == [None] * 3
    row.refresh_from_db()
    assert (Meeting.measured, row.attempts, row.fence, row.verdict) == (1, 1, 1, Verdict.PASS)
