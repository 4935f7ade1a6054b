"""The database is restarted, killed, read-only, full, or has no connection left: a click is recorded or refused."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import psycopg
import pytest
from django.db import OperationalError, connection

from releases.models import Event, IdempotencyKey, Rollback
from releases.states import CommandState, Outcome
from tests.drills import databases
from tests.drills.conftest import Place
from tests.drills.drill import Drill
from tests.rig.disks import filled, small_disk
from tests.rig.faulty_proxy import run_faulty_proxy
from tests.rig.postgres import PostgresServer, run_postgres
from tests.rig.waiting import wait_until

pytestmark = [pytest.mark.once, pytest.mark.drill]


def test_the_database_restarts_during_clicks(on_servers: Drill, drill_postgres: PostgresServer) -> None:
    """B14: a fast restart in the middle of clicks: each is recorded or refused, none is answered as recorded without
    a row, and the same press again with the same key is the same rollback."""
    drill = on_servers
    drill.start()
    form = drill.form()
    down = threading.Event()

    def restart() -> None:
        drill.log.fault()
        drill_postgres.stop()
        down.set()
        time.sleep(2)
        drill_postgres.start()
        drill.log.over()

    restarting = threading.Thread(target=restart)
    restarting.start()
    statuses = []
    while restarting.is_alive() or not statuses or statuses[-1] != 303:
        statuses.append(drill.press(form).status)
        time.sleep(0.05)
    restarting.join()
    assert down.is_set()
    assert set(statuses) == {303, 503}, statuses
    connection.close()  # this one's own
    rollback = Rollback.objects.get()
    for role in ("act", "probe"):
        drill.stack.start_worker(role)
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.judge()


def test_backends_are_killed(on_servers: Drill) -> None:
    """B15: the backend of every connection is killed, so that PostgreSQL recovers as after a crash, while a command
    runs: what was committed stays, and the next request works."""
    drill = on_servers
    drill.start("act", "probe")
    rollback = drill.pressed_and_at_work()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        backends = [pid for (pid,) in cursor.fetchall()]
    connection.close()
    drill.log.fault()
    for pid in backends:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _there(rollback), 30, "what was committed is there")
    drill.log.over()
    cho = drill.cho
    assert cho is not None
    wait_until(lambda: cho.get(f"/rollbacks/{rollback.pk}").status_code == 200, 10, "the next request works")
    drill.let_command_go()
    done = drill.ended(rollback, 90)
    assert (done.command, done.outcome) == (CommandState.EXITED, Outcome.RESTORED)
    drill.judge()


def test_the_answer_to_a_commit_is_lost(on_servers: Drill, drill_postgres: PostgresServer) -> None:
    """B16: the click is committed, and the web process never hears so: the same press again, with its key, is answered
    with the same rollback."""
    drill = on_servers
    with run_faulty_proxy(drill_postgres.port) as proxy:
        drill.stack.start_broker()
        drill.stack.extra["DATABASE_URL"] = databases.through(proxy.port)
        drill.stack.start_web()
        del drill.stack.extra["DATABASE_URL"]
        drill.stack.start_sweep()
        drill.look_on()
        form = drill.form()
        drill.log.fault()
        proxy.faults.swallow_after = b"COMMIT"
        first = drill.press(form)
        drill.log.over()
        assert first.status == 503
        kept = Rollback.objects.get()
        again = drill.press(form)
        assert (again.status, again.rollback) == (303, kept.pk)
        for role in ("act", "probe"):
            drill.stack.start_worker(role)
        assert drill.ended(kept).outcome == Outcome.RESTORED
        drill.judge()


def test_the_database_takes_no_writes(on_servers: Drill) -> None:
    """B17: read-only, as a standby is: the press is refused with a page that says so, and nothing starts; when it
    takes writes again the same press works."""
    drill = on_servers
    drill.start("act", "probe")
    form = drill.form()
    drill.log.fault()
    _read_only(True)
    refused = drill.press(form)
    assert refused.status == 503
    _read_only(False)
    drill.log.over()
    assert (Rollback.objects.count(), IdempotencyKey.objects.count(), drill.starts()) == (0, 0, [])
    assert drill.ended(drill.pressed(form)).outcome == Outcome.RESTORED
    drill.judge()


def test_the_databases_disk_is_full(place: Place) -> None:
    """B17: the disk of the database is full: no rollback starts whose event cannot be written, the answer says what
    failed, and when there is room again the same press works."""
    with small_disk("160m") as disk, run_postgres(["synchronous_commit=on", *SMALL], folder=disk) as server:
        drill = place.drill("servers", databases.on_postgres(server))
        drill.start("act", "probe")
        form = drill.form()
        drill.log.fault()
        with filled(disk):
            _use_up_preallocated_space()
            refused = drill.press(form)
            assert refused.status == 503
        drill.log.over()
        assert (Rollback.objects.count(), drill.starts()) == (0, [])
        wait_until(lambda: drill.press(form).status == 303, 30, "the same press works")
        assert drill.ended(Rollback.objects.get()).outcome == Outcome.RESTORED
        drill.judge()


def test_all_connections_are_used(place: Place) -> None:
    """B18: no connection is free, and thirty clients come: whoever gets none is answered 503 with Retry-After, the
    health page answers all the while, and a click is recorded or refused."""
    with run_postgres(["synchronous_commit=on", "max_connections=24"]) as server:
        drill = place.drill("servers", databases.on_postgres(server))
        drill.start("act", "probe")
        form = drill.form()
        drill.log.fault()
        with _all_connections_of(server):
            answers = _thirty_at_once(drill)
            refused = drill.press(form)
            health = httpx.get(f"{drill.stack.url}/healthz", timeout=10)
        drill.log.over()
        assert {answer.status_code for answer in answers} <= {200, 503}
        away = [answer for answer in answers if answer.status_code == 503]
        assert away, "nobody was left without a connection"
        assert all("Retry-After" in answer.headers for answer in away)
        assert health.text in ("ok\n", "the database does not answer\n")
        if refused.status != 303:
            assert refused.status == 503
            wait_until(lambda: drill.press(form).status == 303, 30, "the same press works")
        assert drill.ended(Rollback.objects.get()).outcome == Outcome.RESTORED
        drill.judge()


SMALL = ("wal_level=minimal", "max_wal_senders=0", "max_wal_size=32MB", "min_wal_size=32MB")


def _use_up_preallocated_space() -> None:
    """Write until a write fails: tables have room in the pages that they have."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS filler (text text)")
            while True:
                cursor.execute("INSERT INTO filler SELECT repeat(md5(random()::text), 60) FROM generate_series(1, 500)")
    except OperationalError:
        connection.close()


def _read_only(on: bool) -> None:
    """Have every session from now on write nothing, and end those that there are."""
    connection.close()
    with psycopg.connect(databases.address(), autocommit=True, options="-c default_transaction_read_only=off") as admin:
        name = admin.info.dbname
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {"on" if on else "off"}')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [name],
        )


@contextmanager
def _all_connections_of(server: PostgresServer) -> Iterator[None]:
    """Take every connection that is free until the block ends."""
    held = []
    try:
        with suppress(psycopg.OperationalError):
            while True:
                held.append(psycopg.connect(server.url(), connect_timeout=3))
        yield
    finally:
        for one in held:
            one.close()


def _thirty_at_once(drill: Drill) -> list[httpx.Response]:
    cho = drill.cho
    assert cho is not None
    with ThreadPoolExecutor(30) as clients:
        return list(clients.map(lambda _: cho.get("/"), range(60)))


def _there(rollback: Rollback) -> bool:
    try:
        return Event.objects.filter(action="rollback:pressed", object_tag=rollback.tag).exists()
    except OperationalError:
        connection.close()
        return False
