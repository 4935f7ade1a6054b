"""The confirm page: what it says before the press, and what a press answers."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releases import knocks
from releases.models import (
    Deployment,
    Environment,
    Event,
    Freeze,
    ProbeRun,
    ReadinessLook,
    Release,
    RenderedCommand,
    Rollback,
    User,
    Worker,
)
from releases.queries.readiness.item import red
from releases.states import DeploymentStatus, Regression, RollbackStatus, Verdict
from tests import factory
from tests.dashboard.pages import links, words

pytestmark = pytest.mark.django_db

PAGE = "/s/archive/production/rollback"
LIVE = f"{PAGE}/live"


@pytest.fixture(autouse=True)
def knocked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What was knocked for; nobody comes to the door."""
    sent: list[tuple[str, str, int]] = []
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: sent.append((task, queue, row_id)))
    return sent


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


def form(live: Deployment, target: Deployment, **changed: str) -> dict[str, str]:
    filled = {
        "live": str(live.pk),
        "target": str(target.pk),
        "digest": "",
        "reason": "checklist",
        "words": "seen by 3 users",
        "purge": "yes",
        "key": "first press",
    }
    return filled | changed


def text(response: Any) -> str:
    """Return the page's text without markup, on one line."""
    inline = re.sub(r"</?(bdi|span|time|code|a|strong)\b[^>]*>", "", response.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inline))


# --- Before the press -----------------------------------------------------------------------------------------------


def test_the_page_says_where_it_goes_and_the_button_names_the_target(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    place, target, live = story
    factory.rendered(place, target)
    page = browser.get(PAGE, {"seen": live.pk})
    assert page.status_code == 200
    assert "Roll back production to 2026.11.3" in text(page)
    assert "Back to the version before; purge /articles. No migration." in text(page)
    assert "bin/deploy --version=2026.11.3" in text(page)
    assert "worker-1 in /srv/archive" in text(page)
    assert f'name="digest" value="{factory.DIGEST}"' in page.content.decode()


def test_looking_changes_nothing(browser: Client, story: tuple[Environment, Deployment, Deployment]) -> None:
    browser.get(PAGE)
    browser.head(PAGE)
    assert not Rollback.objects.exists()
    assert not Event.objects.exists()


def test_a_failing_verdict_preselects_its_reason_and_names_the_probes(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    page = browser.get(PAGE).content.decode()
    assert re.search(r'value="checklist" required checked>\s*Checklist failing: cache_headers', page)


def test_a_passing_verdict_preselects_no_reason(browser: Client) -> None:
    place = factory.environment()
    factory.deployed(place, "2026.11.3")
    factory.deployed(place, "2026.11.4")
    page = browser.get(PAGE).content.decode()
    assert not re.search(r'type="radio"[^>]*checked', page)


def test_red_items_come_first_with_what_to_do_and_the_button_stays(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    said = text(browser.get(PAGE))
    assert "1 check is red You can go on; this is recorded." in said
    assert "artifact, migrations, rehearsal, lock: not known no worker has looked yet." in said
    assert "no worker has reported itself in the last 30 s. Start manage.py work act" in said
    assert "Roll back production to 2026.11.3" in said


def test_a_target_without_a_shown_command_has_its_worker_asked_and_says_so(
    browser: Client,
    story: tuple[Environment, Deployment, Deployment],
    knocked: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    place, target, _ = story
    with django_capture_on_commit_callbacks(execute=True):
        page = browser.get(PAGE)
    assert knocked == [("render_target", place.act_queue, target.pk)]
    assert "No worker has shown the command yet" in text(page)
    assert 'hx-trigger="every 2s"' in page.content.decode()


def test_a_fresh_command_is_not_asked_for_again(
    browser: Client,
    story: tuple[Environment, Deployment, Deployment],
    knocked: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    factory.open_way_back(*story)
    with django_capture_on_commit_callbacks(execute=True):
        page = browser.get(PAGE)
    assert knocked == []
    assert 'hx-trigger="every 5s"' in page.content.decode()


def test_another_target_can_be_chosen_and_skipped_ones_say_why(browser: Client) -> None:
    place = factory.environment()
    older = factory.deployed(place, "2026.11.1")
    bad = factory.deployed(place, "2026.11.2")
    Release.objects.filter(pk=bad.release_id).update(bad_since=timezone.now(), bad_by="Ana Ruiz", bad_reason="leaks")
    factory.deployed(place, "2026.11.3")
    factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)
    page = browser.get(PAGE, {"to": older.pk})
    assert "Roll back production to 2026.11.1" in text(page)
    assert "marked bad by Ana Ruiz: leaks" in text(page)
    assert "Go back to 2026.11.3 instead" in text(page)
    assert "Undoes 3 releases" in text(page)


def test_a_choice_that_is_no_target_is_named_and_not_followed(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    live = story[2]
    said = text(browser.get(PAGE, {"to": live.pk}))
    assert f"D-{live.pk} is no target" in said
    assert "Roll back production to 2026.11.3" in said


@pytest.mark.parametrize("number", ["", "abc", "-1", "9" * 40, "1e3", "٣"])
def test_an_unreadable_number_in_the_address_counts_as_none(
    browser: Client, story: tuple[Environment, Deployment, Deployment], number: str
) -> None:
    page = browser.get(PAGE, {"seen": number, "to": number})
    assert page.status_code == 200
    assert "What is live has changed" not in text(page)


def test_an_old_link_says_what_changed_since(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    _, target, live = story
    said = text(browser.get(PAGE, {"seen": target.pk}))
    assert "What is live has changed since your link" in said
    assert f"You saw 2026.11.3 (D-{target.pk}) as live; now it is 2026.11.4 (D-{live.pk})" in said


def test_nothing_to_go_back_to_says_what_was_passed_over_and_what_can_be_done(browser: Client) -> None:
    place = factory.environment()
    failed = factory.deployed(place, "2026.11.3", live=False)
    Deployment.objects.filter(pk=failed.pk).update(status=DeploymentStatus.FAILED)
    factory.deployed(place, "2026.11.4")
    page = browser.get(PAGE)
    said = text(page)
    assert "Nothing to go back to" in said
    assert "its deployment failed" in said
    assert "Fix forward" in said
    assert "#web-oncall" in said
    assert 'id="press"' not in page.content.decode()


def test_what_can_be_done_leads_only_where_somebody_may_go(client: Client, browser: Client) -> None:
    factory.environment(command_names=["deploy", "rollback"])
    assert "register a release with the fix and deploy it. Only lead may do that." in text(browser.get(PAGE))
    assert not {"/releases/new?service=archive", "/s/archive/production/deploy"} & set(links(browser.get(PAGE)))
    client.force_login(factory.lead())
    assert {"/releases/new?service=archive", "/s/archive/production/deploy"} <= set(links(client.get(PAGE)))


def test_an_unverified_target_is_compared_with_its_last_checklist_where_it_has_one(browser: Client) -> None:
    place = factory.environment()
    factory.deployed(place, "2026.11.3", Verdict.INCONCLUSIVE)
    factory.deployed(place, "2026.11.4")
    assert "compared with the last checklist of 2026.11.3, which was never verified here" in text(browser.get(PAGE))


def test_a_target_without_a_checklist_has_nothing_to_be_compared_with(browser: Client) -> None:
    place = factory.environment()
    factory.deployed(place, "2026.11.3", None)
    factory.deployed(place, "2026.11.4")
    assert "no whole checklist of 2026.11.3 was measured here, so there is nothing" in text(browser.get(PAGE))


def test_the_purge_is_said_to_be_for_every_release_after_the_target(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    said = text(browser.get(PAGE))
    assert "Without it, what a cache kept of releases after 2026.11.3 stays there." in said


def test_an_environment_without_a_deployment_says_so(browser: Client) -> None:
    factory.environment()
    assert "Nothing was deployed to archive/production yet" in text(browser.get(PAGE))


def test_an_unknown_environment_is_not_found(browser: Client) -> None:
    factory.environment()
    assert browser.get("/s/archive/nowhere/rollback").status_code == 404
    assert browser.get("/s/archive/nowhere/rollback/live").status_code == 404


def test_without_permission_the_page_says_who_may(
    client: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    client.force_login(factory.person("lee", "auditor"))
    page = client.get(PAGE)
    assert page.status_code == 200
    assert "Only lead and on-call may roll back archive/production. Now: Cho Park." in text(page)
    assert 'id="press"' not in page.content.decode()


def test_foreign_words_are_shown_and_do_nothing(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B34"""
    Release.objects.filter(pk=story[2].release_id).update(
        rollback_note="<script>alert(1)</script> \u202eesrever", owner="<b>Ben</b>"
    )
    page = browser.get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "<b>Ben</b>" not in page
    assert "\u202e" not in page
    assert "\\u202eesrever" in page


def test_the_number_of_queries_does_not_grow_with_the_history(browser: Client) -> None:
    place = factory.environment()
    for version in range(3):
        factory.deployed(place, f"1.{version}.0")
    browser.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        browser.get(PAGE)
    for version in range(3, 15):
        factory.deployed(place, f"1.{version}.0")
    with CaptureQueriesContext(connection) as many:
        browser.get(PAGE)
    assert len(many) == len(few)
    assert len(many) <= 25


# --- The live region ------------------------------------------------------------------------------------------------


def test_an_unchanged_region_answers_no_content(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    address = _polled(browser.get(PAGE))
    assert browser.get(address).status_code == 204


def test_a_command_that_arrives_is_swapped_in_with_its_digest(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    address = _polled(browser.get(PAGE))
    factory.rendered(*story[:2])
    answer = browser.get(address)
    assert answer.status_code == 200
    body = answer.content.decode()
    assert 'id="command" class="stack tight" hx-swap-oob="true"' in body
    assert f'name="digest" value="{factory.DIGEST}"' in body
    assert 'id="press-place"' not in body, "the button is left alone under a finger that is about to press"


def test_a_command_that_changed_under_the_reader_is_said(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B29"""
    shown = factory.rendered(*story[:2])
    address = _polled(browser.get(PAGE))
    shown.digest, shown.argv = "e" * 64, ["bin/other"]
    shown.save()
    answer = browser.get(address)
    assert "The command changed while you looked" in text(answer)
    assert "The command changed while you looked" in text(browser.get(_polled(answer).replace("&v=", "&v=x")))


def test_a_live_version_that_moved_turns_the_button_into_showing_what_changed(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """C26"""
    address = _polled(browser.get(PAGE))
    factory.deployed(story[0], "2026.11.5")
    body = browser.get(address).content.decode()
    assert "Show what changed" in body
    assert "Roll back production to" not in body
    assert "What is live has changed." in body
    assert "hx-get" not in body, "nothing more to wait for"


def test_somebody_elses_press_replaces_the_button_once(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B24"""
    place, target, live = story
    address = _polled(browser.get(PAGE))
    other = factory.rollback(place, target, live, factory.lead())
    answer = browser.get(address)
    assert f"Watch {other.tag}" in text(answer)
    again = browser.get(_polled(answer))
    assert again.status_code == 204


def test_a_silent_broker_is_said_before_the_press_with_the_way_around_it(
    browser: Client, story: tuple[Environment, Deployment, Deployment], broker: dict[str, Any]
) -> None:
    """B8"""
    broker["answers"] = False
    said = text(browser.get(PAGE))
    assert "The queue does not answer" in said
    assert "Your press is kept." in said
    assert "manage.py rollback archive production --as cho" in said


def test_without_any_worker_the_page_shows_the_exact_command_for_its_host_before_the_press(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    place, target, _ = story
    begin = ["env", "ROLLBOOK_HOME=/srv/home", "/srv/bin/python", "/srv/manage.py"]
    RenderedCommand.objects.update_or_create(
        environment=place,
        target=target,
        defaults={"host": "worker-1", "terminal": begin, "digest": factory.DIGEST, "rendered_at": timezone.now()},
    )
    Worker.objects.all().delete()
    page = browser.get(PAGE)
    said = text(page)
    assert "Nobody works this queue" in said
    assert "Somebody with a terminal on worker-1" in said
    assert "env ROLLBOOK_HOME=/srv/home /srv/bin/python /srv/manage.py rollback archive production --as cho" in said
    assert "Roll back production to 2026.11.3" in said, "the click is kept"
    assert "data-share=" in page.content.decode()


def test_the_broker_is_not_asked_by_every_reader(
    browser: Client, story: tuple[Environment, Deployment, Deployment], broker: dict[str, Any]
) -> None:
    for _ in range(5):
        browser.get(LIVE)
    assert broker["asked"] == 1


def test_the_live_region_sends_the_signed_out_to_sign_in_not_a_form_into_the_page(
    client: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """C23"""
    answer = client.get(LIVE)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login")
    assert b"<form" not in answer.content


def _polled(response: Any) -> str:
    found = re.search(r'hx-get="([^"]+)"', response.content.decode())
    assert found is not None
    return found.group(1).replace("&amp;", "&")


# --- The press ------------------------------------------------------------------------------------------------------


def test_a_press_leads_to_the_rollback(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    place, target, live = story
    answer = browser.post(PAGE, form(live, target, digest=factory.rendered(place, target).digest))
    rollback = Rollback.objects.get()
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/rollbacks/{rollback.pk}"
    assert (rollback.target, rollback.undone, rollback.requester) == (target, live, cho)
    assert (rollback.reason, rollback.words, rollback.seen_digest) == ("checklist", "seen by 3 users", factory.DIGEST)
    assert rollback.purge_wanted
    assert Freeze.objects.get().rollback == rollback


def test_an_unticked_purge_is_not_wanted(browser: Client, story: tuple[Environment, Deployment, Deployment]) -> None:
    filled = form(story[2], story[1])
    del filled["purge"]
    browser.post(PAGE, filled)
    assert not Rollback.objects.get().purge_wanted


def test_the_same_form_sent_twice_leads_to_the_same_rollback(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """C24, B23"""
    first = browser.post(PAGE, form(story[2], story[1]))
    second = browser.post(PAGE, form(story[2], story[1]))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert Rollback.objects.count() == 1


def test_whoever_presses_second_sees_who_was_faster_and_both_targets(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B24, B25"""
    place, target, live = story
    twelve_seconds_ago = timezone.now() - timedelta(seconds=12, milliseconds=300)
    other = factory.rollback(place, target, live, factory.lead(), pressed_at=twelve_seconds_ago)
    answer = browser.post(PAGE, form(live, target))
    said = text(answer)
    assert answer.status_code == 409
    assert "Not done: Ana Ruiz pressed before" in said
    assert re.search(rf"Ana Ruiz pressed 12.s ago · [^.]+: {other.tag}, back to 2026.11.3\.", said)
    assert f'href="/rollbacks/{other.pk}"' in answer.content.decode()
    assert "You wrote seen by 3 users" in words(answer)
    assert Rollback.objects.count() == 1


def test_a_different_target_than_the_open_rollbacks_is_named(browser: Client) -> None:
    """B25"""
    place = factory.environment()
    older = factory.deployed(place, "2026.11.2")
    target = factory.deployed(place, "2026.11.3")
    live = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)
    factory.rollback(place, target, live, factory.lead())
    said = text(browser.post(PAGE, form(live, older)))
    assert "back to 2026.11.3; you asked for 2026.11.2" in said


def test_a_page_opened_after_somebody_pressed_says_who_and_has_nothing_to_press(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """B24"""
    place, target, live = story
    twelve_seconds_ago = timezone.now() - timedelta(seconds=12, milliseconds=300)
    other = factory.rollback(
        place, target, live, factory.lead(), pressed_at=twelve_seconds_ago, status="running", words="names leaked"
    )
    answer = browser.get(PAGE)
    said, page = words(answer), answer.content.decode()
    assert f"{other.tag} is running" in said
    assert re.search(rf"Ana Ruiz pressed 12.s ago · [^.]+: {other.tag}, back to 2026\.11\.3\.", text(answer))
    assert "Why Checklist failing names leaked" in said
    main = page[page.index("<main") : page.index("</main")]
    assert main.index(f"Watch {other.tag}") < main.index("<dl")
    assert "<form" not in main
    assert "<button" not in main


def test_a_press_on_a_stale_page_shows_old_and_new_and_keeps_the_words(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """C26"""
    place, target, live = story
    newer = factory.deployed(place, "2026.11.5", Verdict.FAIL, Regression.YES)
    answer = browser.post(PAGE, form(live, target, reason="users", words="it's slow"))
    said, page = text(answer), answer.content.decode()
    assert answer.status_code == 409
    assert "You saw 2026.11.4" in said
    assert "now it is 2026.11.5" in said
    assert 'value="it&#39;s slow"' in page
    assert re.search(r'value="users" required checked', page)
    assert f'name="live" value="{newer.pk}"' in page
    assert 'name="key" value="first press"' not in page
    assert not Rollback.objects.exists()


def test_a_press_without_a_reason_says_so_beside_the_choice_and_keeps_the_words(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    answer = browser.post(PAGE, form(story[2], story[1], reason=""))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="error-reason"' in page
    assert "reason is missing. Expected: one of checklist, users, slow, other" in text(answer)
    assert 'value="seen by 3 users"' in page
    assert not Rollback.objects.exists()


def test_hidden_characters_in_the_words_are_named(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """C3"""
    answer = browser.post(PAGE, form(story[2], story[1], words="a\u202eb"))
    assert answer.status_code == 422
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in text(answer)


def test_a_target_that_is_none_is_refused_with_its_reason(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    """C41"""
    place, target, live = story
    Release.objects.filter(pk=target.release_id).update(bad_since=timezone.now(), bad_by="Ana Ruiz", bad_reason="x")
    factory.deployed(place, "2026.11.2", live=False)
    answer = browser.post(PAGE, form(live, target))
    assert answer.status_code == 422
    assert "marked bad by Ana Ruiz" in text(answer)
    assert not Rollback.objects.exists()


def test_a_press_without_permission_is_refused(
    client: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    client.force_login(factory.person("lee", "auditor"))
    assert client.post(PAGE, form(story[2], story[1])).status_code == 403
    assert not Rollback.objects.exists()


def test_a_press_without_the_forms_token_is_refused(
    story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """C22"""
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cho)
    answer = strict.post(PAGE, form(story[2], story[1]))
    assert answer.status_code == 403
    assert "Safe to try again" in text(answer)
    assert not Rollback.objects.exists()


def test_a_press_after_the_session_ended_keeps_the_words_through_the_sign_in(
    client: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    """C22"""
    answer = client.post(PAGE, form(story[2], story[1], reason="users"))
    assert answer.status_code == 403
    assert "Your session has ended" in text(answer)
    assert "seen by 3 users" in text(answer)
    sign_in = re.search(r'href="(/login[^"]+)"', answer.content.decode())
    assert sign_in is not None
    after = client.post(
        sign_in.group(1).replace("&amp;", "&"), {"username": "cho", "password": "correct horse battery"}, follow=True
    )
    page = after.content.decode()
    assert after.redirect_chain[-1][0].startswith(PAGE)
    assert 'value="seen by 3 users"' in page
    assert re.search(r'value="users" required checked', page)
    assert not Rollback.objects.exists()


def test_other_methods_are_not_allowed(browser: Client, story: tuple[Environment, Deployment, Deployment]) -> None:
    assert browser.put(PAGE).status_code == 405
    assert browser.delete(PAGE).status_code == 405
    assert browser.post(LIVE).status_code == 405


def test_a_signed_out_reader_lands_here_after_signing_in(client: Client) -> None:
    answer = client.get(f"{PAGE}?seen=2")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/s/archive/production/rollback%3Fseen%3D2"


def test_an_own_earlier_press_is_called_yours(
    browser: Client, story: tuple[Environment, Deployment, Deployment], cho: User
) -> None:
    place, target, live = story
    factory.rollback(place, target, live, cho, status=RollbackStatus.RUNNING)
    assert "You pressed" in text(browser.get(PAGE))


def test_readiness_speaks_of_the_chosen_target(browser: Client) -> None:
    place = factory.environment()
    first = factory.deployed(place, "2026.11.2")
    factory.deployed(place, "2026.11.3")
    factory.open_way_back(place, first, factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES))
    said = text(browser.get(PAGE, {"to": first.pk}))
    assert "Would work" in said
    assert "2026.11.2 is verified" in said


@pytest.mark.parametrize(
    ("receivers", "says"),
    [(["chat", "mail"], "How it ends is told to chat, mail."), ([], "Nobody is told how it ends")],
)
def test_the_page_says_who_will_be_told(
    browser: Client, story: tuple[Environment, Deployment, Deployment], receivers: list[str], says: str
) -> None:
    Environment.objects.update(receivers=receivers)
    assert says in text(browser.get("/s/archive/production/rollback"))


# --- Differences, staleness, what is kept of it ---------------------------------------------------------------------


def keeps(deployment: Deployment, configuration: dict[str, Any]) -> None:
    """Have a deployment's checklist have measured this configuration."""
    run = deployment.verify_run
    assert run is not None
    ProbeRun.objects.create(
        run=run,
        key="configuration",
        effect="none",
        wave=1,
        status="done",
        verdict="pass",
        figures={"configuration": configuration},
    )


def test_what_differs_in_the_configuration_is_shown_where_both_measured_it(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    _, target, live = story
    assert "Not compared: the checklists of 2026.11.4 and 2026.11.3 did not both measure it" in text(browser.get(PAGE))
    keeps(target, {"CACHE": {"value": "30"}, "TOKEN": {"digest": "a"}, "SAME": {"value": "1"}})
    keeps(live, {"CACHE": {"value": "300"}, "TOKEN": {"digest": "b"}, "SAME": {"value": "1"}})
    said = text(browser.get(PAGE))
    assert "2 keys differ between the checklists of the two." in said
    assert re.search(r"CACHE\W+300\W+30\b", said)
    assert "(another secret)" in said
    assert "SAME" not in said


def test_a_configuration_that_is_the_same_is_said_to_be(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    keeps(story[1], {"A": {"value": "1"}})
    keeps(story[2], {"A": {"value": "1"}})
    assert "The same under both versions when their checklists measured it." in text(browser.get(PAGE))


def test_an_open_way_back_says_would_work_and_when_it_was_checked(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    factory.open_way_back(*story)
    ReadinessLook.objects.update(looked_at=timezone.now() - timedelta(seconds=40))
    said = text(browser.get(PAGE))
    assert "Would work" in said
    assert re.search(r"checked 4\d.s ago", said)


def test_a_look_that_is_too_old_is_not_known_and_never_would_work(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    factory.open_way_back(*story)
    ReadinessLook.objects.update(looked_at=timezone.now() - timedelta(minutes=12))
    said = text(browser.get(PAGE))
    assert "Not known whether it would work" in said
    assert "Would work" not in said
    assert re.search(r"checked 12.min ago", said)
    assert "Roll back production to 2026.11.3" in said, "it can be pressed all the same"


def test_a_look_that_is_a_minute_old_is_made_again_for_whoever_decides(
    browser: Client,
    story: tuple[Environment, Deployment, Deployment],
    knocked: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    place, target, _ = story
    factory.open_way_back(*story)
    ReadinessLook.objects.update(looked_at=timezone.now() - timedelta(seconds=70))
    with django_capture_on_commit_callbacks(execute=True):
        browser.get(PAGE)
    assert knocked == [("render_target", place.act_queue, target.pk)]


def test_a_new_look_reaches_an_open_page(browser: Client, story: tuple[Environment, Deployment, Deployment]) -> None:
    factory.open_way_back(*story)
    address = _polled(browser.get(PAGE))
    assert browser.get(address).status_code == 204
    look = ReadinessLook.objects.get()
    look.items = [red("artifact", "archive-2026.11.3 answered 404", "Build it again.").stored(), *look.items[1:]]
    look.save()
    answer = browser.get(address)
    assert "archive-2026.11.3 answered 404. Build it again." in text(answer)
    assert "Not ready: artifact, archive-2026.11.3 answered 404." in text(answer), "a screen reader is told"


def test_what_was_red_or_not_known_at_the_press_stands_on_the_rollbacks_page(
    browser: Client, story: tuple[Environment, Deployment, Deployment]
) -> None:
    place, target, live = story
    factory.rendered(place, target)
    factory.looked(place, target, live, red("artifact", "answered 404", "Build it."))
    answer = browser.post(PAGE, form(live, target, digest=factory.DIGEST))
    kept = text(browser.get(answer.headers["Location"]))
    assert "artifact: not ready answered 404" in kept
    assert re.search(r"a worker had looked \d+.s ago", kept)
    assert "worker: not ready no worker has reported itself" in kept
    assert "command renders on worker-1" in kept
