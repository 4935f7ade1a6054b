"""A release's page: the checklist of one of its deployments, before and after, and what happened to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releases.models import Acceptance, ChecklistRun, Deployment, Environment, Finding, ProbeRun, Release
from releases.probes import registry
from releases.probes.criteria import FEWEST_SAMPLES
from releases.probes.time_limits import SLOWER
from releases.queries.answers import acceptances_for
from releases.queries.probe_counts import answered, how_many
from releases.queries.shown_findings import ALREADY, Shown, shown_finding
from releases.queries.standing import Progress
from releases.queries.timings import KEY, Timing, timings
from releases.states import OPEN_RUN, Level, ProbeStatus, Purpose, Regression, RunStatus, Verdict, worst

ORDER = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, ALREADY, Verdict.PASS, Verdict.SKIPPED)
"""Worst first, in which an answered checklist is read."""
RUNS_LISTED = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One probe's line of a checklist."""

    probe: ProbeRun
    title: str
    proves: str
    cannot_see: str
    word: str
    findings: Sequence[Shown]
    """What decides its verdict."""
    notes: Sequence[Shown]
    seconds: float | None
    earlier: Sequence[ProbeRun] = ()
    """Answers of the same deployment that this one is newer than, newest first."""

    @property
    def accepted(self) -> bool:
        """Whether everything that keeps it from a pass stands accepted."""
        return bool(self.findings) and all(shown.acceptance is not None for shown in self.findings)

    @property
    def key(self) -> str:
        """Stable within its run; the second look at the serving version has one of its own."""
        return f"{self.probe.key}-again" if self.probe.repeat else self.probe.key

    @property
    def answered(self) -> bool:
        return self.probe.status == ProbeStatus.DONE

    @property
    def unfolded(self) -> bool:
        """Whether it needs reading: everything but a pass, a failure of before, and what does not apply."""
        return self.answered and self.word not in (Verdict.PASS, Verdict.SKIPPED, ALREADY) and not self.accepted


@dataclass(frozen=True, slots=True)
class Checklist:
    """A run of the checklist as a page shows it."""

    run: ChecklistRun
    lines: Sequence[Line]
    counts: Mapping[str, int]
    seconds: float | None
    comparison: str
    """What it was compared with, and how it came out; or why there was nothing to compare with."""
    verdict: str
    """Of each probe the newest answer counts."""
    others: Sequence[ChecklistRun] = ()
    """The deployment's other runs, newest first."""
    waiting: Sequence[ChecklistRun] = ()
    """Those of them that have no verdict yet."""

    @property
    def active(self) -> bool:
        return self.run.status in OPEN_RUN or bool(self.waiting)

    @property
    def progress(self) -> Progress:
        looks = [line.probe for line in self.lines]
        return Progress(self.run.pk, self.run.purpose, self.run.status, answered(looks), how_many(looks))


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """One route at one place, before the change and after it."""

    route: str
    place: str
    before: Timing | None
    after: Timing
    too_few: bool
    """Fewer samples than the probe judges by."""
    worse: bool | None
    """Whether it is slower by the probe's test; None where it was not compared."""
    effect: str
    """How much of it: the share of pairs in which the later one is slower, where the test says so."""
    measured_at: datetime | None
    before_at: datetime | None


def checklist_of(deployment: Deployment, purpose: Purpose | None = None, chosen: int | None = None) -> Checklist | None:
    """Return a checklist of a deployment as a page shows it; None where there is none.

    Without a choice it is the newest whole run, with the newer answers of probes that were asked again in their place.
    `purpose` looks among runs of that purpose, `chosen` is the number of one run, shown as it was.
    """
    runs = ChecklistRun.objects.filter(deployment=deployment)
    runs = runs.filter(purpose=purpose) if purpose else runs.exclude(purpose=Purpose.BASELINE)
    listed = list(runs.select_related("compared_with__deployment__release").order_by("-pk")[:RUNS_LISTED])
    asked = [run for run in listed if run.pk == chosen]
    whole = [run for run in listed if not run.partial]
    if not (asked or whole):
        return None
    run = (asked or whole)[0]
    later = [] if asked else [each for each in listed if each.partial and each.pk > run.pk]
    return _checklist(run, later, [each for each in listed if each.pk != run.pk], deployment)


def before_after(checklist: Checklist) -> list[BeforeAfter]:
    """Return the response times of a run beside those of the run that it was compared with."""
    line = next((line for line in checklist.lines if line.probe.key == KEY), None)
    after = timings(line.probe.figures, _settings(checklist.run)) if line else []
    if line is None or not after:
        return []
    earlier = ProbeRun.objects.filter(run=checklist.run.compared_with_id, key=KEY).first()
    before = {timing.subject: timing for timing in timings(earlier.figures)} if earlier else {}
    slower = {shown.finding.subject: shown.finding for shown in line.findings if shown.finding.kind == SLOWER.id}
    times = line.probe.finished_at, earlier.finished_at if earlier else None
    return [_before_after(timing, before.get(timing.subject), slower, times) for timing in after]


def _before_after(
    after: Timing, before: Timing | None, slower: Mapping[str, Finding], times: tuple[datetime | None, datetime | None]
) -> BeforeAfter:
    found = slower.get(f"{after.route} at the {after.place}")
    compared = before is not None and min(before.n, after.n) >= FEWEST_SAMPLES
    return BeforeAfter(
        route=after.route,
        place=after.place,
        before=before,
        after=after,
        too_few=after.n < FEWEST_SAMPLES,
        worse=(found is not None) if compared else None,
        effect=str(found.evidence.get("effect", "")) if found else "",
        measured_at=times[0],
        before_at=times[1],
    )


def _settings(run: ChecklistRun) -> object:
    return (run.settings.get("checklist") or {}).get(KEY)


def could_go_to(release: Release) -> list[Environment]:
    """Return the listed environments of a release's service, production last, as a release travels."""
    return list(
        Environment.objects.filter(service=release.service_id, listed=True)
        .select_related("service")
        .order_by("production", "key")
    )


def live_in(release: Release) -> list[Environment]:
    """Return the environments where a release is live, production first."""
    return list(
        Environment.objects.filter(live__release=release).select_related("service").order_by("-production", "key")
    )


def _checklist(
    run: ChecklistRun, later: Sequence[ChecklistRun], others: Sequence[ChecklistRun], deployment: Deployment
) -> Checklist:
    held = acceptances_for(deployment)
    settled = [each.pk for each in later if each.status == RunStatus.DONE and not each.given_up]
    answers: dict[tuple[str, bool], list[ProbeRun]] = {}
    found = ProbeRun.objects.filter(run__in=[run.pk, *settled]).select_related("run").prefetch_related("findings")
    for probe in found.order_by("-run", "wave", "pk"):
        answers.setdefault((probe.key, probe.repeat), []).append(probe)
    lines = [_line(newest, earlier, held) for newest, *earlier in answers.values()]
    lines.sort(key=lambda line: (line.probe.wave, line.probe.pk) if line.probe.run_id == run.pk else (1, 0))
    if run.status == RunStatus.DONE:
        lines.sort(key=lambda line: ORDER.index(line.word))
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    verdict = worst(Verdict(line.probe.verdict) for line in lines) if settled else run.verdict
    return Checklist(
        run=run,
        lines=lines,
        counts=_counts(lines),
        seconds=seconds,
        comparison=_comparison(run, deployment) if run.status == RunStatus.DONE else "",
        verdict=verdict,
        others=others,
        waiting=[each for each in others if each.status in OPEN_RUN and each.pk > run.pk],
    )


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    """Count the probes that have answered by their words; of a probe that looked twice the worse word counts."""
    words: dict[str, list[str]] = {}
    for line in lines:
        words.setdefault(line.probe.key, []).append(line.word)
    settled = [min(each, key=ORDER.index) for each in words.values() if set(each) <= set(ORDER)]
    return {word: settled.count(word) for word in ORDER}


def _line(probe: ProbeRun, earlier: Sequence[ProbeRun], held: Mapping[str, Acceptance]) -> Line:
    found = registry.all_probes().get(probe.key)
    title = found.title if found else probe.key
    shown = [shown_finding(probe.key, finding, held) for finding in probe.findings.all()]
    took = (probe.finished_at - probe.started_at).total_seconds() if probe.finished_at and probe.started_at else None
    return Line(
        probe=probe,
        title=f"{title}, second look" if probe.repeat else title,
        proves=found.proves if found else "",
        cannot_see=found.cannot_see if found else "",
        word=_word(probe),
        findings=[each for each in shown if each.word != Level.NOTE],
        notes=[each for each in shown if each.word == Level.NOTE],
        seconds=took,
        earlier=earlier,
    )


def _word(probe: ProbeRun) -> str:
    if probe.status != ProbeStatus.DONE:
        return probe.status
    if probe.verdict == Verdict.FAIL and probe.regression == Regression.NO:
        return ALREADY
    return probe.verdict or Verdict.INCONCLUSIVE


def _comparison(run: ChecklistRun, deployment: Deployment) -> str:
    compared = run.compared_with
    if compared is None:
        return f"Nothing to compare with: {_why_nothing(run, deployment)}."
    words = {Regression.YES: "worse than", Regression.NO: "no worse than"}.get(
        Regression(run.regression or Regression.UNKNOWN), "could not be compared in full with"
    )
    return f"Regression {run.regression}: {words} {_named(compared)}{_instead_of(compared, deployment)}."


def _named(compared: ChecklistRun) -> str:
    if compared.purpose == Purpose.BASELINE:
        return f"the baseline {compared.tag}, measured before it"
    version = compared.deployment.release.version if compared.deployment else ""
    return f"the last checklist of {version} ({compared.tag})" if version else compared.tag


def _instead_of(compared: ChecklistRun, deployment: Deployment) -> str:
    own = deployment.baseline
    if own is None or own.pk == compared.pk:
        return ""
    if own.tainted:
        return f"; its own baseline {own.tag} is tainted, since the served version changed while it was measured"
    return f"; its own baseline {own.tag} was given up: {own.given_up}" if own.given_up else ""


def _why_nothing(run: ChecklistRun, deployment: Deployment) -> str:
    own = deployment.baseline
    if run.purpose == Purpose.RESTORE:
        return "the version gone back to has no checklist that counts"
    if own is None:
        return "no baseline was measured"
    if own.tainted:
        return f"the baseline {own.tag} is tainted, since the served version changed while it was measured"
    return f"the baseline {own.tag} was given up: {own.given_up}" if own.given_up else "no baseline was measured"
