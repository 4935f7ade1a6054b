"""The broker is gone at the click: the page answers, the click is kept, and runs when the broker is back."""

import signal
import time

from releases.models import Rollback
from releases.states import Outcome, RollbackStatus
from tests.integration.conftest import Story
from tests.integration.stack import ended


def test_a_click_without_a_broker_is_kept_and_runs_within_60_s_of_its_return(story: Story) -> None:
    """B8"""
    story.stack.start_all()
    cho = story.cho_in_the_browser()
    form = cho.confirm_page(story.place)
    story.stack.kill("broker", signal.SIGKILL)

    answer = cho.press(story.place, form)
    assert answer.status_code == 303
    page = cho.get(answer.headers["location"])
    assert page.status_code == 200
    rollback = Rollback.objects.get()
    assert rollback.status == RollbackStatus.QUEUED

    story.stack.start_broker()
    back = time.monotonic()
    assert ended(rollback, 60).outcome == Outcome.RESTORED
    assert time.monotonic() - back < 60
    assert story.service.ran == ["2026.11.3"]
