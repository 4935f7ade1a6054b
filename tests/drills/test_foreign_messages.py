"""Messages that this version of Rollbook did not write. Quick: on the embedded broker `make test` runs them too."""

import base64
import json
from pathlib import Path

import pytest

from config.celery import app
from releases.states import Outcome
from tests.drills.drill import Drill
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.once


def test_messages_of_an_older_and_a_newer_version_lose_no_click(drill: Drill) -> None:
    """B60: the queue holds knocks as another version would send them: with arguments more and less, and of tasks that
    this one does not know. They are refused and logged; the click runs."""
    drill.start("probe")
    rollback = drill.pressed()
    drill.log.fault()
    drill.flush_broker()  # no knock of this version is left
    for name, arguments in (
        ("run_rollback", [rollback.pk, "fast"]),
        ("run_rollback", []),
        ("run_rollback_of_tomorrow", [rollback.pk]),
        ("begin_run", [str(rollback.pk), {"of": "yesterday"}]),
    ):
        _send(drill, f"releases.tasks.{name}", arguments)
    drill.stack.start_worker("act")
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.log.over()
    assert "run_rollback_of_tomorrow" in (drill.stack.home / "act.log").read_text()
    drill.judge()


NONSENSE = {
    "not JSON": b"hello",
    "not even text": b"\x80\x04\x95\x00\xff",
    "JSON of another kind": b"[1, 2, 3]",
    "without what a message has": b"{}",
    "deep": b"[" * 100_000,
    "huge": b'{"body": "' + b"A" * 20_000_000 + b'"}',
}


def test_nonsense_in_the_queue_is_dropped(drill: Drill) -> None:
    """B61: somebody pushes nonsense to the queue, and a pickle that would write a file, in the shape that Celery gives
    its messages: each is dropped, none is opened, the worker lives and runs the next click."""
    drill.start("act", "probe")
    proof = drill.stack.home / "opened"
    messages = NONSENSE | {"a pickle": json.dumps(_pickled(proof, drill.place.act_queue)).encode()}
    worker = drill.stack.processes["act"]
    drill.log.fault()
    with drill.broker_client() as client:
        for what, message in messages.items():
            client.lpush(drill.place.act_queue, message)
            wait_until(lambda: not client.llen(drill.place.act_queue), 20, f"the worker takes what is {what}")
    rollback = drill.pressed()
    assert drill.ended(rollback).outcome == Outcome.RESTORED
    drill.log.over()
    assert drill.stack.processes["act"] is worker
    assert worker.poll() is None
    assert not proof.exists()
    said = (drill.stack.home / "act.log").read_text()
    assert said.count("dropped from the broker what is no message") >= 4
    assert "A" * 100 not in said, "nonsense may hold a secret"
    drill.judge()


def _pickled(proof: Path, queue: str) -> dict[str, object]:
    call = f"cposix\nsystem\n(S'touch {proof}'\ntR.".encode()
    properties = {
        "correlation_id": "1",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": "1",
    }
    return {
        "body": base64.b64encode(call).decode(),
        "content-encoding": "binary",
        "content-type": "application/x-python-serialize",
        "headers": {"lang": "py", "task": "releases.tasks.run_rollback", "id": "1", "root_id": "1"},
        "properties": properties,
    }


def _send(drill: Drill, task: str, arguments: list[object]) -> None:
    with app.connection_for_write(drill.broker_url) as connection:
        app.send_task(task, args=arguments, queue=drill.place.act_queue, connection=connection, expires=600)
