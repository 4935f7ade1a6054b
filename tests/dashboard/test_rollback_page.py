"""The rollback page: one address from the press to the outcome, in every state."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releases import knocks
from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Event,
    Execution,
    Finding,
    Freeze,
    Message,
    ProbeRun,
    Rollback,
    User,
)
from releases.services import rollbacks
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    ExecutionKind,
    ExecutionStatus,
    Level,
    Outcome,
    ProbeStatus,
    Purpose,
    Regression,
    RollbackStatus,
    RunStatus,
    Verdict,
)
from tests import factory

pytestmark = pytest.mark.django_db

BOTH = {"web-1": "2026.11.3", "web-2": "2026.11.3"}
HOSTILE = "\u001b[31mred <script>alert(1)</script> \u202eesrever\nlast line"


@pytest.fixture(autouse=True)
def _nobody_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: None)


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def story() -> tuple[Environment, Deployment, Deployment]:
    return factory.story()


@pytest.fixture
def browser(client: Client, cho: User) -> Client:
    client.force_login(cho)
    return client


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def pressed(story: tuple[Environment, Deployment, Deployment], who: User, **fields: Any) -> Rollback:
    """Make a rollback with the freeze that its press makes."""
    place, target, live = story
    fields.setdefault("pressed_at", ago(18))
    rollback = factory.rollback(place, target, live, who, **fields)
    Freeze.objects.create(
        environment=place, reason="leak", frozen_by=who.name, frozen_at=rollback.pressed_at, rollback=rollback
    )
    return rollback


def execution(place: Environment, **fields: Any) -> Execution:
    return Execution.objects.create(
        environment=place,
        kind=fields.pop("kind", ExecutionKind.ROLLBACK),
        argv=["bin/deploy", "--version=2026.11.3"],
        digest=factory.DIGEST,
        host="worker-1",
        started_by="Cho Park",
        started_at=ago(17),
        time_limit=130,
        **fields,
    )


def exited(place: Environment, code: int = 0, **fields: Any) -> Execution:
    fields.setdefault("output", "switched")
    return execution(
        place,
        status=ExecutionStatus.ENDED,
        command=CommandState.EXITED,
        exit_code=code,
        ended_at=ago(5),
        **fields,
    )


def running(story: tuple[Environment, Deployment, Deployment], who: User, **fields: Any) -> Rollback:
    """Make a rollback whose command is on."""
    if "execution" not in fields:
        fields["execution"] = execution(story[0], output="fetching")
    return pressed(story, who, status=RollbackStatus.RUNNING, claimed_at=ago(17.8), **fields)


def restore_run(story: tuple[Environment, Deployment, Deployment], versions: dict[str, str]) -> ChecklistRun:
    place, target, live = story
    deployment = Deployment.objects.create(
        release=target.release,
        environment=place,
        kind=DeploymentKind.ROLLBACK,
        replaced=live,
        reported_by="Cho Park",
        started_at=ago(17),
        finished_at=ago(3),
        status=DeploymentStatus.FINISHED,
    )
    run = factory.run(place, purpose=Purpose.RESTORE, deployment=deployment, compared_with=target.verify_run)
    run.probes.filter(key="serving_version").update(figures={"versions": versions})
    return run


def ended(
    story: tuple[Environment, Deployment, Deployment],
    who: User,
    outcome: Outcome,
    *,
    code: int = 0,
    versions: dict[str, str] = BOTH,
    **fields: Any,
) -> Rollback:
    """Make a rollback that ran to its end."""
    place = story[0]
    run = restore_run(story, versions)
    if "execution" not in fields:
        fields["execution"] = exited(place, code)
    rollback = pressed(
        story,
        who,
        status=RollbackStatus.DONE,
        outcome=outcome,
        command=fields.pop("command", CommandState.EXITED),
        claimed_at=ago(17.8),
        command_ended_at=ago(5),
        ended_at=ago(3),
        deployment=run.deployment,
        restore_run=run,
        **fields,
    )
    if outcome in (Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES):
        Environment.objects.filter(pk=place.pk).update(live=run.deployment)
    return rollback


def address(rollback: Rollback) -> str:
    return f"/rollbacks/{rollback.pk}"


def text(response: Any) -> str:
    """Return the page's text without markup, on one line."""
    inline = re.sub(r"</?(bdi|span|time|code|a|strong)\b[^>]*>", "", response.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inline))


def title(response: Any) -> str:
    found = re.search(r"<title>(.*?)</title>", response.content.decode(), re.S)
    assert found is not None
    return found.group(1)


def polled(response: Any) -> str:
    found = re.search(r'hx-get="([^"]+)"', response.content.decode())
    assert found is not None
    return found.group(1).replace("&amp;", "&")


# --- The states -----------------------------------------------------------------------------------------------------


def test_a_queued_rollback_says_so_and_can_be_cancelled(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    page = browser.get(address(pressed(story, cho, pressed_at=ago(1))))
    assert title(page).startswith("◌ Queued · RB-")
    assert "Cancel RB-" in text(page)
    assert "Nobody works this queue" not in text(page)
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page.content.decode()


def test_a_press_that_nobody_takes_is_kept_and_the_terminal_command_is_shown(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B8"""
    said = text(browser.get(address(pressed(story, cho, pressed_at=ago(8)))))
    assert "The press is kept. Nobody works this queue yet." in said
    assert "manage.py rollback archive production --as cho --to 2026.11.3" in said


def test_a_press_that_waits_for_a_lock_says_who_holds_it(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    said = text(browser.get(address(pressed(story, cho, detail="Waiting: E-4 on worker-1 holds the lock."))))
    assert "Waiting: E-4 on worker-1 holds the lock." in said
    assert "Nobody works this queue" not in said


def test_a_running_command_shows_its_output_and_can_be_stopped(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    page = browser.get(address(running(story, cho)))
    assert title(page).startswith("◔ Running the command · RB-")
    assert "fetching" in text(page)
    assert "Stop the rollback of production" in text(page)
    assert "command limit 2 min 10 s" in text(page)


def test_only_the_end_of_a_long_output_is_sent_while_it_runs(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B30, B31"""
    output = "\n".join(f"line {number}" for number in range(500)) + "\n" + "x" * 60_000 + "\nthe end"
    page = browser.get(address(running(story, cho, execution=execution(story[0], output=output))))
    assert "the end" in text(page)
    assert "line 400" not in text(page)
    assert len(page.content) < 40_000


def test_hostile_output_is_text_and_nothing_else(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B32, B34"""
    page = browser.get(address(running(story, cho, execution=execution(story[0], output=HOSTILE)))).content.decode()
    assert "<script>alert" not in page
    assert "\u001b" not in page
    assert "\u202e" not in page
    assert "\\u001b[31mred &lt;script&gt;" in page


def test_a_late_rollback_says_until_when_it_may_run(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    ended(story, cho, Outcome.RESTORED)
    Freeze.objects.update(lifted_at=timezone.now())
    late = running(story, cho, pressed_at=ago(60), execution=execution(story[0]))
    said = text(browser.get(address(late)))
    assert "Longer than usual (15 s)" in said
    assert re.search(r"The command runs until \d\d:\d\d:\d\d UTC at the latest, then it is stopped\.", said)


def test_verifying_counts_the_probes_and_says_what_is_being_done(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = _verifying(story, cho)
    page = browser.get(address(rollback))
    assert title(page).startswith(f"◑ Verifying 3/4 · {rollback.tag} archive/production")
    assert "34 of 60 /articles at the edge" in text(page)
    assert "web-1 2026.11.3 the target" in text(page)
    assert "Stop the rollback" not in text(page)


def test_a_lost_worker_is_said_while_the_lock_is_watched(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B2"""
    lost = execution(story[0], status=ExecutionStatus.ENDED, command=CommandState.LOST, ended_at=ago(2))
    detail = "The worker was lost; its command may still be at work."
    page = browser.get(address(running(story, cho, execution=lost, command=CommandState.LOST, detail=detail)))
    assert title(page).startswith("◆ Worker lost · RB-")
    assert detail in text(page)
    assert "Running the command" not in text(page)
    assert 'id="stop"' not in page.content.decode()


def test_restored_shows_the_three_facts_and_the_times_before_broken_and_now(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    place, target, live = story
    rollback = ended(story, cho, Outcome.RESTORED, detail="2026.11.3 serves on every instance.")
    for run, p95 in ((target.verify_run_id, 205), (live.verify_run_id, 810), (rollback.restore_run_id, 206)):
        ProbeRun.objects.filter(run=run, key="response_time").update(figures=_times(p95))
    page = browser.get(address(rollback))
    said = text(page)
    assert title(page).startswith("● Restored · RB-")
    assert 'id="outcome" tabindex="-1" data-focus' in page.content.decode()
    assert "2026.11.3 serves on every instance." in said
    assert re.search(r"press to outcome 15\.\d s", said)
    assert re.search(r"p95 of /articles at the edge 206.ms n 3 \(before the release 205.ms, broken 810.ms\)", said)
    assert "exit 0" in said
    assert "web-2 2026.11.3 the target" in said
    assert "as before" in said
    assert re.search(r"\+0\.488.% \(205 → 206.ms\)", said)
    assert "Lift the freeze of production…" in said
    assert place.service.contact not in _next(said), "nobody has to be called"


def test_a_failed_command_whose_target_serves_is_said_plainly(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B42"""
    said = text(browser.get(address(ended(story, cho, Outcome.RESTORED_WITH_DIFFERENCES, code=1))))
    assert "Restored with differences" in said
    assert "The command failed (exit 1), yet 2026.11.3 serves. Somebody has to decide" in said


def test_the_summary_that_is_copied_turns_no_line_around(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = ended(story, cho, Outcome.RESTORED, words="leak \u202egnihton")
    copied = re.findall(
        r'data-copy="([^"]*)" data-what="the summary"', browser.get(rollback.get_absolute_url()).content.decode()
    )
    assert len(copied) == 1
    assert "\u202e" not in copied[0]
    assert r"leak \u202egnihton" in copied[0]


def test_not_restored_names_the_instance_the_note_the_command_and_whom_to_call(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B41"""
    versions = {"web-1": "2026.11.3", "web-2": "2026.11.4"}
    page = browser.get(address(ended(story, cho, Outcome.NOT_RESTORED, versions=versions)))
    following = _next(text(page))
    assert "web-2 still serves 2026.11.4. Run the command there, or roll back again." in following
    assert "bin/deploy --version=2026.11.3" in following
    assert "Back to the version before; purge /articles. No migration." in following
    assert "Roll back production again…" in following
    assert "Call Ben Okafor, owner of 2026.11.4, or Web team: #web-oncall." in following
    assert f'href="/s/archive/production/rollback?seen={story[2].pk}"' in page.content.decode()


def test_an_instance_that_did_not_answer_is_not_measured(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    said = text(browser.get(address(ended(story, cho, Outcome.INCONCLUSIVE, versions={"web-1": "2026.11.3"}))))
    assert "web-2 not measured" in said


def test_what_was_measured_long_after_is_not_shown_as_this_rollbacks_doing(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = pressed(story, cho, status=RollbackStatus.DONE, outcome=Outcome.UNKNOWN, ended_at=ago(3600))
    Environment.objects.update(observed={"web-1": "2026.11.9"}, observed_at=timezone.now())
    said = text(browser.get(address(rollback)))
    assert "2026.11.9" not in said
    assert "Not measured." in said


@pytest.mark.parametrize(
    ("regression", "told"),
    [
        (Regression.YES, "a probe fails below that did not fail before."),
        (Regression.UNKNOWN, "a probe fails below of which nobody knows how it was before."),
    ],
)
def test_not_restored_claims_to_be_worse_only_where_that_is_known(
    browser: Client,
    story: tuple[Environment, Deployment, Deployment],
    cho: User,
    regression: Regression,
    told: str,
) -> None:
    rollback = ended(story, cho, Outcome.NOT_RESTORED)
    assert rollback.restore_run is not None
    _finds(rollback.restore_run, "response_time", "p95 is 810 ms.", regression)
    assert told in text(browser.get(address(rollback)))


def test_failing_probes_show_what_they_found_and_old_failures_are_labelled(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = ended(story, cho, Outcome.NOT_RESTORED)
    assert rollback.restore_run is not None
    _finds(rollback.restore_run, "cache_headers", "No cache header on <b>/articles</b>.", Regression.NO)
    _finds(rollback.restore_run, "response_time", "p95 is 810 ms.", Regression.YES, evidence={"body": HOSTILE})
    page = browser.get(address(rollback))
    said = text(page)
    assert "was already failing cache_headers" in said
    assert "fail response_time worse than before" in said
    assert "No cache header on &lt;b&gt;/articles&lt;/b&gt;." in said
    assert "<script>alert" not in page.content.decode()
    assert "2 pass serving_version, rollback_command" in said


def test_where_the_target_is_live_going_back_again_is_called_going_further(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    page = browser.get(address(ended(story, cho, Outcome.RESTORED_WITH_DIFFERENCES, code=1)))
    following = _next(text(page))
    assert "Roll back production further…" in following
    assert "again…" not in following
    assert "button primary" not in page.content.decode(), "its target serves: nothing has to be pressed"


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.INCONCLUSIVE, "Look at the service yourself: http://127.0.0.1:9."),
        (Outcome.STOPPED, "The command was ended before it had done its work; it may have done a part."),
        (Outcome.UNKNOWN, "See on worker-1 whether this is still at work:"),
    ],
)
def test_every_unhappy_outcome_has_its_own_next_steps(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User, outcome: Outcome, says: str
) -> None:
    following = _next(text(browser.get(address(ended(story, cho, outcome)))))
    assert says in following
    assert "Roll back production again…" in following


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.NOT_RESTORED, 0),
        (Outcome.RESTORED_WITH_DIFFERENCES, 1),
        (Outcome.INCONCLUSIVE, 0),
        (Outcome.STOPPED, 0),
        (Outcome.UNKNOWN, 0),
    ],
)
def test_whatever_failed_shows_the_note_the_exact_command_the_freeze_and_whom_to_call(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User, outcome: Outcome, code: int
) -> None:
    rollback = ended(story, cho, outcome, code=code)
    following = _next(text(browser.get(address(rollback))))
    assert "bin/deploy --version=2026.11.3" in following
    assert "Back to the version before; purge /articles. No migration." in following
    assert "production is frozen" in following
    assert "Call Ben Okafor, owner of 2026.11.4, or Web team: #web-oncall." in following


def test_unknown_says_that_nothing_is_run_again(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B2"""
    said = text(browser.get(address(ended(story, cho, Outcome.UNKNOWN, command=CommandState.LOST))))
    assert "Rollbook lost the worker" in said
    assert "The command may have run. Nothing is run again by itself." in said


def test_refused_says_why_and_leads_to_a_fresh_confirm_page(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B28, B29"""
    refused = pressed(story, cho, status=RollbackStatus.REFUSED, ended_at=ago(1), detail="The catalogue changed.")
    page = browser.get(address(refused))
    assert "The catalogue changed." in text(page)
    assert "Nothing has run." in text(page)
    assert "Look at a fresh confirm page" in text(page)
    assert "hx-get" not in page.content.decode()


def test_an_old_rollback_tells_what_came_since_instead_of_what_to_do(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = ended(story, cho, Outcome.NOT_RESTORED)
    factory.deployed(story[0], "2026.11.5")
    said = text(browser.get(address(rollback)))
    assert "Since then" in said
    assert "Live now: 2026.11.5" in said
    assert "Run the command there" not in said


def test_processes_left_behind_are_listed(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B35, B38"""
    left = exited(story[0], left_behind=["4711 sleep 999 (left the command's session, is in 4711)"])
    said = text(browser.get(address(ended(story, cho, Outcome.RESTORED, execution=left))))
    assert "It left processes behind" in said
    assert "4711 sleep 999 (left the command&#39;s session, is in 4711)" in said


def test_a_process_left_behind_is_the_first_thing_to_look_at_next(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B38"""
    left = exited(story[0], left_behind=["process 4711: sleep 999"])
    said = text(browser.get(address(ended(story, cho, Outcome.RESTORED_WITH_DIFFERENCES, execution=left))))
    assert "Look on worker-1 at the processes that the command left behind" in said


def test_where_only_the_way_back_differs_no_second_rollback_is_asked_for(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B38"""
    rollback = ended(story, cho, Outcome.RESTORED_WITH_DIFFERENCES, execution=exited(story[0]))
    assert rollback.restore_run is not None
    rollback.restore_run.probes.filter(key="rollback_command").update(verdict=Verdict.FAIL, regression=Regression.YES)
    page = browser.get(address(rollback))
    assert "as before but for the way back" in text(page)
    assert "The service is as it was. Do what the probe of the way back says below" in text(page)
    assert 'class="button primary"' not in page.content.decode()


def test_the_page_keeps_what_was_on_the_screen_at_the_press(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    at_press = {
        "verdict": "fail",
        "readiness": [{"key": "worker", "ready": False, "says": "no worker has reported itself", "what_to_do": ""}],
        "argv": [],
    }
    rollback = pressed(story, cho, words="seen by 3 users <b>", at_press=at_press)
    said = text(browser.get(address(rollback)))
    assert "Checklist failing" in said
    assert "seen by 3 users &lt;b&gt;" in said
    assert "On the screen at the press: 2026.11.4 fail" in said
    assert "no worker has reported itself" in said


def test_the_books_lines_about_it_are_listed(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = pressed(story, cho)
    rollbacks.cancel(rollback, actor=factory.actor(cho))
    assert Event.objects.filter(object_tag=rollback.tag).exists()
    assert "rollback:cancelled" in text(browser.get(address(rollback)))


def test_without_permission_there_is_no_button_but_who_may(
    client: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    client.force_login(factory.person("lee", "auditor"))
    page = client.get(address(pressed(story, cho)))
    assert "Only lead and on-call may cancel it." in text(page)
    assert 'id="cancel"' not in page.content.decode()
    assert "--as cho" in text(page), "the command names somebody who may"


def test_an_unknown_number_is_not_found(browser: Client) -> None:
    assert browser.get("/rollbacks/999").status_code == 404
    assert browser.get("/rollbacks/999/live").status_code == 404
    assert browser.get(f"/rollbacks/{'9' * 30}").status_code == 404


def test_the_number_of_queries_does_not_grow_with_what_was_found(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = ended(story, cho, Outcome.NOT_RESTORED)
    assert rollback.restore_run is not None
    _finds(rollback.restore_run, "cache_headers", "first", Regression.YES)
    browser.get(address(rollback))
    with CaptureQueriesContext(connection) as few:
        browser.get(address(rollback))
    for number in range(30):
        _finds(rollback.restore_run, "response_time", f"no. {number}", Regression.YES)
    with CaptureQueriesContext(connection) as many:
        browser.get(address(rollback))
    assert len(many) == len(few)
    assert len(many) <= 16


# --- The live region ------------------------------------------------------------------------------------------------


def test_an_unchanged_rollback_answers_no_content_in_a_few_queries(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    live = polled(browser.get(address(_verifying(story, cho))))
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(live).status_code == 204
    assert len(asked) <= 6


def test_progress_is_swapped_in_without_an_announcement_or_new_buttons(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = _verifying(story, cho)
    live = polled(browser.get(address(rollback)))
    ProbeRun.objects.filter(run=rollback.restore_run, status=ProbeStatus.RUNNING).update(done=50)
    body = browser.get(live).content.decode()
    assert "50 of 60" in body
    assert "#announcer" not in body
    assert 'id="act"' not in body, "a click must not fall between two polls"
    assert 'hx-get="' in body


def test_the_outcome_is_announced_once_and_the_asking_ends(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = _verifying(story, cho)
    live = polled(browser.get(address(rollback)))
    ChecklistRun.objects.filter(pk=rollback.restore_run_id).update(status=RunStatus.DONE)
    Rollback.objects.filter(pk=rollback.pk).update(
        status=RollbackStatus.DONE, outcome=Outcome.RESTORED, detail="It serves.", ended_at=timezone.now(), version=7
    )
    answer = browser.get(live)
    body = answer.content.decode()
    assert body.count("#announcer") == 1
    assert f"{rollback.tag}: Restored. It serves." in body
    assert title(answer).startswith("● Restored")
    assert "hx-get" not in body
    assert "data-focus" in body


def test_a_press_that_begins_to_wait_shows_up_without_a_change_of_the_row(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = pressed(story, cho, pressed_at=ago(1))
    live = polled(browser.get(address(rollback)))
    Rollback.objects.filter(pk=rollback.pk).update(pressed_at=ago(6))
    assert "Nobody works this queue yet" in text(browser.get(live))


def test_the_live_region_sends_the_signed_out_to_sign_in(
    client: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """C23"""
    answer = client.get(f"{address(pressed(story, cho))}/live")
    assert answer.status_code == 401
    assert "HX-Redirect" in answer.headers


# --- Cancel and stop ------------------------------------------------------------------------------------------------


def test_cancel_leads_back_to_the_page(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = pressed(story, cho)
    answer = browser.post(f"{address(rollback)}/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (303, address(rollback))
    said = text(browser.get(address(rollback)))
    assert "Cancelled by Cho Park; nothing ran." in said
    assert "production is frozen" not in said


def test_a_cancelled_press_is_not_said_to_have_taken_back_an_earlier_freeze(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    place, target, live = story
    Freeze.objects.create(environment=place, reason="leak", frozen_by="Ana Ruiz", frozen_at=ago(600))
    rollback = factory.rollback(place, target, live, cho, pressed_at=ago(1))
    assert "the bad mark of the press is taken back, the freeze of before stays" in text(browser.get(address(rollback)))
    browser.post(f"{address(rollback)}/cancel")
    said = text(browser.get(address(rollback)))
    assert "it froze nothing, since production was frozen before" in said
    assert "production is frozen" in said


def test_cancelling_twice_says_so_plainly(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = pressed(story, cho)
    browser.post(f"{address(rollback)}/cancel")
    again = browser.post(f"{address(rollback)}/cancel", follow=True)
    assert "Your press of Cancel changed nothing RB-" in text(again)
    assert "was cancelled already; nothing ran." in text(again)


def test_cancelling_what_runs_says_that_it_can_be_stopped(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = running(story, cho)
    answer = browser.post(f"{address(rollback)}/cancel", follow=True)
    assert "It can be stopped instead." in text(answer)
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.RUNNING


def test_stop_asks_the_worker_and_says_who_asked(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """B43"""
    rollback = running(story, cho)
    answer = browser.post(f"{address(rollback)}/stop", follow=True)
    assert answer.redirect_chain == [(address(rollback), 303)]
    assert title(answer).startswith("⊖ Stopping")
    assert "Cho Park asked it to stop." in text(answer)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (RollbackStatus.QUEUED, "is queued: cancel it"),
        (RollbackStatus.STOPPING, "asked it to stop already"),
        (RollbackStatus.VERIFYING, "only measuring goes on"),
        (RollbackStatus.REFUSED, "had ended already: refused"),
    ],
)
def test_stopping_where_there_is_nothing_to_stop_says_so(
    browser: Client,
    story: tuple[Environment, Deployment, Deployment],
    cho: User,
    status: RollbackStatus,
    says: str,
) -> None:
    """B43"""
    rollback = pressed(story, cho, status=status, stop_requested_by="Ana Ruiz" if status == "stopping" else "")
    answer = browser.post(f"{address(rollback)}/stop", follow=True)
    assert "Your press of Stop changed nothing" in text(answer)
    assert says in text(answer)


@pytest.mark.parametrize("verb", ["cancel", "stop"])
def test_cancel_and_stop_take_only_a_post(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User, verb: str
) -> None:
    assert browser.get(f"{address(pressed(story, cho))}/{verb}").status_code == 405


@pytest.mark.parametrize("verb", ["cancel", "stop"])
def test_cancel_and_stop_need_the_permission(
    client: Client, story: tuple[Environment, Deployment, Deployment], cho: User, verb: str
) -> None:
    rollback = pressed(story, cho)
    client.force_login(factory.person("lee", "auditor"))
    assert client.post(f"{address(rollback)}/{verb}").status_code == 403
    rollback.refresh_from_db()
    assert rollback.status == RollbackStatus.QUEUED


@pytest.mark.parametrize("verb", ["cancel", "stop"])
def test_a_press_after_the_session_ended_leads_back_to_the_page(
    client: Client, story: tuple[Environment, Deployment, Deployment], cho: User, verb: str
) -> None:
    """C22"""
    rollback = pressed(story, cho)
    answer = client.post(f"{address(rollback)}/{verb}")
    assert answer.status_code == 403
    assert f'href="/login?next={address(rollback)}"' in answer.content.decode()


def test_the_page_itself_takes_no_post(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    assert browser.post(address(pressed(story, cho))).status_code == 405


# --- Rows -----------------------------------------------------------------------------------------------------------


def _verifying(story: tuple[Environment, Deployment, Deployment], who: User) -> Rollback:
    run = restore_run(story, BOTH)
    ChecklistRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, verdict="", finished_at=None)
    run.probes.filter(key="response_time").update(
        status=ProbeStatus.RUNNING, verdict="", done=34, total=60, doing="/articles at the edge"
    )
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


def _finds(run: ChecklistRun, key: str, sentence: str, regression: Regression, **fields: Any) -> None:
    probe = run.probes.get(key=key)
    ProbeRun.objects.filter(pk=probe.pk).update(verdict=Verdict.FAIL, regression=regression)
    Finding.objects.create(
        probe_run=probe, kind="found", subject="/articles", level=Level.FAIL, sentence=sentence, **fields
    )


def _times(p95: float) -> dict[str, Any]:
    figures = {"p50_ms": p95 / 2, "p95_ms": p95, "p99_ms": p95 * 1.1, "samples_ms": [p95] * 3}
    return {"routes": {"/articles": {"edge": figures, "origin": figures}}}


def _next(said: str) -> str:
    """Return what stands between the headings Next and Command."""
    return said.partition(" Next ")[2].partition(" Command ")[0]


def test_who_was_told_and_who_was_not_is_said(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    rollback = ended(story, cho, Outcome.RESTORED)
    given = {"environment": rollback.environment, "about": rollback.tag, "path": "/", "due_at": timezone.now()}
    for receiver, status, problem in (("chat", "sent", ""), ("mail", "failed", "it did <b>not</b> answer")):
        Message.objects.create(
            **given, fact="f", receiver=receiver, title="restored", status=status, sent_at=ago(3), problem=problem
        )
    said = text(browser.get(address(rollback)))
    assert re.search(r"chat 3.s ago", said)
    assert "mail was not told it did &lt;b&gt;not&lt;/b&gt; answer" in said
