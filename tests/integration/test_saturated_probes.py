"""A rollback does not wait for measuring."""

from releases.models import Rollback
from releases.services import checklists
from releases.states import Purpose
from tests.integration.conftest import Story
from tests.integration.stack import ended
from tests.rig.waiting import wait_until


def test_a_rollback_starts_within_a_second_while_every_probe_worker_is_busy(story: Story) -> None:
    """The limit is the promise to the person on call; the wait is for the claim, not for the outcome."""
    story.stack.start_all()
    cho = story.cho_in_the_browser()
    form = cho.confirm_page(story.place)
    story.service.hold()
    run = checklists.make_run(story.place, purpose=Purpose.VERIFY, deployment=story.live)
    wait_until(lambda: run.probes.filter(status="running").exists(), 20, "a probe is running")
    for _ in range(20):
        checklists.make_run(story.place, purpose=Purpose.VERIFY, deployment=story.live)

    assert cho.press(story.place, form).status_code == 303
    claimed = wait_until(lambda: Rollback.objects.filter(claimed_at__isnull=False).first(), 10, "a worker claims it")
    assert claimed.claimed_at is not None
    assert (claimed.claimed_at - claimed.pressed_at).total_seconds() < 1

    story.service.let_go()
    ended(claimed, 60)
