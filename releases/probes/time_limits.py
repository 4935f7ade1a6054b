"""Whether measured times keep to their limits: a budget, criteria, and what the baseline was. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from releases.figures import beside, number
from releases.probes.base import Before, Context, Finding, FindingKind, Json
from releases.probes.criteria import FEWEST_SAMPLES
from releases.probes.samples import mann_whitney, percentile
from releases.probes.timed import ResponseTimeSettings, Series
from releases.states import Level, Regression

CHANCE = 0.01
"""Probability with which a checklist may call an unchanged service slower, over all its routes and places together."""

OVER_BUDGET = FindingKind(
    "over_budget",
    Level.FAIL,
    "{subject}: p95 is {p95} ms, the budget is {budget} ms",
    "Compare with the baseline: if it was over the budget before, this release is not the cause.",
)
CRITERION_NOT_MET = FindingKind(
    "criterion_not_met",
    Level.FAIL,
    "{subject} is not met: {got}",
    "Compare with the baseline: a limit in ms that was broken before is not this release's doing.",
)
CRITERION_NOT_COMPARED = FindingKind(
    "criterion_not_compared",
    Level.NOTE,
    "{subject} could not be judged, as there is no baseline of {needed} samples",
    "The next deployment has one: it is measured before the change.",
)
SLOWER = FindingKind(
    "slower",
    Level.FAIL,
    "{subject}: {name} went from {before} to {after} ms (+{percent} %), and that is not by chance",
    "Look at what this release changed on this route. At the edge only: is it still cached (`cache_headers`)?",
)
TOO_FEW_SAMPLES = FindingKind(
    "too_few_samples",
    Level.INCONCLUSIVE,
    "{subject}: {got} of {needed} samples needed",
    "It took too long for more, or `samples` is set too low.",
)

BY_TIME = frozenset({OVER_BUDGET, SLOWER, CRITERION_NOT_MET})
"""What a busy moment could explain."""


def against_budget(series: Series, samples: list[float]) -> Iterator[Finding]:
    """Yield a finding if p95 is over the route's budget. Samples are milliseconds."""
    budget = series.route.budget_ms
    p95 = percentile(samples, 95)
    if budget is not None and p95 > budget:
        yield Finding(OVER_BUDGET, series.subject, {"p95": beside(p95, budget), "budget": f"{budget:g}"})


def against_criteria(
    series: Series, after: list[float], context: Context[ResponseTimeSettings], comparisons: int
) -> Iterator[Finding]:
    """Yield a finding for each criterion of the route that is not met, or cannot be judged."""
    before = _samples_before(context.before, series)
    for criterion in series.criteria:
        subject = f"{series.subject}, {criterion}"
        values: dict[str, Json] = {"got": len(after), "needed": criterion.needs()}
        if len(after) < criterion.needs():
            yield Finding(TOO_FEW_SAMPLES, subject, values)
        elif criterion.relative and len(before) < criterion.needs():
            yield Finding(CRITERION_NOT_COMPARED, subject, values)
        elif criterion.relative and mann_whitney(before, after).p_slower > CHANCE / comparisons:
            continue
        elif got := criterion.broken_by(after, before):
            yield Finding(CRITERION_NOT_MET, subject, {"got": got})


def against_baseline(
    series: Series, after: list[float], context: Context[ResponseTimeSettings], comparisons: int
) -> tuple[list[Finding], Regression]:
    """Return a finding if it is slower than before by rank test and by a relevant amount, and whether it is."""
    before = _samples_before(context.before, series)
    if len(before) < FEWEST_SAMPLES:
        return [], Regression.UNKNOWN
    comparison = mann_whitney(before, after)
    # Divided by the number of tests (Bonferroni), or ten routes would make ten chances for a false alarm.
    if comparison.p_slower > CHANCE / comparisons:
        return [], Regression.NO
    for percent in (50, 95):
        was, now = percentile(before, percent), percentile(after, percent)
        more = now - was
        if more > context.settings.worse_by_ms and more > was * context.settings.worse_by_percent / 100:
            values = {
                "name": f"p{percent}",
                "before": number(was),
                "after": number(now),
                "percent": number(100 * more / was) if was > 0 else "∞",
            }
            evidence = {"p_by_chance": float(f"{comparison.p_slower:.2g}"), "effect": round(comparison.effect, 2)}
            return [Finding(SLOWER, series.subject, values, evidence)], Regression.YES
    return [], Regression.NO


def _samples_before(before: Before | None, series: Series) -> list[float]:
    """Return the baseline's samples of a route and place; empty when there are none that can be used."""
    found: Any = before.figures if before is not None else None
    for key in ("routes", series.route.path, series.place, "samples_ms"):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, list):
        return []
    return [float(sample) for sample in found if isinstance(sample, int | float) and sample >= 0]
