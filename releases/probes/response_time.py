"""How long routes take at edge and origin, against a budget and against the baseline."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from releases.http import Deadline, DoorError
from releases.probes.base import Answer, Before, Context, Finding, FindingKind, Json, Probe, Settings
from releases.probes.criteria import Criterion
from releases.probes.places import Place, fields_for, share
from releases.probes.routes import Route, url_of
from releases.probes.samples import mann_whitney, percentile
from releases.states import Effect, Level, Regression, Verdict

SECONDS_PER_REQUEST = 10.0
FEWEST_SAMPLES = 20
"""Below, p95 is hardly more than the slowest sample, and the comparison not worth its name."""
PATIENCE = 4.0
"""Seconds per route and place after which the fewest samples must do, so that a slow release is judged in time too."""
CHANCE = 0.01
"""Probability with which a checklist may call an unchanged service slower, over all its routes and places together."""
PERCENTILES = (50, 95, 99)

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
ANSWERED_WITH_ERROR = FindingKind(
    "answered_with_error",
    Level.FAIL,
    "{subject}: {count} of {asked} requests were answered with {status}",
    "An error page is quick, so its time means nothing. Look at the service's log.",
)
DISTURBED = FindingKind(
    "disturbed",
    Level.NOTE,
    "{subject}: measured a second time, as the first (p95 {p95} ms) looked slow and that did not repeat",
    "The machine of the service or of the worker was busy for a moment.",
)
TOO_FEW_SAMPLES = FindingKind(
    "too_few_samples",
    Level.INCONCLUSIVE,
    "{subject}: {got} of {needed} samples needed",
    "It took too long for more, or `samples` is set too low.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)

BY_TIME = frozenset({OVER_BUDGET, SLOWER, CRITERION_NOT_MET})
"""What a busy moment could explain."""


def _criterion(text: str) -> str:
    return str(Criterion.parse(text))


Milliseconds = Annotated[float, Field(ge=1, le=60_000, allow_inf_nan=False)]


class TimedRoute(Settings):
    """One route and the time it may take."""

    path: Route
    """The route, asked anonymously."""
    budget_ms: Milliseconds | None = None
    """Milliseconds that 95 of 100 requests must stay within, at each place; without it only the baseline counts."""
    criteria: Annotated[tuple[Annotated[str, AfterValidator(_criterion)], ...], Field(max_length=6)] = ()
    """Further limits, at each place: `p50 <= 80ms`, `p99 <= 0.5s`, or `p95 <= +10%` over the baseline, which counts
    only where the rank test says that it is not by chance. p99 takes 100 samples."""
    edge: bool = True
    """Whether to measure through the cache, as readers do."""
    origin: bool = True
    """Whether to measure at the instances, taking turns."""


class ResponseTimeSettings(Settings):
    """The routes to measure, and what counts as worse."""

    routes: tuple[TimedRoute, ...] = Field(min_length=1, max_length=10)
    """Routes that are measured, one request at a time."""
    samples: Annotated[int, Field(strict=True, ge=1, le=500)] = 30
    """Requests per route and place; fewer than 20 measured are inconclusive."""
    warm_up: Annotated[int, Field(strict=True, ge=0, le=50)] = 2
    """Requests before them that are not counted, per route and place (at the instances: per instance)."""
    pause_ms: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 2.0
    """Milliseconds between two requests, so that measuring is no load test."""
    worse_by_percent: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 25.0
    """Increase of p50 or p95 over the baseline, in percent, from which a significant change counts."""
    worse_by_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = 5.0
    """And in milliseconds: both must be exceeded, so that noise on very fast routes is no regression."""


@dataclass(frozen=True, slots=True)
class _Series:
    """One route at one place: where to ask, in turns."""

    route: TimedRoute
    place: str
    targets: tuple[Place, ...]

    @property
    def subject(self) -> str:
        return f"{self.route.path} at the {self.place}"

    @property
    def criteria(self) -> list[Criterion]:
        return [Criterion.parse(text) for text in self.route.criteria]


@dataclass(frozen=True, slots=True)
class _Look:
    """One measurement of a series, judged."""

    series: _Series
    samples: list[float]
    first_bytes: list[float]
    connects: list[float]
    findings: list[Finding]
    regression: Regression

    @property
    def may_be_noise(self) -> bool:
        """Whether a busy moment could explain all that is wrong: half of the requests were within the budget."""
        wrong = [finding for finding in self.findings if finding.kind.level is not Level.NOTE]
        if not wrong or any(finding.kind not in BY_TIME for finding in wrong):
            return False
        limits = [one.limit for one in self.series.criteria if not one.relative]
        budget = self.series.route.budget_ms
        return percentile(self.samples, 50) <= min(
            [*limits, *([] if budget is None else [budget])], default=float("inf")
        )

    def figures(self) -> dict[str, Json]:
        figures: dict[str, Json] = {f"p{one}_ms": round(percentile(self.samples, one), 2) for one in PERCENTILES}
        figures["first_byte_p50_ms"] = round(percentile(self.first_bytes, 50), 2)
        if self.connects:
            figures["connect_p50_ms"] = round(percentile(self.connects, 50), 2)
        figures["samples_ms"] = [round(sample, 2) for sample in self.samples]
        return figures


class ResponseTime(Probe[ResponseTimeSettings]):
    """Time each route on kept connections, one request after another."""

    key = "response_time"
    title = "Response time"
    group = "implementation"
    proves = "Each listed route answers within its budget and is not slower than the baseline by a statistical test."
    cannot_see = "How the service behaves under load, and how fast it is from elsewhere."
    effect = Effect.LOAD
    deadline = 60.0
    kinds = (
        OVER_BUDGET,
        CRITERION_NOT_MET,
        CRITERION_NOT_COMPARED,
        SLOWER,
        ANSWERED_WITH_ERROR,
        DISTURBED,
        TOO_FEW_SAMPLES,
        COULD_NOT_ASK,
    )
    settings_model = ResponseTimeSettings

    def measure(self, context: Context[ResponseTimeSettings]) -> Answer:
        """Return findings, and as figures per route and place percentiles and all samples in milliseconds."""
        all_series = list(_series(context))
        looks: list[_Look] = []
        routes: dict[str, dict[str, Json]] = {}
        for done, series in enumerate(all_series):
            context.progress(done, len(all_series), series.subject)
            until = context.door.deadline.within(share(context.door.deadline, len(all_series) - done, float("inf")))
            look = _look(series, context, until, len(all_series))
            if look.may_be_noise:
                context.progress(done, len(all_series), f"{series.subject}, once more")
                look = _second_look(look, _look(series, context, until, len(all_series)))
            looks.append(look)
            if look.samples:
                routes.setdefault(series.route.path, {})[series.place] = look.figures()
        findings = [finding for look in looks for finding in look.findings]
        failing = Answer(findings).failing
        by_time = [look.regression for look in looks]
        return Answer(findings, {"routes": routes}, _regression(failing, by_time, context.before))


def _series(context: Context[ResponseTimeSettings]) -> Iterator[_Series]:
    for route in context.settings.routes:
        if route.edge:
            yield _Series(route, "edge", (Place("edge", context.edge, True),))
        if route.origin and context.instances:
            yield _Series(
                route, "origin", tuple(Place(one.name, one.url, False, fields_for(one)) for one in context.instances)
            )


def _look(series: _Series, context: Context[ResponseTimeSettings], until: Deadline, comparisons: int) -> _Look:
    """Measure one route at one place, and judge what was measured."""
    findings: list[Finding] = []
    samples, first_bytes, connects = _measure(series, context, until, findings)
    if len(samples) < FEWEST_SAMPLES:
        values = {"got": len(samples), "needed": FEWEST_SAMPLES}
        findings.append(Finding(TOO_FEW_SAMPLES, series.subject, values))
        return _Look(series, samples, first_bytes, connects, findings, Regression.UNKNOWN)
    findings += _against_budget(series, samples)
    findings += _against_criteria(series, samples, context, comparisons)
    slower, regression = _against_baseline(series, samples, context, comparisons)
    return _Look(series, samples, first_bytes, connects, findings + slower, regression)


def _second_look(first: _Look, second: _Look) -> _Look:
    """Return the look that counts: what is slow stays slow, what was busy for a moment does not."""
    if len(second.samples) < FEWEST_SAMPLES or any(one.kind.level is not Level.NOTE for one in second.findings):
        return first
    first_p95 = round(percentile(first.samples, 95), 1)
    second.findings.append(Finding(DISTURBED, second.series.subject, {"p95": first_p95}))
    return second


def _measure(
    series: _Series, context: Context[ResponseTimeSettings], until: Deadline, findings: list[Finding]
) -> tuple[list[float], list[float], list[float]]:
    """Return total and first-byte milliseconds of each counted request, and those of setting up each connection.

    Ends at the first request without an answer.
    """
    settings = context.settings
    totals: list[float] = []
    first_bytes: list[float] = []
    connects: list[float] = []
    errors: list[int] = []
    warm_up = settings.warm_up * len(series.targets)
    began = time.monotonic()
    for number in range(warm_up + settings.samples):
        enough = len(totals) >= FEWEST_SAMPLES and time.monotonic() - began > PATIENCE
        if enough or (totals and until.reached):
            break
        target = series.targets[number % len(series.targets)]
        try:
            timeout = min(SECONDS_PER_REQUEST, until.remaining())
            url = url_of(target.url, series.route.path)
            response = context.door.request(
                "GET", url, headers=target.fields, timeout=timeout, keep=True, truncate=True
            )
        except DoorError as error:
            if totals and until.reached:
                break  # not the service's fault: the time for this series is over, and others are still to come
            findings.append(Finding(COULD_NOT_ASK, series.subject, {"reason": str(error)}))
            break
        if response.timings.connect_ms > 0:
            connects.append(response.timings.connect_ms)
        if response.status >= 400:
            errors.append(response.status)
        elif number >= warm_up:
            totals.append(response.timings.total_ms)
            first_bytes.append(response.timings.first_byte_ms)
        time.sleep(min(settings.pause_ms / 1000, until.remaining()))
    if errors:
        values = {"count": len(errors), "asked": len(errors) + len(totals), "status": errors[0]}
        findings.append(Finding(ANSWERED_WITH_ERROR, series.subject, values))
    return totals, first_bytes, connects


def _against_budget(series: _Series, samples: list[float]) -> Iterator[Finding]:
    budget = series.route.budget_ms
    p95 = percentile(samples, 95)
    if budget is not None and p95 > budget:
        yield Finding(OVER_BUDGET, series.subject, {"p95": round(p95, 1), "budget": round(budget, 1)})


def _against_criteria(
    series: _Series, after: list[float], context: Context[ResponseTimeSettings], comparisons: int
) -> Iterator[Finding]:
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


def _against_baseline(
    series: _Series, after: list[float], context: Context[ResponseTimeSettings], comparisons: int
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
                "before": round(was, 1),
                "after": round(now, 1),
                "percent": round(100 * more / was) if was > 0 else "∞",
            }
            evidence = {"p_by_chance": float(f"{comparison.p_slower:.2g}"), "effect": round(comparison.effect, 2)}
            return [Finding(SLOWER, series.subject, values, evidence)], Regression.YES
    return [], Regression.NO


def _samples_before(before: Before | None, series: _Series) -> list[float]:
    """Return the baseline's samples of a route and place; empty when there are none that can be used."""
    found: Any = before.figures if before is not None else None
    for key in ("routes", series.route.path, series.place, "samples_ms"):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, list):
        return []
    return [float(sample) for sample in found if isinstance(sample, int | float) and sample >= 0]


def _regression(failing: frozenset[str], by_time: list[Regression], before: Before | None) -> Regression:
    """Judge by the times where there are any, and by what fails now and did not before.

    A route over its budget for both, but hardly slower, moved over a line: that is no regression by itself.
    """
    if Regression.YES in by_time:
        return Regression.YES
    measured = before is not None and before.verdict in (Verdict.PASS, Verdict.FAIL)
    errors = frozenset(identity for identity in failing if identity.startswith(ANSWERED_WITH_ERROR.id))
    if before is not None and measured and errors - before.failing:
        return Regression.YES
    return Regression.UNKNOWN if Regression.UNKNOWN in by_time or not by_time else Regression.NO
