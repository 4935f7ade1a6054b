"""Promised beside measured: each expected result of a release, with what a deployment of it showed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releases import figures
from releases.expected import ExpectedResult, read_expected
from releases.models import ChecklistRun, Confirmation, Deployment, ProbeRun, Release
from releases.probes.criteria import Criterion
from releases.queries.answers import newest_answers
from releases.queries.timings import KEY, PLACES
from releases.states import DeploymentKind, DeploymentStatus, Expected


@dataclass(frozen=True, slots=True)
class Answered:
    """One expected result and what became of it."""

    number: int
    """Its place in the release's text, from 1 on."""
    promised: ExpectedResult
    answer: Expected
    measured: str
    """What was measured, or why nothing was."""
    confirmation: Confirmation | None = None


def results_of(release: Release, deployment: Deployment | None) -> list[Answered]:
    """Return every expected result of a release, scored by what one deployment of it measured."""
    promised = read_expected(release.expected_result)
    said = {each.result: each for each in Confirmation.objects.filter(release=release).order_by("pk")}
    measured = any(result.criterion for result in promised) and deployment is not None
    after, before = _routes_of(deployment) if measured and deployment is not None else ({}, {})
    answered = []
    for number, result in enumerate(promised, start=1):
        if result.criterion is not None:
            answered.append(_scored(number, result, result.criterion, after, before))
        else:
            answered.append(_confirmed(number, result, said.get(result.text), deployment))
    return answered


def to_confirm(releases: Iterable[Release]) -> dict[int, list[tuple[int, str]]]:
    """Return, by release, number and text of each result that no probe can tell and nobody has spoken of yet."""
    by_number = {release.pk: release for release in releases}
    spoken = set(Confirmation.objects.filter(release__in=by_number).values_list("release", "result"))
    return {
        pk: [
            (number, result.text)
            for number, result in enumerate(read_expected(release.expected_result), start=1)
            if result.criterion is None and (pk, result.text) not in spoken
        ]
        for pk, release in by_number.items()
    }


def newest_served(release: Release) -> Deployment | None:
    """Return the newest deployment of a release that finished: what somebody has before them who confirms a result."""
    found = Deployment.objects.filter(
        release=release, kind=DeploymentKind.DEPLOYMENT, status=DeploymentStatus.FINISHED
    ).select_related("environment__service")
    return found.order_by("-pk").first()


def _confirmed(
    number: int, result: ExpectedResult, said: Confirmation | None, deployment: Deployment | None
) -> Answered:
    if said is not None:
        answer = Expected.AS_EXPECTED if said.came_true else Expected.NOT_AS_EXPECTED
        return Answered(number, result, answer, "", said)
    if deployment is None or not _served(deployment):
        return Answered(number, result, Expected.NOT_MEASURED, "nothing to see before it is deployed")
    return Answered(number, result, Expected.TO_CONFIRM, "no probe can tell")


def _served(deployment: Deployment) -> bool:
    return deployment.kind == DeploymentKind.DEPLOYMENT and deployment.status == DeploymentStatus.FINISHED


def _scored(
    number: int, result: ExpectedResult, criterion: Criterion, after: Mapping[str, Any], before: Mapping[str, Any]
) -> Answered:
    """Score a criterion by the samples of one route: those at the edge, where readers are, else those at the origin."""

    def nothing(why: str) -> Answered:
        return Answered(number, result, Expected.NOT_MEASURED, why)

    def kept(routes: Mapping[str, Any]) -> float:
        """Return the percentile as every other page shows it: the one that the probe kept."""
        figure: float = _timed(routes, result.route)[f"p{criterion.percent}_ms"]
        return figure

    now = _samples(after, result.route)
    if not now:
        return nothing(f"no checklist has timed {result.route}")
    if len(now) < criterion.needs():
        return nothing(f"too little data: {len(now)} of {criterion.needs()} samples")
    was = _samples(before, result.route) if criterion.relative else []
    if criterion.relative and len(was) < criterion.needs():
        return nothing("nothing to compare with: no baseline that counts has timed it")
    value = kept(after)
    measured = figures.change(kept(before), value, "ms") if was else figures.number(value, "ms")
    broken = criterion.broken_by(now, was)
    return Answered(number, result, Expected.NOT_AS_EXPECTED if broken else Expected.AS_EXPECTED, measured)


def _routes_of(deployment: Deployment) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what the newest answer timed by route, after the change and before it."""
    answer = next((each for each in newest_answers(deployment) if each.key == KEY), None)
    if answer is None:
        return {}, {}
    compared = ChecklistRun.objects.filter(pk=answer.run_id).values("compared_with")
    earlier = ProbeRun.objects.filter(run__in=compared, key=KEY).first()
    return answer.figures.get("routes") or {}, (earlier.figures.get("routes") or {}) if earlier else {}


def _samples(routes: Mapping[str, Any], route: str) -> Sequence[float]:
    samples: Sequence[float] = _timed(routes, route).get("samples_ms", [])
    return samples


def _timed(routes: Mapping[str, Any], route: str) -> Mapping[str, Any]:
    places = routes.get(route) or {}
    return next((places[place] for place in PLACES if places.get(place, {}).get("samples_ms")), {})
