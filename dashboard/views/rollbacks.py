"""A rollback, one address from the press to the outcome."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from dashboard import lane_picture, marks, wording
from dashboard.permits import who_may
from dashboard.requests import actor_of, fragment, page
from dashboard.views.notes import shown_notes
from releases import queries
from releases.display import visible
from releases.intake import REASONS
from releases.migration_report import NO_COMMAND
from releases.models import Finding, ProbeRun, Rollback
from releases.queries import rollback_page
from releases.queries.probe_counts import answered, how_many
from releases.queries.readiness.item import read as read_item
from releases.queries.rollback_lanes import lanes_of_rollback
from releases.queries.terminal import terminal
from releases.queries.timings import first_route
from releases.services.outcomes import what_probes_say
from releases.states import (
    CommandState,
    Level,
    Outcome,
    ProbesSay,
    ProbeStatus,
    Regression,
    RollbackStatus,
    RunStatus,
    Verdict,
)

TAIL_LINES = 20
TAIL_CHARACTERS = 4000
"""How much of the output is shown while the command runs."""
STOPPABLE = (RollbackStatus.RUNNING, RollbackStatus.PURGING)
HEADINGS = {
    RollbackStatus.QUEUED: "Queued",
    RollbackStatus.RUNNING: "Running the command",
    RollbackStatus.PURGING: "Purging the cache",
    RollbackStatus.VERIFYING: "Verifying",
    RollbackStatus.STOPPING: "Stopping",
    RollbackStatus.CANCELLED: "Cancelled",
    RollbackStatus.REFUSED: "Refused",
}
TOO_LATE = {
    "cancel": "Your press of Cancel changed nothing",
    "stop": "Your press of Stop changed nothing",
    "verify": "Your press of Verify changed nothing",
    "override": "Your press of Run it despite the lock changed nothing",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """One probe's answer as the page shows it."""

    probe: ProbeRun
    name: str
    already_failing: bool
    findings: Sequence[tuple[Finding, str]]
    """Each with its evidence as text."""


@require_safe
@page
def rollback(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rollback: the state in words, its steps, the three facts apart, and what to do next."""
    row = found(pk)
    context = _context(request, row, rollback_page.probes_of(row.restore_run))
    context["too_late"] = TOO_LATE.get(request.GET.get("late", ""), "")
    return render(request, "rollback.html", context | shown_notes(request, row))


@require_safe
@fragment
def rollback_live(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the rollback as it stands now; 204 when it is as the reader's, which `v` names."""
    row = found(pk)
    probes = rollback_page.probes_of(row.restore_run)
    known = request.GET.get("v", "")
    if known == _token(row, probes):
        return HttpResponse(status=204)
    context = _context(request, row, probes)
    context["live"] = True
    context["turned"] = known.partition(".")[0] != _state(row)
    return render(request, "_rollback_live.html", context)


def found(pk: int) -> Rollback:
    """Return the rollback as its pages show it."""
    row = rollback_page.shown_rollback(pk)
    if row is None:
        raise Http404
    return row


def _context(request: HttpRequest, row: Rollback, probes: Sequence[ProbeRun]) -> dict[str, Any]:
    now = timezone.now()
    actor = actor_of(request)
    rollback_page.add_findings(probes)
    say = what_probes_say(probes)
    serving = rollback_page.serving(row, probes)
    times = rollback_page.compared_times(row)
    active, own = rollback_page.freezes_of(row)
    later = rollback_page.newest_after(row)
    expected = queries.expected_seconds(row.environment)
    events = rollback_page.events_about(row.tag)
    steps = rollback_page.steps(row, probes, say)
    lanes = lanes_of_rollback(row, _word(row), steps, probes, events, now)
    output = row.execution.output if row.execution else ""
    tail = _tail(output)
    settled = row.restore_run is not None and row.restore_run.status == RunStatus.DONE
    may = actor.may("roll_back", row.environment.service.key)
    headline = rollback_page.headline_times(times, first_route(row.environment))
    context: dict[str, Any] = {
        "at": now,
        "r": row,
        "environment": row.environment,
        "target": row.target.release,
        "undone": row.undone.release,
        "heading": _heading(row, probes),
        "word": _word(row),
        "state": _state(row),
        "steps": steps,
        "serving": serving,
        "elsewhere": [one for one in serving.instances if one.word == "other"],
        "say": say,
        "readiness_at_press": [read_item(stored) for stored in row.at_press.get("readiness", [])],
        "answered_at_press": parse_datetime((row.at_press.get("migrations") or {}).get("answered_at", "")),
        "looked_at_press": parse_datetime(row.at_press.get("looked_at", "")),
        "settled": settled,
        "answered": answered(probes),
        "asked": how_many(probes),
        "probes": probes,
        "to_look_at": [
            _answered(probe) for probe in _by_verdict(probes, Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE)
        ],
        "passed": _passed(probes),
        "skipped": _skipped(probes),
        "working": [probe for probe in probes if probe.status == ProbeStatus.RUNNING],
        "times": times,
        "headline": headline,
        "freeze": active,
        "own_freeze": own,
        "later": later,
        "stands": rollback_page.still_stands(row, later),
        "expected": expected,
        "late": rollback_page.is_late(row, expected.seconds if expected else None, now),
        "waits": rollback_page.nobody_took_it(row, now),
        "stopped_at": rollback_page.ends_by(row.execution),
        "lost": _lost(row),
        "worked_yet_failed": row.outcome == Outcome.RESTORED_WITH_DIFFERENCES
        and not (row.execution is not None and row.execution.exit_code == 0)
        and row.command != CommandState.LOST,
        "but_the_way_back": say == ProbesSay.BUT_THE_WAY_BACK,
        "tail": tail,
        "output": output,
        "more_output": len(tail) < len(output.rstrip("\n")),
        "events": events,
        "lanes": lanes,
        "lane_picture": lane_picture.picture(lanes, now, timezone.get_current_timezone()),
        "told": rollback_page.messages_about(row.tag),
        "no_command": NO_COMMAND,
        "reason": REASONS.get(row.reason, row.reason),
        "may_roll_back": may,
        "may_lift": actor.may("lift_freeze", row.environment.service.key),
        "who_may_roll_back": who_may("roll_back"),
        "who_may_lift": who_may("lift_freeze"),
        "stoppable": row.status in STOPPABLE and not _lost(row),
        "terminal": terminal(
            row.environment,
            queries.rendered_for(row.environment, row.target) if row.status == RollbackStatus.QUEUED else None,
            request.user.get_username() if may else row.requester.username,
            row.target.release.version,
        ),
        "token": _token(row, probes),
        "live": False,
        "turned": False,
        "too_late": "",
    }
    context["title"] = _title(row, probes)
    context["summary"] = _summary(request, context)
    context["announced"] = f"{row.tag}: {context['heading']}. {row.detail if not row.open else ''}".strip()
    return context


def _state(row: Rollback) -> str:
    """Return status and outcome as one word without spaces, for the token and for telling a change of state."""
    return _word(row).replace(" ", "-")


def _word(row: Rollback) -> str:
    """Return the word of state for the page's mark."""
    return CommandState.LOST if _lost(row) else row.outcome or row.status


def _lost(row: Rollback) -> bool:
    """Whether nobody knows what the command does: its worker is gone, and nobody has it measured yet."""
    return row.open and row.command == CommandState.LOST and row.restore_run_id is None and not row.verify_requested_by


def _token(row: Rollback, probes: Sequence[ProbeRun]) -> str:
    """Return what changes whenever something on the page does: the state first, then the row's own version."""
    now = timezone.now()
    expected = queries.expected_seconds(row.environment) if row.open else None
    run = row.restore_run
    numbers = [
        row.version,
        run.wave if run else 0,
        sum(probe.status == ProbeStatus.DONE for probe in probes),
        sum(probe.done for probe in probes),
        len([probe for probe in probes if probe.status == ProbeStatus.RUNNING]),
        int(row.environment.observed_at.timestamp()) if row.environment.observed_at else 0,
        int(rollback_page.nobody_took_it(row, now)),
        int(rollback_page.is_late(row, expected.seconds if expected else None, now)),
    ]
    return f"{_state(row)}.{run.status if run else ''}.{'.'.join(str(number) for number in numbers)}"


def _heading(row: Rollback, probes: Sequence[ProbeRun]) -> str:
    """Return the state in words."""
    if _lost(row):
        return "Worker lost"
    if row.status == RollbackStatus.DONE:
        return row.outcome.capitalize() if row.outcome else "Unknown"
    if row.status == RollbackStatus.VERIFYING and probes:
        return f"Verifying, {answered(probes)} of {how_many(probes)}"
    return HEADINGS[RollbackStatus(row.status)]


def _title(row: Rollback, probes: Sequence[ProbeRun]) -> str:
    """Return the tab's title: shape and state first, so that a tab left open tells."""
    words = _heading(row, probes).replace(", ", " ").replace(" of ", "/")
    return f"{marks.glyph(_word(row))} {words} · {row.tag} {row.environment}"


def _tail(output: str) -> str:
    lines = output.rstrip("\n").split("\n")[-TAIL_LINES:]
    return "\n".join(lines)[-TAIL_CHARACTERS:]


def _by_verdict(probes: Sequence[ProbeRun], *verdicts: Verdict) -> list[ProbeRun]:
    return [probe for verdict in verdicts for probe in probes if probe.verdict == verdict]


def _passed(probes: Sequence[ProbeRun]) -> list[str]:
    """Return the keys of the probes whose every look passed."""
    others = {probe.key for probe in probes if probe.verdict != Verdict.PASS}
    return list(dict.fromkeys(probe.key for probe in probes if probe.key not in others))


def _skipped(probes: Sequence[ProbeRun]) -> list[ProbeRun]:
    """Return the probes that were skipped, each once."""
    return list({probe.key: probe for probe in _by_verdict(probes, Verdict.SKIPPED)}.values())


def _answered(probe: ProbeRun) -> Answered:
    findings = [finding for finding in probe.findings.all() if finding.level != Level.NOTE]
    return Answered(
        probe=probe,
        name=rollback_page.name_of(probe),
        already_failing=probe.verdict == Verdict.FAIL and probe.regression == Regression.NO,
        findings=[(finding, _evidence(finding)) for finding in findings],
    )


def _evidence(finding: Finding) -> str:
    return json.dumps(finding.evidence, indent=1, ensure_ascii=False) if finding.evidence else ""


def _summary(request: HttpRequest, context: dict[str, Any]) -> str:
    """Return what people paste into a chat: state, what, since when, who, why, where."""
    row: Rollback = context["r"]
    zone = timezone.get_current_timezone()
    pressed = wording.clock(row.pressed_at, context["at"], zone, seconds=True)
    took = f" Press to outcome {wording.duration(row.ended_at - row.pressed_at)}." if row.ended_at else ""
    why = f"{context['reason']}: {row.words}" if row.words else context["reason"]
    versions = f"{row.undone.release.version} → {row.target.release.version}"
    lines = [
        f"{row.tag} {row.environment}: {context['heading'].lower()}.",
        f"{versions}, pressed by {row.requested_by} at {pressed} ({why}).",
        f"{row.detail}{took}".strip(),
        request.build_absolute_uri(row.get_absolute_url()),
    ]
    return visible("\n".join(line for line in lines if line))
