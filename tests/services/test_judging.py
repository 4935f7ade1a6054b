"""Readiness turning: who notices, what counts as a turn, and that it is told once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from releases import broker as brokers, knocks
from releases.models import Deployment, Environment, Event, Execution, Message, Readiness, Worker
from releases.queries.readiness import WORKER_FRESH
from releases.queries.readiness.item import red
from releases.services.judging import JUDGE_EVERY, Judging
from releases.services.messages import BROKER_AWAY
from releases.services.turns import turn
from releases.states import ExecutionKind
from tests import factory
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db(transaction=True)


class Sweeper(Judging):
    """Judges whenever it is asked to, as if its time had come."""

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.judged_at = float("-inf")
            self.judge_when_due()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whether the broker answers."""
    state = {"answers": True}
    monkeypatch.setattr(brokers, "ASK_AGAIN_SECONDS", -1.0)
    monkeypatch.setattr(brokers, "watch", brokers.BrokerWatch())
    monkeypatch.setattr(knocks, "broker_answers", lambda: state["answers"])
    return state


@pytest.fixture
def judge(answers: dict[str, bool], workers: InlineWorkers) -> Sweeper:
    return Sweeper()


@pytest.fixture
def production(db: None) -> Environment:
    """Ready, with people who are told."""
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    Environment.objects.update(receivers=["chat", "mail"])
    place.refresh_from_db()
    return place


@pytest.fixture
def was_ready(production: Environment, judge: Sweeper) -> Environment:
    judge.look(2)
    assert Readiness.objects.get().ready
    return production


def silent() -> None:
    """Let every worker have fallen silent."""
    Worker.objects.update(seen_at=timezone.now() - WORKER_FRESH * 2)


def test_a_worker_that_is_gone_turns_it_red_and_everybody_is_told_once(was_ready: Environment, judge: Sweeper) -> None:
    """B2: the worker cannot say so itself."""
    silent()
    judge.look(5)
    kept = Readiness.objects.get()
    assert (kept.ready, kept.red, kept.turns) == (False, ["worker"], 1)
    assert sorted(Message.objects.values_list("receiver", flat=True)) == ["chat", "mail"]
    message = Message.objects.filter(receiver="chat").get()
    assert message.title == "way back not ready archive/production 2026.11.4"
    assert message.text.startswith("worker: no worker has reported itself in the last 30 s")
    assert message.text.endswith("Start manage.py work act, or run manage.py rollback on the worker's host.")
    assert message.path == f"/s/archive/production/rollback?seen={was_ready.live_id}"


def test_turning_red_and_turning_ready_again_are_lines_of_the_book(was_ready: Environment, judge: Sweeper) -> None:
    silent()
    judge.look(2)
    Worker.objects.update(seen_at=timezone.now())
    judge.look(2)
    events = Event.objects.order_by("seq")
    assert [event.action for event in events] == ["readiness:turned_red", "readiness:turned_ready"]
    assert events[0].payload["details"]["red"][0].startswith("worker: no worker")
    assert Readiness.objects.get().ready
    assert Message.objects.count() == 2, "that it is ready again is to be seen, and wakes nobody"


def test_each_turn_is_told(was_ready: Environment, judge: Sweeper) -> None:
    for _ in range(2):
        silent()
        judge.look(2)
        Worker.objects.update(seen_at=timezone.now())
        judge.look(2)
    assert Message.objects.filter(receiver="chat").count() == 2


def test_one_judgement_alone_is_no_turn(was_ready: Environment, judge: Sweeper) -> None:
    """A worker that is started anew within that time, or a broker, is never told of."""
    for _ in range(3):
        silent()
        judge.look()
        Worker.objects.update(seen_at=timezone.now())
        judge.look()
    assert Readiness.objects.get().ready
    assert not Message.objects.exists()


def test_judgements_are_half_a_minute_apart(production: Environment, answers: dict[str, bool]) -> None:
    now = [0.0]
    judge = Judging(clock=lambda: now[0])
    judge.judge_when_due()
    now[0] += JUDGE_EVERY - 1
    judge.judge_when_due()
    assert not Readiness.objects.exists()
    now[0] += 1
    judge.judge_when_due()
    assert Readiness.objects.get().ready


def test_a_deployment_that_runs_is_no_turn(was_ready: Environment, judge: Sweeper) -> None:
    Execution.objects.create(
        environment=was_ready, kind=ExecutionKind.DEPLOY, started_by="x", started_at=timezone.now()
    )
    look = was_ready.readiness_looks.get()
    look.items = [item | {"ready": item["key"] != "lock"} for item in look.items]
    look.save()
    judge.look(3)
    assert Readiness.objects.get().ready
    Execution.objects.update(status="ended")
    judge.look(2)
    assert Readiness.objects.get().red == ["lock"], "an orphan that still holds the lock is one"


def test_what_nobody_knows_is_no_turn(was_ready: Environment, judge: Sweeper) -> None:
    was_ready.readiness_looks.update(looked_at=timezone.now() - timedelta(hours=1))
    judge.look(3)
    assert Readiness.objects.get().ready
    assert not Message.objects.exists()


def test_a_broker_that_is_away_turns_it_red(was_ready: Environment, judge: Sweeper, answers: dict[str, bool]) -> None:
    """B10"""
    answers["answers"] = False
    judge.look(2)
    assert Readiness.objects.get().red == ["queue"]
    answers["answers"] = True
    judge.look(2)
    assert Readiness.objects.get().ready


def artifact(of: Environment, *, ready: bool) -> None:
    """Have the worker's last look say so of the artifact."""
    look = of.readiness_looks.get()
    look.items = [item | {"ready": ready} if item["key"] == "artifact" else item for item in look.items]
    look.save()


def told_of() -> list[str]:
    """What the chat was told: the key that each message begins with."""
    return [message.text.partition(":")[0] for message in Message.objects.filter(receiver="chat").order_by("pk")]


def test_a_further_item_that_turns_red_is_told_by_itself_once(was_ready: Environment, judge: Sweeper) -> None:
    silent()
    judge.look(3)
    artifact(was_ready, ready=False)
    judge.look()
    assert told_of() == ["worker"], "one judgement alone is no turn"
    judge.look(4)
    assert told_of() == ["worker", "artifact"]
    kept = Readiness.objects.get()
    assert (kept.ready, sorted(kept.red), kept.turns) == (False, ["artifact", "worker"], 2)
    further = Event.objects.latest("seq")
    assert further.action == "readiness:turned_red"
    assert further.payload["details"]["before"] == {"way_back": "not ready", "red": ["worker"]}
    assert further.payload["details"]["after"] == {"way_back": "not ready", "red": ["worker", "artifact"]}


def test_an_item_that_was_ready_again_and_turns_red_is_another_fact(was_ready: Environment, judge: Sweeper) -> None:
    silent()
    judge.look(2)
    for ready in (False, True, False):
        artifact(was_ready, ready=ready)
        judge.look(3)
    assert told_of() == ["worker", "artifact", "artifact"]


def test_an_item_that_nobody_knows_for_a_while_is_not_told_again(was_ready: Environment, judge: Sweeper) -> None:
    artifact(was_ready, ready=False)
    judge.look(2)
    looked_at = was_ready.readiness_looks.get().looked_at
    silent()
    for at in (looked_at - timedelta(hours=1), timezone.now()):
        was_ready.readiness_looks.update(looked_at=at)
        judge.look(3)
    assert told_of() == ["artifact", "worker"]


def test_further_items_of_what_was_never_ready_wake_nobody(production: Environment, judge: Sweeper) -> None:
    silent()
    judge.look(2)
    artifact(production, ready=False)
    judge.look(3)
    assert sorted(Readiness.objects.get().red) == ["artifact", "worker"]
    assert not Message.objects.exists()


def test_of_two_sweeps_one_sees_a_further_item(was_ready: Environment) -> None:
    items = [red("artifact", "gone", "Build it."), red("lock", "held", "Look.")]
    assert turn(was_ready.pk, ready=False, red=items[:1])
    further = [turn(was_ready.pk, ready=False, red=items, steady=items) for _ in range(2)]
    assert further == [True, False]
    assert told_of() == ["artifact", "lock"]


def test_a_broker_that_is_away_is_told_apart_from_what_is_red_here(
    was_ready: Environment, judge: Sweeper, answers: dict[str, bool]
) -> None:
    """B10: it is away for every environment, and sent as one message."""
    answers["answers"] = False
    silent()
    judge.look(3)
    here, broker = Message.objects.filter(receiver="chat").order_by("pk")
    assert (here.together, here.text.partition(":")[0]) == ("", "worker")
    assert broker.title == "the broker does not answer archive/production 2026.11.4"
    assert (broker.together, broker.text.partition(":")[0]) == (BROKER_AWAY, "queue")
    assert broker.due_at > here.due_at, "it waits for those of the other environments"


def test_what_was_never_ready_has_not_turned(judge: Sweeper) -> None:
    place = factory.environment(receivers=["chat"])
    factory.deployed(place, "2026.11.4")
    judge.look(3)
    assert Readiness.objects.get().red == ["target", "worker"]
    assert not Message.objects.exists()
    assert not Event.objects.exists()


def test_while_a_rollback_is_on_nothing_turns(was_ready: Environment, judge: Sweeper) -> None:
    assert was_ready.live is not None
    target = Deployment.objects.order_by("pk").first()
    assert target is not None
    factory.rollback(was_ready, target, was_ready.live, factory.on_call())
    silent()
    judge.look(3)
    assert Readiness.objects.get().ready


def test_an_environment_without_receivers_turns_all_the_same(was_ready: Environment, judge: Sweeper) -> None:
    Environment.objects.update(receivers=[])
    silent()
    judge.look(2)
    assert not Readiness.objects.get().ready
    assert not Message.objects.exists()


def test_of_two_sweeps_one_sees_it_turn(was_ready: Environment) -> None:
    assert [turn(was_ready.pk, ready=False, red=[]), turn(was_ready.pk, ready=False, red=[])] == [True, False]
    assert Event.objects.count() == 1
