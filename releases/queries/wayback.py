"""Where a rollback would go, what it would undo, and whether it would work right now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from releases.models import Deployment, Environment, Execution, Freeze, RenderedCommand, Rollback, Worker
from releases.states import OPEN_ROLLBACK, DeploymentKind, DeploymentStatus, ExecutionStatus, Outcome, Verdict

CANDIDATES_LIMIT = 50
"""How many earlier deployments are looked at for a target."""
WORKER_FRESH = timedelta(seconds=30)
"""A worker that reported itself within this time counts as alive."""
RENDERING_FRESH = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Skipped:
    """An earlier deployment that is no target, and why."""

    deployment: Deployment
    why: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where a rollback of an environment could go."""

    live: Deployment | None
    """What would be undone: what is live, or a deployment of ours whose command is at work, which is stopped first."""
    targets: Sequence[Deployment]
    """Verified ones first come first; where none was ever verified, finished ones, which pages label *not verified*."""
    skipped: Sequence[Skipped]

    @property
    def target(self) -> Deployment | None:
        return self.targets[0] if self.targets else None

    def towards(self, chosen: Deployment) -> "WayBack":
        """Return the same with the chosen target first."""
        others = [target for target in self.targets if target.pk != chosen.pk]
        return WayBack(self.live, [chosen, *others], self.skipped)


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """One answer to "would a rollback work right now?"."""

    key: str
    ready: bool
    says: str
    what_to_do: str = ""


def way_back(environment: Environment) -> WayBack:
    """Return the live deployment, the possible targets newest first, and each skipped one with its reason."""
    live = stoppable(environment) or environment.live
    if live is None:
        return WayBack(None, [], [])
    earlier = list(
        Deployment.objects.filter(environment=environment, pk__lt=live.pk)
        .exclude(status=DeploymentStatus.STARTED)
        .select_related("release__service")
        .order_by("-pk")[:CANDIDATES_LIMIT]
    )
    verified: list[Deployment] = []
    unverified: list[Deployment] = []
    skipped: list[Skipped] = []
    offered: set[tuple[int, bool]] = set()
    for deployment in earlier:
        why = _why_not(deployment, live)
        if why:
            skipped.append(Skipped(deployment, why))
        elif (deployment.release_id, deployment.verified) not in offered:  # of each version only the newest
            offered.add((deployment.release_id, deployment.verified))
            (verified if deployment.verified else unverified).append(deployment)
    if verified:
        skipped += [Skipped(deployment, _not_verified(deployment)) for deployment in unverified]
        return WayBack(live, verified, skipped)
    return WayBack(live, unverified, skipped)


def stoppable(environment: Environment) -> Deployment | None:
    """Return the deployment whose command Rollbook runs here now: a rollback stops it first."""
    return (
        Deployment.objects.filter(
            environment=environment,
            kind=DeploymentKind.DEPLOYMENT,
            status=DeploymentStatus.STARTED,
            execution__isnull=False,
        )
        .select_related("release__service", "execution")
        .first()
    )


def verified_now() -> Q:
    """Return the condition of `Deployment.verified` for a finished deployment."""
    stands = Q(accepted=True) & (Q(accepted_until=None) | Q(accepted_until__gt=timezone.now()))
    return Q(verdict=Verdict.PASS) | stands


def undone_by(environment: Environment, target: Deployment) -> list[Deployment]:
    """Return the deployments whose releases a rollback to `target` takes away, newest first.

    What an earlier rollback has taken away already is not among them.
    """
    on = stoppable(environment)
    if environment.live is None:
        return [on] if on else []
    already = Rollback.objects.filter(
        environment=environment, outcome__in=[Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES]
    )
    since = (
        Deployment.objects.filter(
            environment=environment,
            kind=DeploymentKind.DEPLOYMENT,
            status=DeploymentStatus.FINISHED,
            pk__gt=target.pk,
            pk__lte=environment.live_id,
        )
        .exclude(release=target.release_id)
        .exclude(pk__in=already.values("undone"))
        .select_related("release")
        .order_by("-pk")[:CANDIDATES_LIMIT]
    )
    return [*([on] if on else []), *since]


def routes_to_purge(environment: Environment, target: Deployment) -> list[str]:
    """Return the affected routes of every release that was brought here after the target, each once, newest first.

    One whose deployment failed or has not finished counts too: it may have been served, and cached, for a while.
    """
    since = Deployment.objects.filter(
        environment=environment, kind=DeploymentKind.DEPLOYMENT, pk__gt=target.pk
    ).exclude(release=target.release_id)
    found = since.order_by("-pk").values_list("release__affected_routes", flat=True)[:CANDIDATES_LIMIT]
    return list(dict.fromkeys(route for routes in found for route in routes))


def rendered_for(environment: Environment, target: Deployment | None) -> RenderedCommand | None:
    return RenderedCommand.objects.filter(environment=environment, target=target).first() if target else None


def readiness(environment: Environment, back: WayBack, rendered: RenderedCommand | None) -> list[ReadinessItem]:
    """Say item by item whether a rollback would work right now, as far as the rows know. Red ones first."""
    items = [
        _target_item(back),
        _command_item(rendered),
        _worker_item(environment),
        _busy_item(environment),
    ]
    return sorted(items, key=lambda item: item.ready)


def open_rollback(environment: Environment) -> Rollback | None:
    return (
        Rollback.objects.select_related("target__release", "undone__release")
        .filter(environment=environment, status__in=OPEN_ROLLBACK)
        .first()
    )


def active_freeze(environment: Environment) -> Freeze | None:
    return Freeze.objects.filter(environment=environment, lifted_at=None).first()


def _why_not(deployment: Deployment, live: Deployment) -> str:
    if deployment.status == DeploymentStatus.FAILED:
        return "its deployment failed"
    if deployment.status == DeploymentStatus.CANCELLED:
        return "its deployment was cancelled before anything ran"
    if deployment.release_id == live.release_id:
        return "the same version is live"
    if deployment.release.bad:
        return f"marked bad by {deployment.release.bad_by}: {deployment.release.bad_reason}"
    if deployment.kind == DeploymentKind.ROLLBACK:
        return "a rollback is never a rollback's target"
    if deployment.kind == DeploymentKind.REHEARSAL:
        return "it was here only for a rehearsal"
    return ""


def _not_verified(deployment: Deployment) -> str:
    return f"not verified: its checklist says {deployment.verdict}" if deployment.verdict else "never verified"


def _target_item(back: WayBack) -> ReadinessItem:
    target = back.target
    if target is None:
        return ReadinessItem("target", False, "nothing to go back to", "Deploy an earlier version, or fix forward.")
    if not target.verified:
        return ReadinessItem(
            "target",
            False,
            f"{target.release.version} was never verified here",
            "Go back to it only if you know that it worked.",
        )
    return ReadinessItem("target", True, f"{target.release.version} is verified")


def _command_item(rendered: RenderedCommand | None) -> ReadinessItem:
    if rendered is None:
        return ReadinessItem(
            "command",
            False,
            "no worker has rendered the command yet",
            "Wait for the worker, or run manage.py rollback on its host.",
        )
    if rendered.problems:
        return ReadinessItem(
            "command", False, "; ".join(rendered.problems), f"Mend it on {rendered.host}, in the catalogue file."
        )
    if timezone.now() - rendered.rendered_at > RENDERING_FRESH:
        return ReadinessItem(
            "command", False, f"rendered by {rendered.host}, but long ago", "See whether the worker still runs."
        )
    return ReadinessItem("command", True, f"renders on {rendered.host}")


def _worker_item(environment: Environment) -> ReadinessItem:
    fresh = [
        worker
        for worker in Worker.objects.filter(role="act", seen_at__gte=timezone.now() - WORKER_FRESH)
        if environment.act_queue in worker.queues
    ]
    if not fresh:
        return ReadinessItem(
            "worker",
            False,
            "no worker has reported itself in the last 30 s",
            "Start manage.py work act, or run manage.py rollback on the worker's host.",
        )
    if len({worker.catalogue_digest for worker in fresh}) > 1:
        return ReadinessItem(
            "worker", False, "the workers' catalogues differ", "Give every worker the same catalogue file."
        )
    return ReadinessItem("worker", True, f"{len(fresh)} alive")


def _busy_item(environment: Environment) -> ReadinessItem:
    executing = Execution.objects.filter(environment=environment, status=ExecutionStatus.EXECUTING).first()
    if executing is not None:
        return ReadinessItem(
            "not busy",
            False,
            f"{executing.tag} ({executing.kind}) is running",
            "The rollback starts when it has ended.",
        )
    started = Deployment.objects.filter(
        environment=environment, kind=DeploymentKind.DEPLOYMENT, status=DeploymentStatus.STARTED
    ).select_related("release")[:1]
    for deployment in started:
        return ReadinessItem(
            "not busy",
            False,
            f"{deployment.tag} of {deployment.release.version} was started and has not finished",
            "Stop the pipeline first, or it may deploy over the rollback.",
        )
    return ReadinessItem("not busy", True, "nothing else is running")
