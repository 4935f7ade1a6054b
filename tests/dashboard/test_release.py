"""The page of a release: its record, the checklist with its evidence, before and after, and what happened."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from releases import book
from releases.book import Tag
from releases.intake import FinishSpec, StartSpec
from releases.models import ChecklistRun, Deployment, Execution, Finding, ProbeRun, Release
from releases.services.deployments import finish_deployment, start_deployment
from releases.states import ProbeStatus, Purpose, Regression, Verdict
from tests import factory
from tests.dashboard.pages import HTMX, asked_with, links, polled, queries_of, signed_in, words

pytestmark = pytest.mark.django_db


def page_of(deployment: Deployment, who: Any = None) -> Any:
    return signed_in(who or factory.person("zoe", "on-call")).get(f"/releases/{deployment.release_id}")


def finding(deployment: Deployment, key: str, sentence: str, **fields: Any) -> Finding:
    fields.setdefault("level", "fail")
    return Finding.objects.create(
        probe_run=deployment.verify_run.probes.get(key=key), kind="kind", subject="/", sentence=sentence, **fields
    )


def answered(deployment: Deployment, **verdicts: str) -> None:
    """Give single probes of its run verdicts of their own: `serving_version="pass"`."""
    for key, verdict in verdicts.items():
        deployment.verify_run.probes.filter(key=key).update(verdict=verdict)


def figures(*samples: float, n: int = 30) -> dict[str, Any]:
    measured = [float(samples[number % len(samples)]) for number in range(n)]
    edge = {"p50_ms": samples[0], "p95_ms": samples[-1], "p99_ms": samples[-1], "samples_ms": measured}
    return {"routes": {"/articles": {"edge": edge}}}


# --- The record -----------------------------------------------------------------------------------------------------


def test_the_record_stands_at_the_top() -> None:
    _, _, live = factory.story()
    release = live.release
    release.change_url = "https://example.org/pull/4"
    release.assumptions, release.change_size = "Vary holds.", "12 files"
    release.save()
    response = page_of(live)
    told = words(response)
    assert response.status_code == 200
    assert "fail 2026.11.4 · archive" in told
    assert "Owner Ben Okafor Web team , #web-oncall Expected result p95 of /articles <= +10 %" in told
    assert "Rollback note Back to the version before; purge /articles. No migration." in told
    assert "Affected routes /articles Registered" in told
    assert "Assumptions Vary holds." in told
    assert "Size 12 files" in told
    assert '<a href="https://example.org/pull/4" rel="noopener noreferrer">' in response.content.decode()
    assert "<title>■ 2026.11.4 · archive · Rollbook</title>" in response.content.decode()


def test_the_lead_time_stands_in_a_sentence_once_it_came_to_production() -> None:
    """Its first deployment there counts; one on staging, and a later one, do not."""
    staging, production = factory.environment(key="staging"), factory.environment()
    committed, zoe = timezone.now() - timedelta(days=3), factory.on_call()
    release = factory.release(production.service, "1.0", committed_at=committed)
    tried = factory.deployed(staging, "1.0")
    told = words(page_of(tried, zoe))
    assert "Oldest commit 3 d ago" in told
    assert "not in production yet." in told
    first, again = factory.deployed(production, "1.0"), factory.deployed(production, "1.0")
    for deployment, hours in ((tried, 1), (first, 28), (again, 50)):
        Deployment.objects.filter(pk=deployment.pk).update(finished_at=committed + timedelta(hours=hours))
    told = words(page_of(again, zoe))
    assert "Lead time 1 d 4 h : from the oldest commit, 3 d ago" in told
    assert "to the end of the first deployment to production, 1 d ago" in told
    Release.objects.filter(pk=release.pk).update(committed_at=None)
    assert "oldest commit" not in words(page_of(again, zoe)).lower()


def test_a_bad_release_says_why() -> None:
    _, _, live = factory.story()
    release = live.release
    release.bad_since, release.bad_by, release.bad_reason = timezone.now(), "Cho Park", "RB-1: Users report: leak"
    release.save()
    told = words(page_of(live))
    assert "Marked bad By Cho Park" in told
    assert "RB-1: Users report: leak" in told


def test_a_live_release_leads_to_the_confirm_page() -> None:
    _, target, live = factory.story()
    person = factory.on_call()
    assert f"/s/archive/production/rollback?seen={live.pk}" in links(page_of(live, person))
    assert not [href for href in links(page_of(target, person)) if "rollback?" in href]


def test_somebody_who_may_not_roll_back_is_told_who_may() -> None:
    _, _, live = factory.story()
    response = page_of(live, factory.person("lee", "auditor"))
    assert "Only lead and on-call may roll back." in words(response)
    assert not [href for href in links(response) if "rollback?" in href]


def test_long_and_hostile_texts_stay_text() -> None:
    """B34, B32: what people wrote is cut, escaped and made visible."""
    _, _, live = factory.story()
    release = live.release
    release.rollback_note = "<script>alert(1)</script>\u202e" + "W" * 3900
    release.owner = "x" * 150
    release.save()
    response = page_of(live)
    source = response.content.decode()
    assert response.status_code == 200
    assert "<script>alert" not in source
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in source
    assert "Show all (3.9 kB)" in words(response)


# --- The checklist --------------------------------------------------------------------------------------------------


def test_a_release_that_was_not_deployed_waits_for_one() -> None:
    release = factory.release(factory.service(), "2026.11.4")
    response = signed_in(factory.lead()).get(f"/releases/{release.pk}")
    assert "Checklist Not run yet: waiting for a deployment to finish." in words(response)
    assert "Not deployed yet." in words(response)
    assert "Report its deployment" not in words(response), "no environment is listed"


def test_a_release_that_was_not_deployed_leads_to_its_deployment_and_asks_nothing_yet() -> None:
    service = factory.service()
    factory.environment(service), factory.environment(service, "staging", production=False)
    release = factory.release(service, "2026.11.4", expected_result="readers see dates")
    response = signed_in(factory.lead()).get(f"/releases/{release.pk}")
    told = words(response).replace(" ,", ",")
    assert "Report its deployment to staging, production, or let the pipeline do it." in told
    assert "/s/archive/staging/deployments/new?version=2026.11.4" in links(response)
    assert "Say whether it came true" not in words(response)
    assert "Report its deployment" not in words(signed_in(factory.on_call()).get(f"/releases/{release.pk}"))


def test_the_checklist_counts_and_says_what_it_was_compared_with() -> None:
    _place, target, live = factory.story()
    answered(live, serving_version="pass", rollback_command="skipped")
    live.verify_run.probes.filter(key="cache_headers").update(regression="no")
    ChecklistRun.objects.filter(pk=live.verify_run_id).update(compared_with=target.verify_run)
    told = words(page_of(live))
    assert "Verdict fail Probes 1 fail 1 was already failing 1 pass 1 skipped" in told
    assert f"Regression yes: worse than the last checklist of 2026.11.3 (C-{target.verify_run_id})." in told


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"tainted": True}, "is tainted, since the served version changed while it was measured."),
        ({"given_up": "the deployment ended before"}, "was given up: the deployment ended before."),
    ],
)
def test_a_baseline_that_does_not_count_is_named_with_the_reason(fields: dict[str, Any], told: str) -> None:
    place = factory.environment()
    live = factory.deployed(place, "2026.11.4")
    live.baseline = factory.run(place, purpose=Purpose.BASELINE, deployment=live, **fields)
    live.save()
    assert f"Nothing to compare with: the baseline C-{live.baseline_id} {told}" in words(page_of(live))


def test_a_failing_probe_is_open_and_a_passing_one_is_folded() -> None:
    _, _, live = factory.story()
    answered(live, serving_version="pass")
    run = live.verify_run_id
    source = page_of(live).content.decode()
    assert f'id="probe-{run}-cache_headers" hx-preserve="true" open' in source
    assert f'id="probe-{run}-serving_version" hx-preserve="true">' in source


def test_a_finding_shows_its_sentence_what_to_do_and_the_evidence() -> None:
    _, _, live = factory.story()
    made = finding(
        live,
        "cache_headers",
        "reader A's name reached reader B",
        hint="Roll back, then purge.",
        evidence={"first": {"cache-control": "public", "hit": True}, "tried": [1, 2], "body": "<b>Ada</b>\u202e"},
    )
    response = page_of(live)
    told = words(response)
    assert "reader A's name reached reader B link What to do: Roll back, then purge." in told
    assert "as measured, from the service" in told
    # PostgreSQL keeps no order of keys.
    for shown in ("first.cache-control public", "first.hit yes", "tried 1, 2", "body <b>Ada</b>\\u202e"):
        assert shown in told
    assert '<details><summary class="source">' not in response.content.decode()
    assert f'id="finding-{made.pk}"' in response.content.decode()
    assert f"/releases/{live.release_id}?deployment={live.pk}#finding-{made.pk}" in links(response)


def test_evidence_without_end_is_cut() -> None:
    _, _, live = factory.story()
    finding(live, "cache_headers", "many", evidence={f"field{number}": "x" * 9000 for number in range(100)})
    response = page_of(live)
    assert "40 more fields are not shown." in words(response)
    assert len(response.content) < 1_000_000


def test_what_could_not_be_measured_says_so() -> None:
    _, _, live = factory.story()
    answered(live, cache_headers="error")
    finding(live, "cache_headers", "the edge closed the connection", level="error")
    told = words(page_of(live))
    assert "error Cache headers" in told
    assert "Could not measure: the edge closed the connection" in told


def test_a_finding_of_before_is_marked_as_such() -> None:
    _, _, live = factory.story()
    finding(live, "cache_headers", "an old one", already_failing=True)
    finding(live, "cache_headers", "a new one")
    told = words(page_of(live))
    assert "was already failing an old one" in told
    assert "was already failing a new one" not in told


def test_a_skipped_probe_says_why() -> None:
    _, _, live = factory.story()
    live.verify_run.probes.filter(key="rollback_command").update(verdict="skipped", skipped="no command is named")
    assert "skipped Rollback command rollback_command no command is named" in words(page_of(live))


def test_a_probe_that_this_version_does_not_know_is_shown_by_its_key() -> None:
    _, _, live = factory.story()
    live.verify_run.probes.filter(key="cache_headers").update(key="gone_probe")
    assert "fail gone_probe" in words(page_of(live))


def test_production_stands_above_a_later_pass_on_staging() -> None:
    _, _, live = factory.story()
    staged = factory.deployed(factory.environment(key="staging"), "2026.11.4")
    person = factory.on_call()
    assert "fail 2026.11.4 · archive" in words(page_of(live, person))
    chosen = signed_in(person).get(f"/releases/{live.release_id}?deployment={staged.pk}")
    assert "pass 2026.11.4 · archive" in words(chosen)
    assert f"of {staged.tag} in archive/staging" in words(chosen)


@pytest.mark.parametrize("asked", ["", "x", "999999", "-1", "1'", "9" * 500])
def test_a_deployment_that_is_none_of_it_falls_back(asked: str) -> None:
    _, _, live = factory.story()
    response = signed_in(factory.lead()).get(f"/releases/{live.release_id}", {"deployment": asked})
    assert f"of {live.tag} in" in words(response)


# --- Before and after -----------------------------------------------------------------------------------------------


def test_response_times_stand_beside_those_before() -> None:
    _place, target, live = factory.story()
    settings = live.verify_run.settings
    settings["checklist"]["response_time"] = {"routes": [{"path": "/articles", "budget_ms": 300}]}
    ChecklistRun.objects.filter(pk=live.verify_run_id).update(compared_with=target.verify_run, settings=settings)
    target.verify_run.probes.filter(key="response_time").update(figures=figures(100, 205))
    live.verify_run.probes.filter(key="response_time").update(figures=figures(400, 810))
    probe = live.verify_run.probes.get(key="response_time")
    Finding.objects.create(
        probe_run=probe,
        kind="slower",
        subject="/articles at the edge",
        level="fail",
        sentence="slower",
        evidence={"effect": 0.41},
    )
    response = page_of(live)
    told = words(response)
    assert "edge 100 → 400 ms 205 → 810 ms 205 → 810 ms 30 → 30 +295 % (205 → 810 ms) yes effect 0.41" in told
    picture = "<title>/articles at the edge: p95 rose from 205\u202fms to 810\u202fms; budget 300\u202fms.</title>"
    assert picture in response.content.decode()


def test_response_times_without_a_baseline_are_not_compared() -> None:
    _, _, live = factory.story()
    live.verify_run.probes.filter(key="response_time").update(figures=figures(400, 810))
    told = words(page_of(live))
    assert "– nothing to compare with – not compared" in told


def test_too_few_samples_are_called_inconclusive() -> None:
    _, _, live = factory.story()
    live.verify_run.probes.filter(key="response_time").update(figures=figures(400, 810, n=8))
    assert "inconclusive: too few samples" in words(page_of(live))


@pytest.mark.parametrize(
    "broken",
    [{}, {"routes": []}, {"routes": {"/": 1}}, {"routes": {"/": {"edge": {"p95_ms": "x", "samples_ms": ["y", True]}}}}],
)
def test_figures_of_another_shape_are_no_error(broken: dict[str, Any]) -> None:
    _, _, live = factory.story()
    live.verify_run.probes.filter(key="response_time").update(figures=broken)
    assert page_of(live).status_code == 200


# --- What happened --------------------------------------------------------------------------------------------------


def test_the_timeline_tells_the_book_in_sentences() -> None:
    place, target, live = factory.story()
    person = factory.on_call()
    who = factory.actor(person)
    rollback = factory.rollback(place, target, live, person)
    book.record(Tag.RELEASE_REGISTERED, who, about=live.release.tag, service=place.service)
    book.record(Tag.DEPLOYMENT_FINISHED, who, about=live.tag, environment=place, despite_freeze=True)
    book.record(
        Tag.ROLLBACK_PRESSED,
        who,
        about=rollback.tag,
        environment=place,
        reason="Users report",
        live_version="2026.11.4",
        target_version="2026.11.3",
    )
    told = words(page_of(live))
    timeline = told[told.index("Timeline") :]
    assert f"{rollback.tag}: roll back archive/production from 2026.11.4 to 2026.11.3. Users report" in timeline
    assert f"Deployment {live.tag} finished in archive/production, despite the freeze." in timeline
    assert timeline.index(f"{rollback.tag}: roll back") < timeline.index(f"Registered {live.release.tag}.")


def test_every_event_of_the_book_has_a_sentence_without_details() -> None:
    """An event written by an older version may lack any detail."""
    _, _, live = factory.story()
    who = factory.actor(factory.lead())
    for tag in Tag:
        book.record(tag, who, about=live.tag)
    told = words(page_of(live))
    assert "None" not in told[told.index("Timeline") :]


# --- Live -----------------------------------------------------------------------------------------------------------


def running() -> tuple[Deployment, ChecklistRun]:
    place = factory.environment()
    factory.deployed(place, "2026.11.3")
    live = factory.deployed(place, "2026.11.4", None)
    run = factory.run(place, deployment=live)
    ChecklistRun.objects.filter(pk=run.pk).update(status="running", verdict="", finished_at=None)
    ProbeRun.objects.filter(run=run, wave=2).update(
        status="running", verdict="", done=1, total=4, doing="asks /articles"
    )
    ProbeRun.objects.filter(run=run, wave__gt=2).update(status="waiting", verdict="")
    return live, run


def test_a_running_checklist_shows_how_far_it_is_and_asks_again() -> None:
    live, _run = running()
    client = signed_in(factory.on_call())
    response = client.get(f"/releases/{live.release_id}")
    told = words(response)
    assert "verifying 2 of 4 2 pass" in told
    assert "running Response time 1 of 4 asks /articles" in told
    assert "waiting Rollback command" in told
    address, seconds = polled(response) or ("", 0)
    assert (seconds, asked_with(address)["deployment"]) == (2, str(live.pk))
    assert client.get(address, headers=HTMX).status_code == 204
    assert '<noscript><meta http-equiv="refresh"' in response.content.decode()


def test_the_asking_ends_with_the_run_and_the_verdict_is_announced() -> None:
    live, run = running()
    client = signed_in(factory.on_call())
    address, _ = polled(client.get(f"/releases/{live.release_id}")) or ("", 0)
    now = timezone.now()
    ProbeRun.objects.filter(run=run).update(status="done", verdict="fail")
    ChecklistRun.objects.filter(pk=run.pk).update(status="done", verdict="fail", finished_at=now)
    Deployment.objects.filter(pk=live.pk).update(verdict="fail", verify_run=run)
    response = client.get(address, headers=HTMX)
    source = response.content.decode()
    assert response.status_code == 200
    assert polled(response) is None
    assert "2026.11.4: fail" in words(response)
    assert '<span id="release-verdict" hx-swap-oob="true">' in source
    assert f'id="probe-{run.pk}-cache_headers" hx-preserve="true"' in source, "what is read keeps its element"


def test_a_settled_release_asks_nothing() -> None:
    _, _, live = factory.story()
    response = page_of(live)
    assert polled(response) is None
    assert "http-equiv" not in response.content.decode()


def test_a_baseline_is_shown_while_it_is_measured() -> None:
    place, _, _ = factory.story()
    person = factory.lead()
    factory.release(place.service, "2026.11.5")
    spec = StartSpec(service="archive", environment="production", version="2026.11.5")
    started = start_deployment(spec, actor=factory.actor(person))
    response = page_of(started, person)
    assert "Baseline, measured before the change checklist queued" in words(response)
    assert polled(response), "queued is active"
    assert f"/deployments/{started.pk}/finish" in links(response)
    finish_deployment(started.pk, FinishSpec(), actor=factory.actor(person))
    assert "given up: the deployment ended before the baseline was measured" not in words(page_of(started, person))
    assert "checklist queued" in words(page_of(started, person))


def test_what_a_baseline_has_found_is_read_while_the_deployment_is_on() -> None:
    place, _, _ = factory.story()
    factory.release(place.service, "2026.11.5")
    spec = StartSpec(service="archive", environment="production", version="2026.11.5")
    started = start_deployment(spec, actor=factory.actor(factory.lead()))
    assert started.baseline is not None
    probe = started.baseline.probes.get(key="cache_headers")
    ProbeRun.objects.filter(pk=probe.pk).update(status=ProbeStatus.DONE, verdict=Verdict.FAIL)
    Finding.objects.create(probe_run=probe, kind="kind", subject="/", sentence="The edge stores it.", level="fail")
    response = page_of(started)
    assert response.status_code == 200
    assert "The edge stores it." in words(response)
    assert "Ask cache_headers again" not in words(response)


def test_a_rollbacks_restore_run_is_the_checklist_of_its_deployment() -> None:
    place, target, live = factory.story()
    back = factory.deployed(place, "2026.11.3", kind="rollback")
    back.verify_run.purpose = Purpose.RESTORE
    back.verify_run.save()
    factory.rollback(place, target, live, factory.lead(), status="done", outcome="restored", deployment=back)
    told = words(page_of(back))
    assert "restored 2026.11.3 · archive" in told
    assert "Nothing to compare with: the version gone back to has no checklist that counts." in told


# --- Who and how ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/releases/1", "/releases/1/live"])
def test_the_page_takes_no_post(address: str) -> None:
    assert signed_in(factory.lead()).post(address).status_code == 405


@pytest.mark.parametrize("address", ["/releases/999", "/releases/999/live", "/releases/9223372036854775808"])
def test_a_release_that_does_not_exist_is_not_found(address: str) -> None:
    assert signed_in(factory.lead()).get(address).status_code == 404


def test_who_is_signed_out_is_led_to_sign_in(client: Any) -> None:
    _, _, live = factory.story()
    assert client.get(f"/releases/{live.release_id}")["Location"] == f"/login?next=/releases/{live.release_id}"
    assert client.get(f"/releases/{live.release_id}/live", headers=HTMX).status_code == 401


def test_many_rows_ask_no_more_than_few() -> None:
    client = signed_in(factory.on_call())
    place = factory.environment()
    live = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)

    def fill(number: int) -> None:
        for _ in range(number):
            again = factory.deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)
            for probe in again.verify_run.probes.all():
                Finding.objects.create(probe_run=probe, kind="k", subject="/", level="fail", sentence="broken")

    fill(3)
    few = queries_of(lambda: client.get(f"/releases/{live.release_id}"))
    fill(30)
    assert queries_of(lambda: client.get(f"/releases/{live.release_id}")) == few <= 26


def keep(live: Deployment, key: str, **kept: Any) -> None:
    """Keep what a probe measured in the checklist of a deployment."""
    live.verify_run.probes.update_or_create(
        key=key, defaults={"effect": "none", "wave": 1, "status": "done", "verdict": "pass", "figures": kept}
    )


def test_what_changed_in_the_configuration_stands_under_the_release() -> None:
    """Before a rollback somebody has to know that it does not take this back."""
    place = factory.environment()
    kept = ({"CACHE_SECONDS": {"value": "60"}, "KEY": {"digest": "a"}}, {"CACHE_SECONDS": {"value": "<9>"}})
    for version, configuration in zip(("2026.11.3", "2026.11.4"), kept, strict=True):
        live = factory.deployed(place, version)
        keep(live, "configuration", configuration=configuration)
    text = words(signed_in(factory.on_call()).get(f"/releases/{live.release_id}"))
    assert "Differences to 2026.11.3 Configuration A rollback of the code does not take it back." in text
    assert "CACHE_SECONDS 60 <9>" in text
    assert "KEY (secret) (not set)" in text
    assert "Headers Not compared" in text


def test_what_changed_in_the_headers_stands_under_the_release() -> None:
    place = factory.environment()
    longer = "max-age=60, stale-while-revalidate=30"
    for version, caching, sniffing in (("2026.11.3", "max-age=60", "nosniff"), ("2026.11.4", longer, "missing")):
        live = factory.deployed(place, version)
        keep(live, "cache_headers", routes={"/articles at the edge": {"fields": {"cache-control": caching}}})
        keep(live, "security_headers", results={"/articles": {"x-content-type-options": sniffing, "x-frame": "same"}})
    text = words(page_of(live))
    assert f'/articles at the edge cache-control "max-age=60" "{longer}"' in text
    assert '/articles x-content-type-options "nosniff" "missing"' in text
    assert "x-frame" not in text


def test_headers_that_did_not_change_are_said_to_be_the_same() -> None:
    place = factory.environment()
    for version in ("2026.11.3", "2026.11.4"):
        live = factory.deployed(place, version)
        keep(live, "cache_headers", routes={"/ at the edge": {"fields": {"vary": "Cookie"}}})
    assert "The same under both versions, on the routes that the checklists look at." in words(page_of(live))


def test_the_first_release_of_a_place_has_nothing_to_differ_from() -> None:
    assert "Differences to" not in words(page_of(factory.deployed(factory.environment(), "2026.11.4")))


# --- Final commands, metrics and assumptions together -----------------------------------------------------------------


def test_the_command_that_would_take_it_back_stands_beside_metrics_and_assumptions() -> None:
    place, target, live = factory.story()
    factory.rendered(place, target)
    keep(live, "response_time", **figures(800))
    Release.objects.filter(pk=live.release_id).update(assumptions="Vary holds.")
    told = words(page_of(live))
    assert "Deploy Rollbook did not run it: the deployment was reported." in told
    assert "Roll back to 2026.11.3 bin/deploy --version=2026.11.3" in told
    assert "Would run on worker-1 , rendered" in told
    assert "Metrics /articles at the edge: p95 800 ms n 30 Assumptions Vary holds." in told


def test_the_commands_that_ran_stand_with_where_and_when() -> None:
    place, target, live = factory.story()
    ran = {"environment": place, "status": "ended", "command": "exited", "exit_code": 0, "host": "worker-1"}
    ran |= {"started_by": "Ana", "started_at": timezone.now(), "digest": "a" * 64}
    live.execution = Execution.objects.create(kind="deploy", argv=["bin/deploy", "up"], **ran)
    live.save()
    back = Execution.objects.create(kind="rollback", argv=["bin/deploy", "back"], **ran)
    factory.rollback(place, target, live, factory.on_call(), execution=back, status="done", outcome="restored")
    told = words(page_of(live))
    assert "Deploy bin/deploy up" in told
    assert "Roll back to 2026.11.3 bin/deploy back" in told
    assert "Ran on worker-1" in told


def test_a_version_that_a_rollback_brought_back_shows_that_command() -> None:
    place, target, live = factory.story()
    again = factory.deployed(place, "2026.11.3", kind="rollback")
    back = Execution.objects.create(
        environment=place, kind="rollback", status="ended", argv=["bin/deploy", "back"], started_at=timezone.now()
    )
    factory.rollback(place, target, live, factory.on_call(), execution=back, deployment=again, status="done")
    assert "Rollback that brought it bin/deploy back" in words(page_of(again))


def test_long_evidence_is_folded_so_that_what_to_do_stays_in_sight() -> None:
    _, _, live = factory.story()
    finding(live, "cache_headers", "broken", evidence={f"field-{number}": "value" for number in range(9)})
    response = page_of(live)
    assert '<details><summary class="source">' in response.content.decode()
    assert "as measured, from the service Show all (9 fields)" in words(response)
