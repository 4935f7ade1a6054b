"""The auditor's desk, decisions: who decided what and why, asked as a sentence, one row per decision."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releases import triggers
from releases.book import Tag, record
from releases.intake import AcceptSpec, ConfirmSpec, FinishSpec, LiftSpec, OverrideSpec, RollbackSpec, StartSpec
from releases.migration_report import loss_digest
from releases.models import Deployment, Environment, Event, Finding, Freeze, ProbeRun, Rollback, User
from releases.services.acceptances import accept_finding, withdraw_acceptance
from releases.services.book_checks import check_some
from releases.services.deployments import finish_deployment, start_deployment
from releases.services.expected_results import confirm_result
from releases.services.freezes import lift_freeze
from releases.services.pressing import press
from releases.services.releases import unmark_bad
from releases.services.rollbacks import cancel, override_lock
from releases.states import Level, Outcome, RollbackStatus
from tests import factory
from tests.dashboard.pages import links, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def lee() -> Client:
    return signed_in(factory.person("lee", "auditor"))


@pytest.fixture
def cho() -> User:
    return factory.on_call()


def pressed(by: User, service: str = "archive", words: str = "card form 500 for saved cards") -> Rollback:
    """Press the button on a service of that name, with its story before it."""
    place = factory.environment(factory.service(service))
    target = factory.deployed(place, "3.8.1")
    live = factory.deployed(place, "3.8.2", verdict=factory.Verdict.FAIL, regression=factory.Regression.YES)
    return press_on(place, target, live, by, words)


def press_on(place: Environment, target: Deployment, live: Deployment, by: User, words: str = "") -> Rollback:
    spec = RollbackSpec(
        service=place.service.key, environment=place.key, live=live.pk, target=target.pk, reason="users", words=words
    )
    return press(spec, actor=factory.actor(by))


def happened_on(event: Event, moment: datetime) -> None:
    """Set back when an event was written; the chain is not looked at here."""
    triggers.lift()
    Event.objects.filter(pk=event.pk).update(at=moment)


def test_a_rollback_is_one_row_with_who_versions_why_what_was_known_and_how_it_ended(lee: Client, cho: User) -> None:
    row = pressed(cho, "payments")
    ended = row.pressed_at + timezone.timedelta(seconds=41)
    Rollback.objects.update(status=RollbackStatus.DONE, outcome=Outcome.RESTORED, ended_at=ended)
    answer = lee.get("/audit")
    told = words(answer)
    assert answer.status_code == 200
    written = Event.objects.get(action=Tag.ROLLBACK_PRESSED).at
    assert f"{written:%Y-%m-%d %H:%M:%S}Z Rollback {row.tag} payments/production 3.8.2 → 3.8.1" in told
    assert "by Cho Park (on-call) Why Users report: card form 500 for saved cards Knew 3.8.2 fail" in told
    red = next(item for item in row.at_press["readiness"] if not item["ready"])
    assert f"{red['key']} {red['says']}" in told
    assert "Outcome restored 41.0 s" in told
    assert "still frozen" in told
    assert "1 decision · 1 person" in told
    assert row.get_absolute_url() in links(answer)


def test_a_rollback_says_when_its_freeze_ended_by_whom_and_why(lee: Client, cho: User) -> None:
    row = pressed(cho)
    lift_freeze(Freeze.objects.get(rollback=row), LiftSpec(reason="3.8.3 fixes it"), actor=factory.actor(cho))
    told = words(lee.get("/audit?kind=rollback"))
    assert "lifted by Cho Park : 3.8.3 fixes it" in told
    assert "still frozen" not in told
    assert "Freeze lifted" in words(lee.get("/audit?kind=freeze"))


def test_what_was_measured_again_says_what_it_ended_as_first(lee: Client, cho: User) -> None:
    pressed(cho)
    Rollback.objects.update(
        outcome=Outcome.RESTORED,
        first_outcome=Outcome.UNKNOWN,
        verify_requested_by="Ana Ruiz",
        verify_reason="web-2 is back",
    )
    assert "first unknown; measured again for Ana Ruiz : web-2 is back" in words(lee.get("/audit"))


def test_an_override_names_who_held_the_lock(lee: Client, cho: User) -> None:
    row = pressed(cho)
    Rollback.objects.update(lock_holder="worker-1, process 4711")
    row.refresh_from_db()
    override_lock(row, OverrideSpec(reason="it hangs"), actor=factory.actor(cho))
    told = words(lee.get("/audit?kind=override"))
    assert "Run despite a held lock" in told
    assert "Why it hangs Held by worker-1, process 4711" in told
    assert "1 override · 1 person" in told


def test_a_deployment_that_ended_despite_a_freeze_is_an_override(lee: Client) -> None:
    place, _, _ = factory.story()
    lead = factory.actor(factory.lead(), via="command line")
    factory.release(place.service, "2026.11.5")
    started = start_deployment(StartSpec(service="archive", environment="production", version="2026.11.5"), actor=lead)
    Freeze.objects.create(environment=place, reason="names leaked", frozen_by="Cho Park", frozen_at=timezone.now())
    finish_deployment(started.pk, FinishSpec(succeeded=True), actor=lead)
    told = words(lee.get("/audit?kind=override"))
    assert f"Deployed despite a freeze {started.tag} archive/production 2026.11.5" in told
    assert "Frozen by Cho Park : names leaked" in told


def test_an_acceptance_and_its_withdrawal_are_two_decisions(lee: Client) -> None:
    _, _, live = factory.story()
    finding = Finding.objects.create(
        probe_run=ProbeRun.objects.filter(run=live.verify_run).latest("pk"),
        kind="slow",
        level=Level.FAIL,
        sentence="It is slow.",
    )
    ana = factory.actor(factory.lead())
    made = accept_finding(finding.pk, AcceptSpec(reason="known since May"), actor=ana)
    withdraw_acceptance(made, LiftSpec(reason="mended"), actor=ana)
    told = words(lee.get("/audit?kind=acceptance"))
    assert "2 acceptances · 1 person" in told
    assert "Acceptance withdrawn" in told.split("Finding accepted")[0]
    assert "Why known since May Finding It is slow." in told


def test_a_bad_mark_taken_off_and_a_bad_release_deployed_again_are_decisions(lee: Client) -> None:
    _, _, live = factory.story()
    ana = factory.actor(factory.lead(), via="command line")
    release = live.release
    release.bad_since, release.bad_by, release.bad_reason = timezone.now(), "Cho Park", "RB-7: names leaked"
    release.save()
    start_deployment(
        StartSpec(
            service="archive",
            environment="production",
            version="2026.11.4",
            what_changed="the cache key names the reader",
        ),
        actor=ana,
    )
    unmark_bad(release, LiftSpec(reason="it was the cache"), actor=ana)
    told = words(lee.get("/audit?kind=bad"))
    assert "Bad release deployed again" in told
    assert "Why the cache key names the reader Marked bad by Cho Park : RB-7: names leaked" in told
    assert "Bad mark taken off" in told
    assert "Why it was the cache" in told


def test_the_question_is_in_the_address_and_answered_exactly(lee: Client, cho: User) -> None:
    pressed(cho, "archive", "leak")
    row = pressed(cho, "payments", "cards")
    event = Event.objects.get(object_tag=row.tag, action=Tag.ROLLBACK_PRESSED)
    happened_on(event, datetime(2026, 3, 14, 9, 12, 3, tzinfo=UTC))
    answer = lee.get("/audit?kind=rollback&service=payments&environment=production&from=2026-03-01&to=2026-03-31")
    told = words(answer)
    assert "Rollbacks of payments/production in March 2026" in told
    assert "1 rollback · 1 person" in told
    assert "2026-03-14 09:12:03Z" in told
    assert "leak" not in told
    assert '<option value="payments" selected>' in answer.content.decode()
    assert 'type="date" aria-label="From, a day of UTC" value="2026-03-01"' in answer.content.decode()


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 1, tzinfo=UTC), True),
        (datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2026, 4, 1, tzinfo=UTC), False),
    ],
)
def test_both_days_belong_to_the_time_asked_about_in_utc(
    lee: Client, cho: User, moment: datetime, inside: bool
) -> None:
    row = pressed(cho)
    happened_on(Event.objects.get(object_tag=row.tag, action=Tag.ROLLBACK_PRESSED), moment)
    told = words(lee.get("/audit?kind=rollback&from=2026-03-01&to=2026-03-31"))
    assert (row.tag in told) is inside


def test_times_that_do_not_follow_the_numbers_are_found_all_the_same(lee: Client, cho: User) -> None:
    """B20: the clock was set back between two events."""
    first, second = pressed(cho, "archive", "first"), pressed(cho, "shop", "second")
    for row, day in ((first, 20), (second, 10)):
        event = Event.objects.get(object_tag=row.tag, action=Tag.ROLLBACK_PRESSED)
        happened_on(event, datetime(2026, 3, day, tzinfo=UTC))
    assert "second" in words(lee.get("/audit?kind=rollback&from=2026-03-09&to=2026-03-11"))
    assert "first" in words(lee.get("/audit?kind=rollback&from=2026-03-19&to=2026-03-21"))


def test_no_match_says_so_and_how_much_the_book_has_in_that_time(lee: Client, cho: User) -> None:
    pressed(cho)
    moment = datetime(2026, 3, 14, tzinfo=UTC)
    for event in Event.objects.all():
        happened_on(event, moment)
    events = Event.objects.count()
    told = words(lee.get("/audit?kind=override&service=archive&environment=production&from=2026-03-01&to=2026-03-31"))
    assert f"No override of archive/production in March 2026. The book has {events} events in that time." in told


def test_an_empty_book_says_so(lee: Client) -> None:
    assert "No decision. The book has 0 events in all." in words(lee.get("/audit"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("from=2026-13-01", "from is not a day"),
        ("to=yesterday", "to is not a day"),
        ("from=2026-03-02&to=2026-03-01", "The last day lies before the first."),
    ],
)
def test_a_day_that_is_none_is_answered_with_what_is_wrong(lee: Client, asked: str, said: str) -> None:
    answer = lee.get(f"/audit?{asked}")
    assert answer.status_code == 422
    assert said in words(answer)


def test_decisions_come_in_pages_with_stable_links(lee: Client, cho: User) -> None:
    place = factory.environment()
    for number in range(120):
        record(Tag.FREEZE_LIFTED, factory.actor(cho), environment=place, reason=f"reason-{number:03}")
    seen: list[str] = []
    address = "/audit?kind=freeze"
    for _ in range(3):
        answer = lee.get(address)
        seen += [word for word in words(answer).split() if word.startswith("reason-")]
        address = next((href for href in links(answer) if "before=" in href), "")
    assert seen == [f"reason-{number:03}" for number in reversed(range(120))]
    assert address == ""
    assert "120 lifted freezes · 1 person" in words(lee.get("/audit?kind=freeze&before=50"))


def test_many_decisions_ask_no_more_than_few(lee: Client, cho: User) -> None:
    def ask() -> int:
        return queries_of(lambda: lee.get("/audit"))

    row = pressed(cho)
    lift_freeze(Freeze.objects.get(rollback=row), LiftSpec(reason="mended"), actor=factory.actor(cho))
    cancel(pressed(cho, "shop"), actor=factory.actor(cho))
    few = ask()
    for number in range(6):
        cancel(pressed(cho, f"shop{number}"), actor=factory.actor(cho))
    assert ask() == few <= 22


def test_a_confirmed_result_is_a_decision_with_what_was_seen_and_what_stood_on_the_screen(lee: Client) -> None:
    place, _, _ = factory.story()
    release = factory.release(place.service, "2026.11.5", expected_result="readers see teasers")
    live = factory.deployed(place, "2026.11.5")
    ana = factory.actor(factory.lead())
    for came_true, note in ((True, "seen on the front page"), (False, "gone on phones")):
        confirm_result(release, 1, ConfirmSpec(came_true=came_true, note=note), actor=ana)
    told = words(lee.get("/audit?kind=result"))
    assert f"Expected result confirmed {release.tag} archive 2026.11.5 by Ana Ruiz (lead) Why gone on phones" in told
    assert f"Result not as expected readers see teasers Knew {live.tag} pass said before: as expected" in told
    assert f"Result as expected readers see teasers Knew {live.tag} pass nobody had said anything before" in told
    assert "2 confirmed results · 1 person" in told


def test_an_accepted_loss_of_data_is_a_decision_with_what_the_page_named(lee: Client, cho: User) -> None:
    """C25"""
    place, target, live = factory.story()
    factory.migrations(target, live, factory.LOSING)
    spec = RollbackSpec(
        service="archive",
        environment="production",
        live=live.pk,
        target=target.pk,
        reason="users",
        losses=[loss_digest(factory.LOSS)],
        accept_data_loss=True,
    )
    rollback = press(spec, actor=factory.actor(cho))
    told = words(lee.get("/audit?kind=loss"))
    assert f"Data loss accepted {rollback.tag} {place} 2026.11.4 → 2026.11.3" in told
    assert "by Cho Park (on-call) Why Users report" in told
    assert f"Lost {factory.LOSS} Knew 2026.11.4 fail data-losing 0007_orders" in told
    assert "1 accepted data loss · 1 person" in told
    assert f"Lost {factory.LOSS}" in words(lee.get("/audit?kind=rollback"))


def test_hostile_words_stay_words(lee: Client, cho: User) -> None:
    pressed(cho, words="<script>alert(1)</script>")
    source = lee.get("/audit?service=%3Cscript%3E").content.decode() + lee.get("/audit").content.decode()
    assert "<script>alert" not in source
    assert "<script>." not in source


def test_the_page_says_whether_the_book_holds_and_when_that_was_looked_at(lee: Client, cho: User) -> None:
    pressed(cho)
    assert "book not checked yet" in words(lee.get("/audit"))
    check_some()
    told = words(lee.get("/audit"))
    assert f"book intact {Event.objects.count()} events checked {timezone.now():%Y-%m-%d}" in told
    assert "no anchor is kept" in told


def test_a_broken_book_is_named_with_its_first_bad_event_and_what_to_do(lee: Client, cho: User) -> None:
    pressed(cho)
    triggers.lift()
    Event.objects.filter(seq=2).update(actor="Somebody else")
    check_some()
    told = words(lee.get("/audit"))
    assert "The book does not hold At event 2: its content was changed" in told
    assert "run manage.py verify_audit on the server" in told


@pytest.mark.parametrize("group", ["on-call", "viewer"])
def test_who_may_not_read_the_book_is_told_whom_to_ask(group: str) -> None:
    answer = signed_in(factory.person("sam", group)).get("/audit")
    assert answer.status_code == 403
    assert "a person of one of the groups lead, auditor" in words(answer)


@pytest.mark.parametrize("group", ["lead", "auditor"])
def test_lead_and_auditor_may_read_the_book(group: str) -> None:
    assert signed_in(factory.person("sam", group)).get("/audit").status_code == 200


def test_the_desk_changes_nothing(lee: Client) -> None:
    assert lee.post("/audit").status_code == 405
    assert not Event.objects.exists()


# --- Landing ----------------------------------------------------------------------------------------------------------


def sign_in(username: str, **asked: Any) -> str:
    answer = Client().post("/login", {"username": username, "password": "correct horse battery", **asked})
    assert answer.status_code == 302
    return answer["Location"]


@pytest.mark.parametrize(("group", "page"), [("auditor", "/audit"), ("lead", "/"), ("on-call", "/"), ("viewer", "/")])
def test_an_auditor_lands_on_the_desk_and_everybody_else_on_the_board(group: str, page: str) -> None:
    factory.person("sam", group)
    assert sign_in("sam") == page
    assert sign_in("sam", next="/") == page


def test_a_link_to_a_page_wins_over_the_landing_page() -> None:
    factory.person("sam", "auditor")
    assert sign_in("sam", next="/releases/7?deployment=3") == "/releases/7?deployment=3"
    assert sign_in("sam", next="https://elsewhere.example/") == "/audit"
