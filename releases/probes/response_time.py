"""How long routes take at edge and origin, against a budget and against the baseline."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from releases.figures import number
from releases.http import Deadline, DoorError
from releases.probes.base import Answer, Before, Context, Finding, FindingKind, Json, Probe
from releases.probes.criteria import FEWEST_SAMPLES
from releases.probes.own_wait import NOISY_FROM, OwnWait, without_waiting
from releases.probes.places import Place, fields_for, share
from releases.probes.routes import url_of
from releases.probes.samples import percentile
from releases.probes.time_limits import (
    BY_TIME,
    CRITERION_NOT_COMPARED,
    CRITERION_NOT_MET,
    OVER_BUDGET,
    SLOWER,
    TOO_FEW_SAMPLES,
    against_baseline,
    against_budget,
    against_criteria,
)
from releases.probes.timed import ResponseTimeSettings, Series
from releases.states import Effect, Level, Regression, Verdict

SECONDS_PER_REQUEST = 10.0
PATIENCE = 4.0
"""Seconds per route and place after which the fewest samples must do, so that a slow release is judged in time too."""
PERCENTILES = (50, 95, 99)

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
NOISY = FindingKind(
    "noisy",
    Level.NOTE,
    "{subject}: noisy, as the worker waited {wait} % of the time for a CPU of its own",
    "On a quieter machine the times would say more.",
)
TOO_NOISY = FindingKind(
    "too_noisy",
    Level.INCONCLUSIVE,
    "{subject}: noisy, as the worker waited {wait} % of the time for a CPU of its own; not believed: {found}",
    "The worker's machine was busy. Run the checklist again when it is quiet.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)


@dataclass(frozen=True, slots=True)
class _Look:
    """One measurement of a series, judged."""

    series: Series
    samples: list[float]
    first_bytes: list[float]
    connects: list[float]
    own_wait: OwnWait
    own_wait_percent: int | None
    findings: list[Finding]
    regression: Regression

    @property
    def noisy(self) -> bool:
        return self.own_wait_percent is not None and self.own_wait_percent >= NOISY_FROM

    @property
    def wrong(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind.level is not Level.NOTE]

    @property
    def may_be_noise(self) -> bool:
        """Whether a busy moment could explain all that is wrong: the worker's own, or one that spared half of it."""
        if not self.wrong or any(finding.kind not in BY_TIME for finding in self.wrong):
            return False
        if self.noisy:
            return True
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
        if self.own_wait_percent is not None:
            figures["own_wait_percent"] = self.own_wait_percent
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
        NOISY,
        TOO_NOISY,
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
            if look.noisy:
                look = _marked_noisy(look, context, len(all_series))
            looks.append(look)
            if look.samples:
                routes.setdefault(series.route.path, {})[series.place] = look.figures()
        findings = [finding for look in looks for finding in look.findings]
        failing = Answer(findings).failing
        by_time = [look.regression for look in looks]
        return Answer(findings, {"routes": routes}, _regression(failing, by_time, context.before))


def _series(context: Context[ResponseTimeSettings]) -> Iterator[Series]:
    for route in context.settings.routes:
        if route.edge:
            yield Series(route, "edge", (Place("edge", context.edge, True),))
        if route.origin and context.instances:
            yield Series(
                route,
                "origin",
                tuple(Place(one.name, one.url, False, fields_for(one, context.edge)) for one in context.instances),
            )


def _look(series: Series, context: Context[ResponseTimeSettings], until: Deadline, comparisons: int) -> _Look:
    """Measure one route at one place, and judge what was measured."""
    findings: list[Finding] = []
    own_wait = OwnWait()
    samples, first_bytes, connects = _measure(series, context, until, findings, own_wait)
    waited = own_wait.percent()
    if len(samples) < FEWEST_SAMPLES:
        values = {"got": len(samples), "needed": FEWEST_SAMPLES}
        findings.append(Finding(TOO_FEW_SAMPLES, series.subject, values))
        return _Look(series, samples, first_bytes, connects, own_wait, waited, findings, Regression.UNKNOWN)
    late, regression = _judged(series, samples, context, comparisons)
    return _Look(series, samples, first_bytes, connects, own_wait, waited, findings + late, regression)


def _judged(
    series: Series, samples: list[float], context: Context[ResponseTimeSettings], comparisons: int
) -> tuple[list[Finding], Regression]:
    slower, regression = against_baseline(series, samples, context, comparisons)
    limits = [*against_budget(series, samples), *against_criteria(series, samples, context, comparisons)]
    return limits + slower, regression


def _second_look(first: _Look, second: _Look) -> _Look:
    """Return the look that counts: what is slow stays slow, what was busy for a moment does not."""
    if len(second.samples) < FEWEST_SAMPLES:
        return first
    if second.wrong:
        return second if first.noisy and not second.noisy else first
    first_p95 = percentile(first.samples, 95)
    second.findings.append(Finding(DISTURBED, second.series.subject, {"p95": number(first_p95)}))
    return second


def _marked_noisy(look: _Look, context: Context[ResponseTimeSettings], comparisons: int) -> _Look:
    """Say that the worker was busy. Of what is slow only that is believed which its waiting cannot explain."""
    late = [finding for finding in look.findings if finding.kind in BY_TIME]
    calm = without_waiting(look.samples, look.own_wait.requests)
    still, regression = _judged(look.series, calm, context, comparisons) if late else ([], look.regression)
    slow = {(finding.kind, finding.subject) for finding in still}
    doubted = [finding for finding in late if (finding.kind, finding.subject) not in slow]
    values: dict[str, Json] = {"wait": look.own_wait_percent}
    if not doubted:
        return replace(look, findings=[*look.findings, Finding(NOISY, look.series.subject, values)])
    values["found"] = "; ".join(finding.sentence for finding in doubted)
    kept = [finding for finding in look.findings if finding not in doubted]
    too_noisy = Finding(TOO_NOISY, look.series.subject, values)
    believed = regression if regression is Regression.YES else Regression.UNKNOWN
    return replace(look, findings=[*kept, too_noisy], regression=believed)


def _measure(
    series: Series,
    context: Context[ResponseTimeSettings],
    until: Deadline,
    findings: list[Finding],
    own_wait: OwnWait,
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
    for turn in range(warm_up + settings.samples):
        enough = len(totals) >= FEWEST_SAMPLES and time.monotonic() - began > PATIENCE
        if enough or (totals and until.reached):
            break
        target = series.targets[turn % len(series.targets)]
        try:
            timeout = min(SECONDS_PER_REQUEST, until.remaining())
            url = url_of(target.url, series.route.path)
            own_wait.before_request()
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
        elif turn >= warm_up:
            own_wait.count_request()
            totals.append(response.timings.total_ms)
            first_bytes.append(response.timings.first_byte_ms)
        time.sleep(min(settings.pause_ms / 1000, until.remaining()))
    if errors:
        values = {"count": len(errors), "asked": len(errors) + len(totals), "status": errors[0]}
        findings.append(Finding(ANSWERED_WITH_ERROR, series.subject, values))
    return totals, first_bytes, connects


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
