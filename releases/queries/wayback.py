"""Where a rollback would go and what it would undo. Whether it would work right now: `readiness`."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from releases.models import NOT_FINISHED, Deployment, Environment, Freeze, RenderedCommand, Rollback
from releases.states import OPEN_ROLLBACK, DeploymentKind, DeploymentStatus, Outcome, Verdict

CANDIDATES_LIMIT = 50
"""How many earlier deployments are looked at for a target."""


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


def way_back(environment: Environment, live: Deployment | None = None) -> WayBack:
    """Return the live deployment, the possible targets newest first, and each skipped one with its reason.

    `live` is what to go back from where that is not yet recorded as live.
    """
    live = live or stoppable(environment) or environment.live
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


def started() -> QuerySet[Deployment]:
    """Return the deployments that have started and not ended; neither rollbacks nor rehearsals."""
    return Deployment.objects.filter(NOT_FINISHED, kind=DeploymentKind.DEPLOYMENT, status=DeploymentStatus.STARTED)


def stoppable(environment: Environment) -> Deployment | None:
    """Return the deployment whose command Rollbook runs here now: a rollback stops it first."""
    run_here = started().filter(environment=environment, execution__isnull=False)
    return run_here.select_related("release__service", "execution").first()


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


def live_version(environment: Environment) -> str:
    """Return the version that is recorded as live at this moment; empty where none is."""
    return Environment.objects.values_list("live__release__version", flat=True).get(pk=environment.pk) or ""


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
