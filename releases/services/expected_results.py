"""The expected result against what became of it: scored by what was measured, or said by a person."""

from django.db import transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, NotFound, Problem
from releases.intake import ConfirmSpec
from releases.models import Confirmation, Deployment, Release
from releases.queries.expected_results import newest_served, results_of
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.states import DeploymentKind, DeploymentStatus, Expected, derive_expected

DEPLOYMENTS_LIMIT = 50
"""Of how many deployments of a release the answer is carried on, the newest first."""


@retried
def confirm_result(release: Release, number: int, spec: ConfirmSpec, *, actor: Actor) -> Confirmation:
    """Record whether one expected result came true, as a person saw it. The newest word on a result counts.

    Raises Denied, NotFound, or Conflict `measured_by_probes` for a result that figures score.
    """
    require(actor, "confirm_result", scope="releases:write", service=release.service.key, on=release.tag)
    result = next((each for each in results_of(release, None) if each.number == number), None)
    if result is None:
        raise NotFound(
            Problem(
                "not_found",
                f"{release.tag} has no expected result {number}.",
                "the number of one of its expected results",
                retry=DO_NOT_RETRY,
            )
        )
    if result.promised.criterion is not None:
        raise Conflict(
            Problem(
                "measured_by_probes",
                f"“{result.promised.text}” is scored by what the probes measure.",
                "a result that no probe can tell",
                retry=DO_NOT_RETRY,
            )
        )
    shown = newest_served(release)
    with transaction.atomic():
        Release.objects.select_for_update(no_key=True).get(pk=release.pk)  # two words on it take turns
        made = Confirmation.objects.create(
            release=release,
            result=result.promised.text,
            came_true=spec.came_true,
            note=spec.note,
            confirmed_by=actor.name,
            confirmed_at=timezone.now(),
        )
        for deployment in _served(release):
            score(deployment)
        book.record(
            Tag.RESULT_CONFIRMED,
            actor,
            about=release.tag,
            service=release.service,
            reason=spec.note,
            result=made.result,
            came_true=made.came_true,
            deployment=shown.tag if shown else "",
            verdict=shown.verdict if shown else "",
            before={"answer": result.answer if result.confirmation else ""},
            after={"answer": Expected.AS_EXPECTED if made.came_true else Expected.NOT_AS_EXPECTED},
        )
    return made


def score(deployment: Deployment) -> None:
    """Write on a deployment what became of its release's expected result. In the caller's transaction."""
    answered = results_of(deployment.release, deployment)
    expected = derive_expected(each.answer for each in answered)
    Deployment.objects.filter(pk=deployment.pk).update(expected=expected)


def _served(release: Release) -> list[Deployment]:
    deployments = Deployment.objects.filter(
        release=release, kind=DeploymentKind.DEPLOYMENT, status=DeploymentStatus.FINISHED
    )
    return list(deployments.select_related("release").order_by("-pk")[:DEPLOYMENTS_LIMIT])
