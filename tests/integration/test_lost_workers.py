"""Workers that are killed: nothing runs twice, and the outcome comes from what is measured."""

import os
import signal

import pytest

from releases.executor import EnvironmentLock, LockHeld
from releases.models import Event, Execution, Rollback
from releases.states import CommandState, Outcome, RollbackStatus
from tests.integration.conftest import Story
from tests.integration.stack import ended
from tests.rig.waiting import wait_until


def pressed_and_running(story: Story) -> Rollback:
    """Press, and wait until the command is at work; it then waits for the file `wait` to go away."""
    (story.service.home / "wait").touch()
    cho = story.cho_in_the_browser()
    answer = cho.press(story.place, cho.confirm_page(story.place))
    assert answer.status_code == 303, answer.text
    rollback = Rollback.objects.get()
    wait_until(
        lambda: Execution.objects.filter(output__contains="switching").exists(), 20, "the command prints its first line"
    )
    return rollback


@pytest.mark.parametrize(
    "who", [pytest.param("the pool child", marks=pytest.mark.drill), "the worker and its children"]
)
def test_a_killed_worker_runs_nothing_twice_and_the_outcome_is_measured(story: Story, who: str) -> None:
    """B2"""
    story.stack.start_all()
    rollback = pressed_and_running(story)
    victims = story.stack.children("act") + ([story.stack.processes["act"].pid] if "and" in who else [])
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    if "and" in who:
        story.stack.start_worker("act")

    lost = wait_until(
        lambda: Rollback.objects.filter(pk=rollback.pk, command=CommandState.LOST).first(), 60, "the lease is lost"
    )
    assert lost.status == RollbackStatus.RUNNING
    with pytest.raises(LockHeld):
        EnvironmentLock(story.stack.home / "locks", str(story.place)).acquire("another command")

    (story.service.home / "wait").unlink()
    settled = ended(rollback, 60)
    assert (settled.command, settled.outcome) == (CommandState.LOST, Outcome.RESTORED_WITH_DIFFERENCES)
    assert "2026.11.3 serves on every instance" in settled.detail
    assert "Not purged: /articles." in settled.detail, "after a lost worker only reading is safe"
    assert story.service.ran == ["2026.11.3"]
    assert Execution.objects.filter(kind="rollback").count() == 1
    assert Event.objects.filter(action="rollback:done", object_tag=rollback.tag).count() == 1


def test_a_worker_killed_before_the_command_leaves_the_click_to_the_next_one(story: Story) -> None:
    """B1"""
    story.stack.start_broker()
    story.stack.start_web()
    story.stack.start_worker("probe")
    cho = story.cho_in_the_browser()
    assert cho.press(story.place, cho.confirm_page(story.place)).status_code == 303
    rollback = Rollback.objects.get()
    assert rollback.status == RollbackStatus.QUEUED

    story.stack.start_worker("act")
    story.stack.start_sweep()
    assert ended(rollback, 60).outcome == Outcome.RESTORED
    assert story.service.ran == ["2026.11.3"]
