"""The timeline of what Rollbook carries out itself: a deployment, or a rehearsal with its steps."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases.models import Deployment, Environment, Execution, Rehearsal, RehearsalStep
from releases.queries.lanes import Lanes
from releases.queries.rollback_page import events_about
from releases.queries.step_lanes import lanes_of_steps
from releases.queries.steps import steps_of_rehearsal
from releases.services.rehearsals import stop_rehearsal
from releases.states import (
    CommandState,
    ExecutionKind,
    ExecutionStatus,
    RehearsalOutcome,
    RehearsalStatus,
    RehearsalStepKind,
)
from tests import factory
from tests.dashboard.pages import signed_in, words
from tests.dashboard.test_deploying import deploying

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.fixture
def staging() -> Environment:
    place = factory.environment(key="staging", command_names=["deploy", "rollback"])
    factory.deployed(place, "2026.11.4")
    factory.release(place.service, "2026.11.5")
    return place


def rehearsing(place: Environment, **fields: Any) -> Rehearsal:
    """A rehearsal whose deploy command ran, whose checklist is done, and whose rollback command is on."""
    assert place.live is not None
    made = Rehearsal.objects.create(
        environment=place,
        release=place.service.releases.get(version="2026.11.5"),
        back_to=place.live,
        requester=factory.person("dee", "lead"),
        requested_by="Dee",
        pressed_at=ago(30),
        **{"status": RehearsalStatus.RUNNING} | fields,
    )
    checked = factory.run(place)
    type(checked).objects.filter(pk=checked.pk).update(started_at=ago(18), finished_at=ago(10))
    steps = {
        RehearsalStepKind.DEPLOY: {"execution": command(place, 28, 19)},
        RehearsalStepKind.CHECK: {"run": checked},
        RehearsalStepKind.ROLL_BACK: {"execution": command(place, 9, None)},
        RehearsalStepKind.CHECK_AGAIN: {},
    }
    for number, (kind, done) in enumerate(steps.items()):
        RehearsalStep.objects.create(rehearsal=made, position=number, kind=kind, **done)
    return made


def command(place: Environment, began: float, ended: float | None) -> Execution:
    over = {"status": ExecutionStatus.ENDED, "command": CommandState.EXITED, "exit_code": 0}
    return Execution.objects.create(
        environment=place,
        kind=ExecutionKind.DEPLOY,
        started_by="Dee",
        started_at=ago(began),
        ended_at=None if ended is None else ago(ended),
        **({} if ended is None else over),
    )


def lanes(made: Rehearsal) -> Lanes:
    made.refresh_from_db()
    return lanes_of_steps(
        made.tag,
        made.outcome or made.status,
        made.requested_by,
        made.pressed_at,
        steps_of_rehearsal(made),
        events_about(made.tag),
        until=NOW if made.open else made.ended_at,
        on=made.open,
    )


def told(found: Lanes) -> list[tuple[float | None, str, str, str, float | None]]:
    return [(found.after(line), line.lane, line.name, line.word, found.seconds(line)) for line in found.in_order]


def test_the_steps_of_a_rehearsal_stand_in_their_lanes(staging: Environment) -> None:
    made = rehearsing(staging)
    assert told(lanes(made)) == [
        (0, "people", "Dee", "", None),
        (0, "deployment", made.tag, "running", 30),
        (2, "command", "Deploy command", "pass", 9),
        (12, "probes", "Checklist", "pass", 8),
        (21, "command", "Rollback command", "executing", 9),
        (None, "probes", "Checklist again", "waiting", None),
    ]


def test_a_command_that_waits_stands_among_the_commands(staging: Environment) -> None:
    made = rehearsing(staging)
    RehearsalStep.objects.filter(rehearsal=made, kind=RehearsalStepKind.ROLL_BACK).update(execution=None)
    assert (None, "command", "Rollback command", "waiting", None) in told(lanes(made))


def test_what_is_done_is_open_no_more(staging: Environment) -> None:
    made = rehearsing(staging, status=RehearsalStatus.DONE, outcome=RehearsalOutcome.PROVEN, ended_at=ago(1))
    RehearsalStep.objects.filter(rehearsal=made, kind=RehearsalStepKind.ROLL_BACK).update(
        execution=command(staging, 9, 5)
    )
    found = lanes(made)
    assert [line.name for line in found.lines if line.start and not line.end] == []
    assert told(found)[1] == (0, "deployment", made.tag, "proven", 29)


def test_who_asked_it_to_stop_stands_among_the_people(staging: Environment) -> None:
    made = rehearsing(staging)
    stop_rehearsal(made, actor=factory.actor(factory.lead()))
    assert [line.says for line in lanes(made).lines if line.name == "Ana Ruiz"] == ["asked it to stop"]


def test_what_was_not_reached_does_not_wait(staging: Environment) -> None:
    made = rehearsing(staging, status=RehearsalStatus.DONE, outcome=RehearsalOutcome.NOT_PROVEN, ended_at=ago(1))
    last = lanes(made).in_order[-1]
    assert (last.name, last.word, last.says) == ("Checklist again", "skipped", "not reached")


def test_both_pages_show_it_last_in_what_is_swapped(staging: Environment) -> None:
    client = signed_in(factory.lead())
    rehearsal = rehearsing(staging)
    for address in (f"/rehearsals/{rehearsal.pk}", f"/deployments/{_deploying_instead(staging).pk}"):
        page = client.get(address)
        source = page.content.decode()
        live = source[source.index('<section id="live"') : source.index("</main>")]
        assert live.rindex("<section ") == live.index('<section class="stack tight" aria-labelledby="since-the-press">')
        assert '<svg class="lanes"' in live
        assert " Timeline 0 s " in words(page)


def _deploying_instead(place: Environment) -> Deployment:
    """Only one command may be at work in an environment."""
    Execution.objects.update(status=ExecutionStatus.ENDED)
    factory.User.objects.filter(username="dee").update(username="eve")
    return deploying(place)
