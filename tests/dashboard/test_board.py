"""The board: what needs somebody, the table, and the live region."""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from releases import queries
from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Execution,
    Finding,
    Freeze,
    ProbeRun,
    Release,
    Rollback,
)
from releases.queries import readiness
from releases.queries.places import places
from releases.queries.readiness import facts
from releases.queries.readiness.item import red
from releases.states import DeploymentKind, DeploymentStatus, Purpose, Regression, Verdict
from tests import factory
from tests.dashboard.pages import HTMX, links, polled, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


# --- The page -------------------------------------------------------------------------------------------------------


def test_a_board_without_services_says_where_they_come_from() -> None:
    response = signed_in(factory.lead()).get("/")
    assert response.status_code == 200
    assert "No service yet Services come from the catalogue file." in words(response)


def test_a_failing_production_needs_somebody_and_offers_the_way_back() -> None:
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    probe = live.verify_run.probes.get(key="cache_headers")
    Finding.objects.create(
        probe_run=probe, kind="leak", subject="/", level="fail", sentence="reader A's name reached reader B"
    )
    response = signed_in(factory.on_call()).get("/")
    told = words(response)
    assert "Needs somebody (1)" in told
    assert "cache_headers: reader A's name reached reader B" in told
    assert "way back 2026.11.3 ready" in told
    assert f"/s/archive/production/rollback?seen={live.pk}" in links(response)
    assert f"/releases/{live.release_id}?deployment={live.pk}" in links(response)
    assert "<title>■ 1 failing · Board · Rollbook</title>" in response.content.decode()


def test_a_board_on_which_all_is_well_says_so() -> None:
    place = factory.environment()
    first = factory.deployed(place, "2026.11.2")
    factory.open_way_back(place, first, factory.deployed(place, "2026.11.3"))
    response = signed_in(factory.on_call()).get("/")
    assert "Needs somebody (0) Nothing needs somebody now." in words(response)
    assert "<title>● Board · Rollbook</title>" in response.content.decode()


def test_a_board_on_which_nothing_is_deployed_yet_leads_on() -> None:
    factory.environment()
    response = signed_in(factory.on_call()).get("/")
    assert "Needs somebody (0) Nothing is deployed yet. Set up says what comes next." in words(response)


def test_somebody_who_may_not_roll_back_is_told_who_may() -> None:
    factory.story()
    response = signed_in(factory.person("lee", "auditor")).get("/")
    assert "Only lead and on-call may roll back." in words(response)
    assert not [href for href in links(response) if "/rollback" in href]


def test_the_board_is_for_signed_in_people(client: Any) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/login?next=/")


@pytest.mark.parametrize("address", ["/", "/live"])
def test_the_board_takes_no_post(address: str) -> None:
    assert signed_in(factory.lead()).post(address).status_code == 405


def test_names_and_findings_are_shown_as_text() -> None:
    """B34: what a service or a person wrote never becomes markup."""
    _place, _, live = factory.story()
    live.release.owner = "<img src=x onerror=alert(1)>\u202egnp"
    live.release.save()
    source = signed_in(factory.on_call()).get("/").content.decode()
    assert "<img" not in source
    assert "\\u202egnp" in source


# --- What needs somebody --------------------------------------------------------------------------------------------


def told_on_board() -> str:
    return words(signed_in(factory.person("zoe", "on-call")).get("/"))


def test_a_rollback_that_did_not_restore_needs_somebody_until_something_else_is_live() -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(
        place, target, live, factory.on_call(), status="done", outcome="not restored", detail="web-2 serves 2026.11.4."
    )
    assert "not restored archive/production 2026.11.4" in told_on_board()
    assert f"{rollback.tag}: web-2 serves 2026.11.4." in words(signed_in(factory.lead()).get("/"))
    factory.deployed(place, "2026.11.5")
    assert "not restored" not in words(signed_in(factory.lead("eva")).get("/"))


def test_a_refused_rollback_needs_somebody() -> None:
    place, target, live = factory.story()
    factory.rollback(place, target, live, factory.on_call(), status="refused", detail="The command changed.")
    assert "The command changed." in told_on_board()


def test_a_failed_deployment_needs_somebody() -> None:
    place = factory.environment()
    factory.deployed(place, "2026.11.3")
    failed = Deployment.objects.create(
        release=factory.release(place.service, "2026.11.4"),
        environment=place,
        status=DeploymentStatus.FAILED,
        reported_by="pipeline",
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    assert f"{failed.tag} of 2026.11.4 was reported as failed" in told_on_board()


def test_instances_that_serve_another_version_are_mixed() -> None:
    """B41: what is observed disagrees with what is recorded."""
    place = factory.environment()
    factory.deployed(place, "2026.11.4")
    place.observed = {"web-1": "2026.11.4", "web-2": "2026.11.3", "web-3": None}
    place.observed_at = timezone.now()
    place.save()
    assert "web-2 serves 2026.11.3; recorded is 2026.11.4" in told_on_board()


def test_what_was_observed_before_the_deployment_ended_is_no_disagreement() -> None:
    place = factory.environment()
    live = factory.deployed(place, "2026.11.4")
    place.observed = {"web-1": "2026.11.3"}
    place.observed_at = live.finished_at - timedelta(seconds=1)
    place.save()
    assert "mixed" not in told_on_board()


def test_a_verdict_that_could_not_be_found_counts_on_production_only() -> None:
    production, staging = factory.environment(), factory.environment(key="staging")
    for place in (production, staging):
        before = factory.deployed(place, "2026.11.3")
        live = factory.deployed(place, "2026.11.4", Verdict.INCONCLUSIVE, Regression.UNKNOWN)
        factory.open_way_back(place, before, live)
    assert "Needs somebody (1) inconclusive archive/production" in told_on_board()


def test_a_freeze_needs_somebody_after_a_day() -> None:
    place = factory.environment()
    first = factory.deployed(place, "2026.11.2")
    factory.open_way_back(place, first, factory.deployed(place, "2026.11.3"))
    freeze = Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho Park", frozen_at=timezone.now())
    assert "Needs somebody (0)" in told_on_board()
    Freeze.objects.filter(pk=freeze.pk).update(frozen_at=timezone.now() - timedelta(hours=25))
    assert "Needs somebody (1) frozen archive/production" in words(signed_in(factory.lead()).get("/"))


def test_an_open_rollback_is_to_be_watched_instead_of_pressed_again() -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call(), status="running")
    response = signed_in(factory.lead()).get("/")
    assert f"Watch {rollback.tag}" in words(response)
    assert not [href for href in links(response) if "rollback?seen" in href]


# --- Agreement with the confirm page --------------------------------------------------------------------------------


def _random_history(place: Environment, chance: random.Random) -> None:
    versions = [factory.release(place.service, f"{place.key}.{number}") for number in range(4)]
    for release in versions:
        if chance.random() < 0.2:
            release.bad_since, release.bad_by, release.bad_reason = timezone.now(), "Cho", "leak"
            release.save()
    for _ in range(chance.randrange(8)):
        status = chance.choice([DeploymentStatus.FINISHED] * 4 + [DeploymentStatus.FAILED, DeploymentStatus.STARTED])
        finished = status == DeploymentStatus.FINISHED
        made = Deployment.objects.create(
            release=chance.choice(versions),
            environment=place,
            kind=DeploymentKind.ROLLBACK if finished and chance.random() < 0.2 else DeploymentKind.DEPLOYMENT,
            status=status,
            verdict=chance.choice(["pass", "pass", "fail", "error", ""]) if finished else "",
            reported_by="pipeline",
            started_at=timezone.now(),
            finished_at=None if status == DeploymentStatus.STARTED else timezone.now(),
        )
        if finished:
            place.live = made
            place.save()
    place = Environment.objects.get(pk=place.pk)
    back = queries.way_back(place)
    if back.target and chance.random() < 0.9:
        rendered = factory.rendered(place, back.target)
        if chance.random() < 0.3:
            rendered.found = [["program_missing", "The program is missing."]]
        if chance.random() < 0.2:
            rendered.rendered_at = timezone.now() - timedelta(hours=1)
        rendered.save()
        assert back.live is not None
        if chance.random() < 0.9:
            found = [red("artifact", "gone", "Build it.")] if chance.random() < 0.1 else []
            minutes = chance.choice([0] * 7 + [20])
            at = timezone.now() - timedelta(minutes=minutes)
            factory.looked(place, back.target, chance.choice([back.live] * 7 + [back.target]), *found, looked_at=at)
    for digest in chance.choice([[], ["a" * 64], ["a" * 64], ["a" * 64, "b" * 64]]):
        factory.act_worker(place, catalogue_digest=digest)
    if chance.random() < 0.2:
        Execution.objects.create(environment=place, kind="deploy", started_by="x", started_at=timezone.now())


def test_the_board_says_of_the_way_back_what_the_confirm_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The board asks in bulk what the confirm page asks one by one: the same target, and the same red."""
    monkeypatch.setattr(facts, "WORKER_FRESH", timedelta(hours=1))  # no worker falls silent between the two questions
    chance = random.Random(20261123)
    service = factory.service("archive")
    for number in range(120):
        _random_history(factory.environment(service, f"e{number}"), chance)
    shown = {place.pk: place for place in places(Environment.objects.all())}
    ready_ones = 0
    for environment in Environment.objects.select_related("service", "live__release"):
        place, back = shown[environment.pk], queries.way_back(environment)
        assert (place.back is None) == (back.live is None)
        if place.back is None:
            continue
        read = readiness.facts_of(environment, back, queries.rendered_for(environment, back.target))
        items = readiness.items_of(read)
        assert place.back.target == (back.target.release.version if back.target else "")
        assert place.back.red == tuple(item.key for item in items if item.red)
        assert place.back.not_known == tuple(item.key for item in items if not item.known)
        assert place.back.answer == readiness.answer_of(items)
        ready_ones += place.back.ready
    assert ready_ones, "the histories hold some that are ready"


def test_the_estimate_is_the_one_of_the_confirm_page() -> None:
    place, target, live = factory.story()
    person, now = factory.on_call(), timezone.now()
    ended = [(31, "restored"), (20, "restored"), (25, "restored with differences"), (1, "not restored"), (2, "unknown")]
    for seconds, outcome in ended:
        factory.rollback(
            place,
            target,
            live,
            person,
            status="done",
            outcome=outcome,
            pressed_at=now - timedelta(seconds=seconds),
            claimed_at=now,
            ended_at=now,
        )
    back = places(Environment.objects.all())[0].back
    assert back is not None
    assert (back.seconds, back.ground, "rollback") == queries.expected_seconds(place) == (25, 3, "rollback")


# --- The live region ------------------------------------------------------------------------------------------------


def test_an_unchanged_board_answers_204() -> None:
    factory.story()
    client = signed_in(factory.on_call())
    address, seconds = polled(client.get("/")) or ("", 0)
    assert seconds == 10, "nothing is active"
    response = client.get(address, headers=HTMX)
    assert (response.status_code, response.content) == (204, b"")


def test_a_changed_board_answers_itself_and_announces_the_verdict() -> None:
    _place, _, live = factory.story()
    client = signed_in(factory.on_call())
    address, _ = polled(client.get("/")) or ("", 0)
    Deployment.objects.filter(pk=live.pk).update(verdict=Verdict.PASS)
    response = client.get(address, headers=HTMX)
    source = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in source
    assert 'hx-swap-oob="innerHTML:#announcer"' in source
    assert polled(response) != (address, 10), "the next question names the new state"


def test_nothing_is_announced_when_no_verdict_changed() -> None:
    place, _, _ = factory.story()
    client = signed_in(factory.on_call())
    address, _ = polled(client.get("/")) or ("", 0)
    Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=timezone.now())
    response = client.get(address, headers=HTMX)
    assert response.status_code == 200
    assert "announcer" not in response.content.decode()


def test_the_board_asks_every_two_seconds_while_a_checklist_runs_and_refreshes_without_scripts() -> None:
    place = factory.environment()
    live = factory.deployed(place, "2026.11.4", None)
    run = factory.run(place, deployment=live)
    ChecklistRun.objects.filter(pk=run.pk).update(status="running", verdict="")
    ProbeRun.objects.filter(run=run, wave__gt=1).update(status="queued", verdict="")
    response = signed_in(factory.on_call()).get("/")
    assert "verifying 2 of 4" in words(response)
    assert (polled(response) or ("", 0))[1] == 2
    assert '<noscript><meta http-equiv="refresh"' in response.content.decode()


def test_a_baseline_that_is_measured_is_called_so() -> None:
    place = factory.environment()
    started = Deployment.objects.create(
        release=factory.release(place.service, "2026.11.4"),
        environment=place,
        reported_by="pipeline",
        started_at=timezone.now(),
    )
    run = factory.run(place, purpose=Purpose.BASELINE, deployment=started)
    ChecklistRun.objects.filter(pk=run.pk).update(status="running", verdict="")
    assert "measuring the baseline 4 of 4" in told_on_board()


def test_a_live_region_answers_401_and_the_way_to_sign_in(client: Any) -> None:
    """C23: never a login page inside a fragment."""
    response = client.get("/live", headers=HTMX)
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/login?next=/"


def test_the_page_of_many_environments_asks_no_more_than_the_page_of_few() -> None:
    client = signed_in(factory.on_call())

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            place = factory.environment(factory.service(f"s{number}"))
            target = factory.deployed(place, "1")
            live = factory.deployed(place, "2", Verdict.FAIL, Regression.YES)
            factory.open_way_back(place, target, live)
            Finding.objects.create(
                probe_run=live.verify_run.probes.first(), kind="k", subject="/", level="fail", sentence="broken"
            )

    fill(0, 3)
    few = queries_of(lambda: client.get("/"))
    fill(3, 30)
    assert queries_of(lambda: client.get("/")) == few <= 14
    assert Rollback.objects.count() == 0


# --- The demo's seeding ---------------------------------------------------------------------------------------------


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Path:
    settings.ROLLBOOK_HOME = tmp_path
    (tmp_path / "demo").mkdir()
    return tmp_path


def test_the_board_shows_how_far_the_demo_is(home: Path) -> None:
    (home / "demo/seed.json").write_text(json.dumps({"step": 3, "of": 6, "text": "deploying 2026.11.4"}))
    response = signed_in(factory.lead()).get("/")
    assert "Making the demo's releases: 3 of 6 deploying 2026.11.4" in words(response)
    assert (polled(response) or ("", 0))[1] == 2


@pytest.mark.parametrize(
    "content",
    [
        b'{"step": 6, "of": 6, "text": "done"}',
        b'{"step": "3", "of": 6}',
        b'{"step": -1, "of": 6}',
        b"[1, 2]",
        b'{"step": 1, "of": 2, "text": ["no"]}',
        b"\xff\xfe",
        b"",
        b"[" * 4000,
        b'{"step": 1, "of": 2, "text": "' + b"x" * 100_000 + b'"}',
    ],
)
def test_a_seed_file_that_is_done_or_unreadable_shows_nothing(home: Path, content: bytes) -> None:
    (home / "demo/seed.json").write_bytes(content)
    response = signed_in(factory.lead()).get("/")
    assert response.status_code == 200
    assert "Making the demo" not in words(response)


def test_a_rollback_that_nobody_takes_needs_somebody_with_what_it_waits_for(db: None) -> None:
    place, target, live = factory.story()
    factory.rollback(
        place,
        target,
        live,
        factory.on_call(),
        pressed_at=timezone.now() - timedelta(seconds=30),
        detail="Waiting: deploy D-7 still holds the lock on worker-1.",
    )
    said = words(signed_in(factory.lead()).get("/"))
    assert "RB-" in said
    assert "deploy D-7 still holds the lock on worker-1" in said


def test_the_gravest_question_speaks_for_a_failing_release_whichever_probe_answered_first(db: None) -> None:
    place = factory.environment(checklist={"logged_in_traffic": {}, "cache_headers": {}})
    run = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES).verify_run
    assert run is not None
    leak, header = run.probes.get(key="logged_in_traffic"), run.probes.get(key="cache_headers")
    for probe, sentence in ((header, "a shared cache may store it"), (leak, "reader A's name reached reader B")):
        Finding.objects.create(probe_run=probe, kind="x", subject="/account", level="fail", sentence=sentence)
    said = words(signed_in(factory.lead()).get("/"))
    assert "logged_in_traffic: reader A's name reached reader B (+1 more)" in said


# --- Readiness and the queue ----------------------------------------------------------------------------------------


def test_a_way_back_that_nobody_looked_at_lately_is_not_known_and_needs_somebody_later() -> None:
    place = factory.environment()
    first = factory.deployed(place, "2026.11.2")
    live = factory.deployed(place, "2026.11.3")
    factory.act_worker(place)
    factory.rendered(place, first)
    said = told_on_board()
    assert (
        "way back 2026.11.2 not known : no worker has looked lately at artifact, migrations, rehearsal and lock" in said
    )
    assert "Needs somebody (0)" in said, "the first look may be on its way"
    Deployment.objects.filter(pk=live.pk).update(finished_at=timezone.now() - timedelta(minutes=6))
    assert "Needs somebody (1) not known archive/production" in words(signed_in(factory.lead()).get("/"))


def test_what_the_worker_found_red_stands_in_short_on_the_board() -> None:
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    place.readiness_looks.all().delete()
    factory.looked(place, target, live, red("artifact", "answered 404", "Build it."))
    assert "way back 2026.11.3 not ready : its artifact is gone" in told_on_board()


def test_after_a_first_release_was_taken_back_the_board_says_that_there_is_no_way_back_and_what_then() -> None:
    place, target, live = factory.story()
    Release.objects.filter(pk=live.release_id).update(bad_since=timezone.now(), bad_by="Cho Park")
    back = factory.deployed(place, target.release.version, kind=DeploymentKind.ROLLBACK)
    factory.rollback(place, target, live, factory.on_call(), status="done", outcome="restored", deployment=back)
    factory.act_worker(place)
    response = signed_in(factory.lead()).get("/")
    said = words(response)
    assert "way back not ready : nothing to go back to from here" in said
    assert "The next release can go back to 2026.11.3 . Should 2026.11.3 fail before that" in said
    assert "What can be done in archive/production …" in said
    assert "Roll back archive/production" not in said
    assert f"/s/archive/production/rollback?seen={back.pk}" in links(response)


def test_a_new_look_that_finds_the_same_leaves_the_board_as_it_is() -> None:
    place, target, live = factory.story()
    factory.open_way_back(place, target, live)
    client = signed_in(factory.on_call())
    address, _ = polled(client.get("/")) or ("", 0)
    place.readiness_looks.update(looked_at=timezone.now())
    assert client.get(address, headers=HTMX).status_code == 204


def test_a_silent_queue_is_said_once_and_asked_for_once(broker: dict[str, Any]) -> None:
    """B10"""
    factory.story()
    factory.environment(factory.service("payments"))
    broker["answers"] = False
    client = signed_in(factory.on_call())
    said = words(client.get("/"))
    assert said.count("The queue does not answer") == 1
    client.get("/")
    assert broker["asked"] == 1
