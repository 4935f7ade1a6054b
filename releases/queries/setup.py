"""How far a new Rollbook is on its way from the catalogue to the first rehearsal."""

from collections.abc import Sequence
from dataclasses import dataclass

from releases.models import ApiToken, Deployment, Environment, Rehearsal, Release, Service
from releases.queries.workers import places_without_a_worker
from releases.states import DeploymentStatus, RehearsalOutcome


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five steps."""

    key: str
    done: bool
    says: str
    """Where it stands, in a sentence."""


def steps() -> Sequence[Step]:
    """Return the five steps in their order, each judged by what is there now."""
    return (_catalogue(), _workers(), _pipeline(), _deployment(), _rehearsal())


def _catalogue() -> Step:
    services = Service.objects.filter(listed=True).count()
    places = Environment.objects.filter(listed=True, service__listed=True).count()
    of_service = "1 service" if services == 1 else f"{services} services"
    of_place = "1 environment" if places == 1 else f"{places} environments"
    named = f"The catalogue names {of_service} with {of_place}."
    return Step("catalogue", bool(places), named if services else "No catalogue was applied yet.")


def _workers() -> Step:
    missing = places_without_a_worker()
    if not Environment.objects.filter(listed=True).exists():
        return Step("workers", False, "There is no environment yet that a worker could serve.")
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        return Step("workers", False, f"No worker has reported itself for {', '.join(missing[:3])}{more}.")
    return Step("workers", True, "Every environment has a worker that runs commands and one that measures.")


def _pipeline() -> Step:
    releases = Release.objects.count()
    tokens = ApiToken.objects.filter(revoked_at=None).count()
    if releases:
        return Step("pipeline", True, f"{releases} {'release is' if releases == 1 else 'releases are'} registered.")
    said = "A token is there, and has registered nothing yet." if tokens else "No token, and no release yet."
    return Step("pipeline", False, said)


def _deployment() -> Step:
    measured = Deployment.objects.filter(status=DeploymentStatus.FINISHED).exclude(verdict="").exists()
    if measured:
        return Step("deployment", True, "A deployment was measured by its checklist.")
    reported = Deployment.objects.exists()
    said = "A deployment was reported; its checklist has not answered yet." if reported else "Nothing was deployed yet."
    return Step("deployment", False, said)


def _rehearsal() -> Step:
    if Rehearsal.objects.filter(outcome=RehearsalOutcome.PROVEN).exists():
        return Step("rehearsal", True, "A rehearsal has proven the way there and back.")
    tried = Rehearsal.objects.exists()
    return Step("rehearsal", False, "No rehearsal has proven it yet." if tried else "Nothing was rehearsed yet.")
