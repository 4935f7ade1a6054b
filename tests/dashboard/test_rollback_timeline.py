"""The timeline of a rollback: its lanes in every state, and where it stands on the page."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from releases import book
from releases.book import Tag
from releases.intake import VerifySpec
from releases.models import ChecklistRun, Execution, Freeze, ProbeRun, Rollback, User
from releases.queries import rollback_page
from releases.queries.lanes import Lanes
from releases.queries.rollback_lanes import ACTS, lanes_of_rollback
from releases.services import rollbacks
from releases.services.outcomes import what_probes_say
from releases.states import CommandState, Effect, ExecutionStatus, Outcome, ProbeStatus, RollbackStatus, RunStatus
from tests import factory
from tests.dashboard.pages import HTMX, polled, queries_of, words
from tests.dashboard.test_rollback_page import (  # noqa: F401 - fixtures among them
    BOTH,
    HOSTILE,
    _nobody_at_the_door,
    address,
    ago,
    browser,
    cho,
    ended,
    execution,
    exited,
    pressed,
    restore_run,
    running,
    story,
)

pytestmark = pytest.mark.django_db
# ruff: noqa: F811 - fixtures are arguments

WAITING = ["serving_version", "cache_headers", "response_time", "rollback_command"]


def lanes(rollback: Rollback) -> Lanes:
    """Return the lanes as the page has them."""
    row = rollback_page.shown_rollback(rollback.pk)
    assert row is not None
    probes = rollback_page.probes_of(row.restore_run)
    steps = rollback_page.steps(row, probes, what_probes_say(probes))
    word = row.outcome or row.status
    return lanes_of_rollback(row, word, steps, probes, rollback_page.events_about(row.tag), timezone.now())


def told(found: Lanes) -> list[str]:
    """Return the lines in the order of reading, a word or two of each."""
    return [f"{line.lane}: {' '.join(filter(None, (line.name, line.word, line.says)))}" for line in found.in_order]


def verifying(story: Any, who: User) -> Rollback:
    """One probe answered, two on at once, the second look still to come."""
    run = restore_run(story, BOTH)
    ChecklistRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, verdict="", finished_at=None)
    run.probes.filter(wave__gt=0).update(status=ProbeStatus.RUNNING, verdict="", started_at=ago(4), finished_at=None)
    run.probes.filter(wave=0).update(started_at=ago(4.8), finished_at=ago(4.1))
    run.probes.filter(key="rollback_command").update(status=ProbeStatus.WAITING, started_at=None)
    ProbeRun.objects.create(run=run, key="serving_version", effect=Effect.NONE, wave=9, repeat=True)
    return pressed(
        story,
        who,
        status=RollbackStatus.VERIFYING,
        command=CommandState.EXITED,
        claimed_at=ago(17.8),
        command_ended_at=ago(5),
        execution=exited(story[0]),
        deployment=run.deployment,
        restore_run=run,
    )


# --- The lanes ------------------------------------------------------------------------------------------------------


def test_a_queued_rollback_waits_up_to_now_and_says_what_is_to_come(story: Any, cho: User) -> None:
    found = lanes(pressed(story, cho, pressed_at=ago(3)))
    assert told(found) == [
        "people: Cho Park pressed",
        "deployment: queued queued",
        "command: waiting",
        "purge: waiting",
        *(f"probes: {key} waiting" for key in WAITING),
        "deployment: outcome waiting",
    ]
    (queued,) = [line for line in found.lines if line.name == "queued"]
    assert queued.end is None
    assert 3 <= (found.seconds(queued) or 0) < 4


def test_a_running_command_is_open_up_to_now(story: Any, cho: User) -> None:
    rollback = running(story, cho)
    found = lanes(rollback)
    assert rollback.execution is not None
    (command,) = [line for line in found.lines if line.lane == "command"]
    assert (command.name, command.word, command.end) == (rollback.execution.tag, "running", None)
    assert (found.open, found.word) == (True, "running")


def test_probes_that_run_at_once_are_lines_of_their_own(story: Any, cho: User) -> None:
    found = lanes(verifying(story, cho))
    on = [line.name for line in found.lines if line.lane == "probes" and line.start and not line.end]
    assert on == ["cache_headers", "response_time"]
    assert told(found)[-3:] == [
        "probes: rollback_command waiting",
        "probes: serving_version, second look waiting",
        "deployment: outcome waiting",
    ]


def test_the_picture_keeps_its_height_from_the_press_to_the_probes(story: Any, cho: User) -> None:
    heights = []
    for made in (pressed, running, verifying):
        rollback = made(story, cho)
        found = lanes(rollback)
        heights.append(len(found.lines) + found.room)
        Rollback.objects.filter(pk=rollback.pk).update(status=RollbackStatus.CANCELLED, ended_at=timezone.now())
        Execution.objects.update(status=ExecutionStatus.ENDED)
        Freeze.objects.update(lifted_at=timezone.now())
    assert heights == [heights[0]] * 3


def test_a_restored_one_has_every_step_from_its_begin_to_its_end(story: Any, cho: User) -> None:
    rollback = ended(story, cho, Outcome.RESTORED)
    found = lanes(rollback)
    assert rollback.deployment is not None
    assert rollback.execution is not None
    said = told(found)
    assert said[:2] == ["people: Cho Park pressed", "deployment: queued taken on worker-1"]
    assert f"deployment: {rollback.deployment.tag} finished" in said
    assert f"command: {rollback.execution.tag} pass exit 0" in said
    assert said[-1] == "deployment: outcome restored"
    assert [line.name for line in found.lines if line.start and not line.end] == []
    assert (found.room, found.open) == (0, False)
    assert round((found.end - found.start).total_seconds()) == 18, "its probes are the last"


def test_a_cancelled_one_says_that_nothing_ran(story: Any, cho: User) -> None:
    rollback = pressed(story, cho, pressed_at=ago(2))
    rollbacks.cancel(rollback, actor=factory.actor(cho))
    assert told(lanes(rollback)) == [
        "people: Cho Park pressed",
        "deployment: queued cancelled",
        "people: Cho Park cancelled it",
        "command: skipped not reached",
        "purge: skipped not reached",
        "probes: skipped none ran",
        "deployment: outcome cancelled",
    ]


def test_who_asked_it_to_stop_stands_among_the_people(story: Any, cho: User) -> None:
    rollback = running(story, cho)
    rollbacks.stop(rollback, actor=factory.actor(factory.lead()))
    assert "people: Ana Ruiz asked it to stop" in told(lanes(rollback))


@pytest.mark.parametrize("action", sorted(ACTS))
def test_what_people_do_to_it_is_a_line_of_theirs_and_never_after_the_end(story: Any, cho: User, action: str) -> None:
    rollback = ended(story, cho, Outcome.RESTORED)
    book.record(Tag(action), factory.actor(factory.lead()), about=rollback.tag, environment=story[0])
    (line,) = [line for line in lanes(rollback).lines if line.name == "Ana Ruiz"]
    assert (line.lane, line.says, line.start) == ("people", ACTS[action], rollback.ended_at)


def test_a_lost_command_ends_where_its_lease_ended(story: Any, cho: User) -> None:
    """B2"""
    lost = execution(story[0], status=ExecutionStatus.ENDED, command=CommandState.LOST, ended_at=ago(2))
    found = lanes(ended(story, cho, Outcome.UNKNOWN, execution=lost, command=CommandState.LOST))
    (command,) = [line for line in found.lines if line.lane == "command"]
    assert (command.word, command.end) == ("lost", lost.ended_at)
    assert told(found)[-1] == "deployment: outcome unknown"


def test_one_that_is_measured_again_keeps_its_first_outcome(story: Any, cho: User) -> None:
    rollback = ended(story, cho, Outcome.UNKNOWN)
    done = factory.actor(cho)
    Rollback.objects.filter(pk=rollback.pk).update(ended_at=ago(3))
    book.record(Tag.ROLLBACK_DONE, done, about=rollback.tag, environment=story[0], outcome="unknown")
    assert rollbacks.verify_now(rollback, VerifySpec(reason="the host is back"), actor=done)
    said = told(lanes(rollback))
    assert "deployment: first outcome unknown" in said
    assert "people: Cho Park had it measured again" in said
    assert said[-1] == "deployment: outcome waiting"


def test_a_probe_that_is_asked_again_has_no_bar_meanwhile(story: Any, cho: User) -> None:
    rollback = verifying(story, cho)
    ProbeRun.objects.filter(run=rollback.restore_run, key="response_time").update(status=ProbeStatus.QUEUED)
    (line,) = [line for line in lanes(rollback).lines if line.name == "response_time"]
    assert (line.start, line.word) == (None, "queued")


def test_what_a_probe_was_skipped_for_is_said(story: Any, cho: User) -> None:
    rollback = ended(story, cho, Outcome.RESTORED)
    ProbeRun.objects.filter(run=rollback.restore_run, key="response_time").update(
        verdict="skipped", skipped="no route is timed", started_at=None
    )
    assert "probes: response_time skipped no route is timed" in told(lanes(rollback))


def test_clocks_that_disagree_make_no_negative_times(story: Any, cho: User) -> None:
    found = lanes(running(story, cho, pressed_at=ago(-60)))
    assert min(found.after(line) or 0 for line in found.lines) == 0
    assert min(found.seconds(line) or 0 for line in found.lines) == 0
    assert found.end >= found.start
    assert told(found)[0] == "people: Cho Park pressed"


# --- The page -------------------------------------------------------------------------------------------------------


def test_the_page_has_the_list_and_the_picture(browser: Client, story: Any, cho: User) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        rollback = ended(story, cho, Outcome.RESTORED)
        page = browser.get(address(rollback))
    source = page.content.decode()
    assert re.search(r'<svg class="lanes".*<title>RB-\d+: restored, 18\.0\u202fs after the press at', source)
    said = words(page).partition(" Timeline ")[2]
    assert re.match(r"0 s \d\d:\d\d:\d\d UTC people Cho Park pressed 0 s .* deployment queued taken on worker-1 ", said)
    assert re.search(r"\+1\.0 s \d\d:\d\d:\d\d UTC command E-\d+ pass exit 0 12\.\d s", said)
    assert "style=" not in source


def test_it_stands_last_so_that_nothing_moves_below_it(browser: Client, story: Any, cho: User) -> None:
    page = browser.get(address(verifying(story, cho))).content.decode()
    main = page[: page.index("</main>")]
    assert main.rindex("<section ") == main.index('<section id="timeline"')


def test_it_is_swapped_with_the_rest_of_the_page(browser: Client, story: Any, cho: User) -> None:
    rollback = verifying(story, cho)
    page = browser.get(address(rollback))
    live, _ = polled(page) or ("", 0)
    assert page.content.decode().count('id="timeline"') == 1
    assert browser.get(live, headers=HTMX).status_code == 204
    ProbeRun.objects.filter(run=rollback.restore_run, key="cache_headers").update(
        status=ProbeStatus.DONE, verdict="pass", finished_at=timezone.now()
    )
    answer = browser.get(live, headers=HTMX).content.decode()
    assert len(re.findall(r'<section id="timeline"[^>]* hx-swap-oob="true">', answer)) == 1
    assert "● pass, 4." in answer


def test_its_queries_do_not_grow_with_the_probes(browser: Client, story: Any, cho: User) -> None:
    rollback = verifying(story, cho)
    browser.get(address(rollback))
    few = queries_of(lambda: browser.get(address(rollback)))
    for number in range(30):
        ProbeRun.objects.create(
            run_id=rollback.restore_run_id, key=f"probe_{number}", effect=Effect.NONE, wave=1, started_at=ago(3)
        )
    assert queries_of(lambda: browser.get(address(rollback))) == few


def test_hostile_names_are_text_and_nothing_else(browser: Client, story: Any, cho: User) -> None:
    """B32, B34"""
    rollback = ended(story, cho, Outcome.NOT_RESTORED)
    Rollback.objects.filter(pk=rollback.pk).update(requested_by=HOSTILE)
    ProbeRun.objects.filter(run=rollback.restore_run, key="response_time").update(key="<b>\u202e" + "x" * 30)
    Execution.objects.update(host=HOSTILE)
    timeline = browser.get(address(rollback)).content.decode().partition('id="timeline"')[2]
    assert "<script>alert" not in timeline
    assert "\u202e" not in timeline
    assert "&lt;b&gt;\\u202e" in timeline


def test_what_lasted_for_days_is_told_in_days(browser: Client, story: Any, cho: User) -> None:
    rollback = ended(story, cho, Outcome.RESTORED)
    Rollback.objects.filter(pk=rollback.pk).update(pressed_at=timezone.now() - timedelta(days=9))
    said = words(browser.get(address(rollback))).partition(" Timeline ")[2]
    assert "+9 d" in said
