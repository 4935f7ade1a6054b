"""Running a checklist again and accepting findings, on the pages."""

from typing import Any

import pytest
from django.test import Client

from releases.models import Acceptance, ChecklistRun, Deployment, Environment, Finding
from releases.services.checklists import make_run
from releases.states import Level, ProbeStatus, Purpose, RunStatus, Verdict
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Environment:
    return factory.story()[0]


@pytest.fixture
def finding(place: Environment) -> Finding:
    assert place.live is not None
    assert place.live.verify_run is not None
    probe = place.live.verify_run.probes.get(key="cache_headers")
    return Finding.objects.create(
        probe_run=probe, kind="not_shared", subject="/", level=Level.FAIL, sentence="/ is <b>not</b> shared"
    )


@pytest.fixture
def lead() -> Client:
    return signed_in(factory.lead())


def page(client: Client, place: Environment, **query: Any) -> Any:
    assert place.live is not None
    return client.get(f"/releases/{place.live.release_id}", query)


def asked_again(place: Environment, key: str, verdict: Verdict) -> ChecklistRun:
    """Make a settled run of one probe, newer than the whole one."""
    run = make_run(place, purpose=Purpose.VERIFY, deployment=place.live, only={key}, requested_by="Ana Ruiz")
    run.probes.update(status=ProbeStatus.DONE, verdict=verdict)
    ChecklistRun.objects.filter(pk=run.pk).update(status=RunStatus.DONE, verdict=verdict)
    return run


def test_a_press_queues_the_run_and_leads_back_to_the_checklist(lead: Client, place: Environment) -> None:
    answer = lead.post("/s/archive/production/checklist-runs", {"probe": "cache_headers"})
    live = place.live
    assert live is not None
    assert answer.status_code == 303
    assert answer["Location"] == f"/releases/{live.release_id}?deployment={live.pk}#checklist"
    told = words(page(lead, place))
    assert "is queued asked for by Ana Ruiz" in told
    assert "Run the checklist again" not in told


def test_the_buttons_stand_at_what_is_live_for_those_who_may(lead: Client, place: Environment) -> None:
    target = Deployment.objects.exclude(pk=place.live_id).get()
    assert "Ask cache_headers again" in words(page(lead, place))
    for elsewhere in (
        lead.get(f"/releases/{target.release_id}"),
        page(signed_in(factory.person("vic", "viewer")), place),
    ):
        assert "checklist-runs" not in elsewhere.content.decode()


def test_a_probe_that_is_not_on_the_checklist_is_refused_as_a_page(lead: Client, place: Environment) -> None:
    answer = lead.post("/s/archive/production/checklist-runs", {"probe": "purge"})
    assert answer.status_code == 422
    assert "has no purge" in words(answer)


def test_somebody_who_may_not_is_refused(place: Environment) -> None:
    answer = signed_in(factory.person("vic", "viewer")).post("/s/archive/production/checklist-runs")
    assert answer.status_code == 403
    assert not ChecklistRun.objects.exclude(requested_by="").exists()


def test_the_newer_answer_stands_beside_the_older(lead: Client, place: Environment, finding: Finding) -> None:
    run = asked_again(place, "cache_headers", Verdict.PASS)
    told = words(page(lead, place))
    assert f"Asked again in {run.tag}" in told
    assert "Earlier: fail" in told
    assert "not shared" not in told
    assert finding.probe_run.run_id != run.pk
    older = words(page(lead, place, deployment=place.live_id, run=finding.probe_run.run_id))
    assert "is <b>not</b> shared" in older


@pytest.mark.parametrize("run", ["x", "9" * 30, "-1", "0"])
def test_a_run_that_is_not_there_shows_the_newest(lead: Client, place: Environment, run: str) -> None:
    assert page(lead, place, deployment=place.live_id, run=run).status_code == 200


def test_a_lead_accepts_a_finding_and_sees_it_as_accepted(lead: Client, place: Environment, finding: Finding) -> None:
    shown = lead.get(f"/findings/{finding.pk}/accept")
    assert "Accept this finding? " in words(shown)
    assert "/ is <b>not</b> shared" in words(shown)
    answer = lead.post(f"/findings/{finding.pk}/accept", {"scope": "release", "reason": "known", "until": ""})
    assert answer.status_code == 303
    told = words(page(lead, place))
    assert "accepted for this release by Ana Ruiz : known" in told
    assert "fail 2026.11.4" in told


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"scope": "release", "reason": ""}, "reason is missing"),
        ({"scope": "until", "reason": "known", "until": ""}, "until"),
        ({"scope": "until", "reason": "known", "until": "2020-01-01"}, "until is not a day on which"),
    ],
)
def test_what_is_wrong_stands_in_the_form_with_what_was_typed(
    lead: Client, finding: Finding, given: dict[str, str], says: str
) -> None:
    answer = lead.post(f"/findings/{finding.pk}/accept", given)
    assert answer.status_code == 422
    assert says in words(answer)
    assert given["reason"] in answer.content.decode()
    assert not Acceptance.objects.exists()


def test_somebody_who_may_not_accept_sees_who_may(finding: Finding) -> None:
    client = signed_in(factory.on_call())
    assert "Only lead may accept a finding." in words(client.get(f"/findings/{finding.pk}/accept"))
    assert client.post(f"/findings/{finding.pk}/accept", {"scope": "release", "reason": "x"}).status_code == 403


def test_an_acceptance_is_withdrawn_with_a_reason_once(lead: Client, finding: Finding) -> None:
    lead.post(f"/findings/{finding.pk}/accept", {"scope": "release", "reason": "known"})
    address = f"/acceptances/{Acceptance.objects.get().pk}/withdraw"
    assert "known" in words(lead.get(address))
    assert lead.post(address, {"reason": ""}).status_code == 422
    assert lead.post(address, {"reason": "it leaks"}).status_code == 303
    again = lead.post(address, {"reason": "twice"})
    assert (again.status_code, "has ended" in words(again)) == (409, True)


def test_the_page_asks_no_more_queries_for_more_runs(lead: Client, place: Environment) -> None:
    asked_again(place, "cache_headers", Verdict.PASS)
    few = queries_of(lambda: page(lead, place))
    for _ in range(4):
        asked_again(place, "cache_headers", Verdict.FAIL)
    assert queries_of(lambda: page(lead, place)) == few


def test_the_timeline_tells_who_asked_again_and_who_accepted_what(
    lead: Client, place: Environment, finding: Finding
) -> None:
    lead.post("/s/archive/production/checklist-runs", {"probe": "cache_headers"})
    lead.post(f"/findings/{finding.pk}/accept", {"scope": "release", "reason": "known; ARCH-7"})
    lead.post(f"/acceptances/{Acceptance.objects.get().pk}/withdraw", {"reason": "it leaks"})
    told = words(page(lead, place))
    run = ChecklistRun.objects.latest("pk")
    assert f"Asked again in archive/production: cache_headers ({run.tag})." in told
    assert "accepted for this release in archive/production: / is <b>not</b> shared" in told
    assert "was withdrawn in archive/production" in told
