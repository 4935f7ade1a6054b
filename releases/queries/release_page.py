"""A release's page: the checklist of one of its deployments, before and after, and what happened to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releases.models import ChecklistRun, Deployment, Environment, Finding, ProbeRun, Release
from releases.probes import registry
from releases.probes.response_time import FEWEST_SAMPLES, SLOWER
from releases.queries.standing import UNSETTLED, Progress
from releases.queries.timings import KEY, Timing, timings
from releases.states import Level, ProbeStatus, Purpose, Regression, RunStatus, Verdict

ALREADY = "was already failing"
ORDER = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, ALREADY, Verdict.PASS, Verdict.SKIPPED)
"""Worst first, in which an answered checklist is read."""
EVIDENCE_ROWS = 60
EVIDENCE_LENGTH = 4000
"""Characters of one value that are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding as it is shown."""

    finding: Finding
    word: str
    evidence: Sequence[tuple[str, str]]
    """(field, value), nested fields joined by a dot."""
    left_out: int
    """How many further fields there are."""


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
        return self.answered and self.word not in (Verdict.PASS, Verdict.SKIPPED, ALREADY)


@dataclass(frozen=True, slots=True)
class Checklist:
    """A run of the checklist as a page shows it."""

    run: ChecklistRun
    lines: Sequence[Line]
    counts: Mapping[str, int]
    seconds: float | None
    comparison: str
    """What it was compared with, and how it came out; or why there was nothing to compare with."""

    @property
    def active(self) -> bool:
        return self.run.status in UNSETTLED

    @property
    def progress(self) -> Progress:
        done = sum(line.answered for line in self.lines)
        return Progress(self.run.pk, self.run.purpose, self.run.status, done, len(self.lines))


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


def checklist_of(deployment: Deployment, purpose: Purpose | None = None) -> Checklist | None:
    """Return the newest run that judges a deployment, or its newest of one purpose; None where there is none."""
    runs = ChecklistRun.objects.filter(deployment=deployment)
    runs = runs.filter(purpose=purpose) if purpose else runs.exclude(purpose=Purpose.BASELINE)
    run = runs.select_related("compared_with__deployment__release").order_by("-pk").first()
    return _checklist(run, deployment) if run else None


def before_after(checklist: Checklist) -> list[BeforeAfter]:
    """Return the response times of a run beside those of the run that it was compared with."""
    line = next((line for line in checklist.lines if line.probe.key == KEY), None)
    after = timings(line.probe.figures, _settings(checklist.run)) if line else []
    if line is None or not after:
        return []
    earlier = ProbeRun.objects.filter(run=checklist.run.compared_with_id, key=KEY).first()
    before = {timing.subject: timing for timing in timings(earlier.figures)} if earlier else {}
    slower = {shown.finding.subject: shown.finding for shown in line.findings if shown.finding.kind == SLOWER.id}
    return [_before_after(timing, before.get(timing.subject), slower) for timing in after]


def _before_after(after: Timing, before: Timing | None, slower: Mapping[str, Finding]) -> BeforeAfter:
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
    )


def _settings(run: ChecklistRun) -> object:
    return (run.settings.get("checklist") or {}).get(KEY)


def live_in(release: Release) -> list[Environment]:
    """Return the environments where a release is live, production first."""
    return list(
        Environment.objects.filter(live__release=release).select_related("service").order_by("-production", "key")
    )


def _checklist(run: ChecklistRun, deployment: Deployment) -> Checklist:
    probes = list(run.probes.prefetch_related("findings"))
    lines = [_line(probe) for probe in probes]
    if run.status == RunStatus.DONE:
        lines.sort(key=lambda line: ORDER.index(line.word))
    counts = {word: sum(line.word == word for line in lines) for word in ORDER}
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    return Checklist(run, lines, counts, seconds, _comparison(run, deployment) if run.status == RunStatus.DONE else "")


def _line(probe: ProbeRun) -> Line:
    found = registry.all_probes().get(probe.key)
    title = found.title if found else probe.key
    shown = [_shown(finding) for finding in probe.findings.all()]
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
    )


def _word(probe: ProbeRun) -> str:
    if probe.status != ProbeStatus.DONE:
        return probe.status
    if probe.verdict == Verdict.FAIL and probe.regression == Regression.NO:
        return ALREADY
    return probe.verdict or Verdict.INCONCLUSIVE


def _shown(finding: Finding) -> Shown:
    rows = list(_flat(finding.evidence))
    already = finding.already_failing and finding.level == Level.FAIL
    return Shown(
        finding, ALREADY if already else finding.level, rows[:EVIDENCE_ROWS], max(0, len(rows) - EVIDENCE_ROWS)
    )


def _flat(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """Yield the leaves of JSON data, each with the path that leads to it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, list | Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _flat(item, f"{name}.{number}" if name else str(number))
    elif isinstance(value, list):
        yield name, ", ".join(_leaf(item) for item in value)[:EVIDENCE_LENGTH]
    else:
        yield name, _leaf(value)[:EVIDENCE_LENGTH]


def _leaf(value: Any) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


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
