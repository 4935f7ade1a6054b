"""Test data: one archive service with named people, and small functions that make rows as the verbs would."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

from django.utils import timezone

from releases.actor import Actor
from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Freeze,
    MigrationReport,
    ProbeRun,
    ReadinessLook,
    Release,
    RenderedCommand,
    Rollback,
    Service,
    User,
    Worker,
)
from releases.probes import registry
from releases.queries.readiness.item import ReadinessItem, ready
from releases.queries.readiness.looked import LOOKED
from releases.services.people import add_to_group
from releases.services.response_times import measured
from releases.states import (
    DeploymentStatus,
    Expected,
    Outcome,
    ProbeStatus,
    Purpose,
    Regression,
    RollbackStatus,
    RunStatus,
    Verdict,
)

CHECKLIST: dict[str, Any] = {
    "serving_version": {"path": "/version"},
    "cache_headers": {"routes": [{"path": "/articles", "expect": "shared"}]},
    "response_time": {"routes": [{"path": "/articles"}]},
    "rollback_command": {},
}
DIGEST = "d" * 64


def person(username: str, group: str = "", of: Service | None = None, **fields: Any) -> User:
    """Make a person of a group, for one service or for all; ana leads, cho is on call, lee audits."""
    first, last = {
        "ana": ("Ana", "Ruiz"),
        "cho": ("Cho", "Park"),
        "lee": ("Lee", "Novak"),
        "ben": ("Ben", "Okafor"),
    }.get(username, (username.title(), ""))
    user = User.objects.create(username=username, first_name=first, last_name=last, **fields)
    user.set_password("correct horse battery")
    user.save()
    if group:
        add_to_group(user, group, of, given_by="a test")
    return user


def on_call(username: str = "cho") -> User:
    return person(username, "on-call")


def lead(username: str = "ana") -> User:
    return person(username, "lead")


def actor(user: User, via: str = "web") -> Actor:
    return Actor(name=user.name, via=via, user=user, request_id="test", scopes=frozenset())


def service(key: str = "archive", **fields: Any) -> Service:
    return Service.objects.create(
        key=key, title=fields.pop("title", key.title()), team="Web team", contact="#web-oncall", **fields
    )


def environment(of: Service | None = None, key: str = "production", **fields: Any) -> Environment:
    of = of or Service.objects.filter(key="archive").first() or service()
    fields.setdefault("checklist", deepcopy(CHECKLIST))
    fields.setdefault("production", key == "production")
    return Environment.objects.create(
        service=of,
        key=key,
        base_url="http://127.0.0.1:9",
        instances=[{"name": "web-1", "url": "http://127.0.0.1:9"}, {"name": "web-2", "url": "http://127.0.0.1:9"}],
        allow_private=True,
        **fields,
    )


def release(of: Service, version: str, owner: str = "Ben Okafor", **fields: Any) -> Release:
    fields.setdefault("expected_result", "p95 of /articles <= +10 %")
    fields.setdefault("rollback_note", "Back to the version before; purge /articles. No migration.")
    fields.setdefault("affected_routes", ["/articles"])
    return Release.objects.create(
        service=of, version=version, owner=owner, registered_by=owner, registered_at=timezone.now(), **fields
    )


def run(
    of: Environment,
    verdict: Verdict = Verdict.PASS,
    regression: Regression = Regression.NO,
    purpose: Purpose = Purpose.VERIFY,
    **fields: Any,
) -> ChecklistRun:
    """Make a settled run whose probes all answered with its verdict."""
    now = timezone.now()
    made = ChecklistRun.objects.create(
        environment=of,
        purpose=purpose,
        status=RunStatus.DONE,
        verdict=verdict,
        regression=regression,
        settings={
            "base_url": of.base_url,
            "instances": of.instances,
            "allow_private": True,
            "requires_rehearsal": False,
            "checklist": of.checklist,
        },
        created_at=now,
        started_at=now,
        finished_at=now,
        **fields,
    )
    ProbeRun.objects.bulk_create(
        ProbeRun(
            run=made,
            key=key,
            effect=registry.get(key).effect,
            wave=number,
            status=ProbeStatus.DONE,
            verdict=verdict,
            regression=regression,
            started_at=now,
            finished_at=now,
        )
        for number, key in enumerate(of.checklist)
    )
    return made


def deployed(
    of: Environment,
    version: str,
    verdict: Verdict | None = Verdict.PASS,
    regression: Regression = Regression.NO,
    *,
    live: bool = True,
    **fields: Any,
) -> Deployment:
    """Make a finished deployment with a settled checklist, and make it the live one."""
    now = timezone.now()
    made_release = Release.objects.filter(service=of.service, version=version).first() or release(of.service, version)
    deployment = Deployment.objects.create(
        release=made_release,
        environment=of,
        status=DeploymentStatus.FINISHED,
        replaced=of.live,
        reported_by="pipeline",
        started_at=now - timedelta(minutes=1),
        finished_at=now,
        **fields,
    )
    if verdict is not None:
        deployment.verify_run = run(of, verdict, regression, deployment=deployment)
        deployment.verdict, deployment.regression = verdict, regression
        deployment.save()
    if live:
        of.live = deployment
        of.save(update_fields=["live"])
    return deployment


def timed(deployment: Deployment, figures: dict[str, Any]) -> None:
    """Have the checklist of a deployment measure these response times."""
    assert deployment.verify_run is not None
    deployment.verify_run.probes.filter(key="response_time").update(figures=figures)
    deployment.response_time = measured(deployment)
    deployment.save(update_fields=["response_time"])


def rendered(of: Environment, target: Deployment, digest: str = DIGEST) -> RenderedCommand:
    return RenderedCommand.objects.create(
        environment=of,
        target=target,
        argv=["bin/deploy", f"--version={target.release.version}"],
        directory="/srv/archive",
        timeout=130,
        digest=digest,
        host="worker-1",
        rendered_at=timezone.now(),
    )


def looked(
    of: Environment, target: Deployment, live: Deployment, *others: ReadinessItem, **fields: Any
) -> ReadinessLook:
    """Make a worker's look at which nothing is red but the items given."""
    given = {item.key: item for item in others}
    return ReadinessLook.objects.create(
        environment=of,
        target=target,
        live=live,
        items=[given.get(key, ready(key, "as it should be")).stored() for key in LOOKED],
        **{"host": "worker-1", "looked_at": timezone.now()} | fields,
    )


def act_worker(of: Environment, **fields: Any) -> Worker:
    """Make a worker of the environment's `act` queue that has just reported itself."""
    now = timezone.now()
    given = {"host": "worker-1", "catalogue_digest": "c" * 64, "started_at": now, "seen_at": now} | fields
    name = f"act-{Worker.objects.count()}@{given['host']}"
    return Worker.objects.create(name=name, role="act", queues=[of.act_queue], **given)


def open_way_back(of: Environment, target: Deployment, live: Deployment) -> None:
    """Make everything that readiness is made of, so that a rollback would work."""
    act_worker(of)
    rendered(of, target)
    looked(of, target, live)


LOSS = "rows written to `orders` since 03:04 today"
LOSING = {"name": "0007_orders", "kind": "data-losing", "loses": LOSS}


def migrations(target: Deployment, live: Deployment, *between: dict[str, str], problem: str = "") -> MigrationReport:
    """Keep an answer about what lies between, as a worker would; with both, a problem that came after the answer."""
    now = timezone.now()
    fields: dict[str, Any] = {"problem": problem, "host": "worker-1", "looked_at": now}
    if between or not problem:
        fields |= {"migrations": list(between), "answered_at": now, "answered_on": "worker-1"}
    report, _ = MigrationReport.objects.update_or_create(
        environment=live.environment, live=live, target=target, defaults=fields
    )
    return report


def story() -> tuple[Environment, Deployment, Deployment]:
    """Make archive/production: 2026.11.3 verified, then 2026.11.4 live and failing. Return (place, target, live)."""
    place = environment()
    target = deployed(place, "2026.11.3")
    live = deployed(place, "2026.11.4", Verdict.FAIL, Regression.YES)
    return place, target, live


def rollback(of: Environment, target: Deployment, undone: Deployment, requester: User, **fields: Any) -> Rollback:
    """Make a queued rollback as a press would."""
    fields.setdefault("status", RollbackStatus.QUEUED)
    fields.setdefault("pressed_at", timezone.now())
    return Rollback.objects.create(
        environment=of,
        target=target,
        undone=undone,
        requester=requester,
        requested_by=requester.name,
        reason="checklist",
        routes_to_purge=["/articles"],
        **fields,
    )


def undecided(key: str, requester: User) -> None:
    """Make a service of which one of each kind waits for a lead's decision."""
    place = environment(service(key), requires_rehearsal=True)
    target, live = deployed(place, "1.0"), deployed(place, "2.0")
    now = timezone.now()
    Release.objects.filter(pk=target.release_id).update(expected_result="readers see teasers")
    Deployment.objects.filter(pk=target.pk).update(expected=Expected.TO_CONFIRM)
    Deployment.objects.filter(pk=live.pk).update(verdict=Verdict.ERROR)
    Release.objects.filter(pk=live.release_id).update(bad_since=now, bad_by="Cho", bad_reason="leak")
    Freeze.objects.create(environment=place, reason="leak", frozen_by="Cho", frozen_at=now)
    rollback(place, target, live, requester, status=RollbackStatus.DONE, outcome=Outcome.RESTORED, ended_at=now)
    deployed(environment(place.service, "staging", command_names=["deploy", "rollback"]), "1.0")
