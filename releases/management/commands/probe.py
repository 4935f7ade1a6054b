"""Run the checklist of what is live, or some of its probes, from a terminal: progress, a table, a status by verdict."""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from releases.api.shapes import checklist_facts
from releases.display import visible
from releases.intake import RunAgainSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.models import ChecklistRun, ProbeRun
from releases.services import checklists, probing
from releases.services.commands import looking_here
from releases.services.run_again import run_again
from releases.states import Level, ProbeStatus, RunStatus, Verdict

POLL_SECONDS = 0.25
STATUS = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.ERROR: 2, Verdict.INCONCLUSIVE: 3}
REFUSED = 4
NO_VERDICT = 5


class Command(RefusingCommand):
    help = (
        "Run the checklist of what is live again, or only the probes named, and say what they found. "
        "It is recorded like any other run. Exit status: 0 pass, 1 fail, 2 error (could not measure), 3 inconclusive, "
        "4 refused, 5 no verdict in time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("environment")
        parser.add_argument("probes", nargs="*", metavar="KEY", help="probes to ask; all of the checklist without any")
        parser.add_argument("--here", action="store_true", help="measure in this process, on this machine")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
        parser.add_argument("--wait", type=float, default=300, help="seconds to wait for the verdict; 0 does not wait")

    def handle(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().handle(*args, **options)
        except CommandError as error:
            raise CommandError(str(error), returncode=max(error.returncode, REFUSED)) from None

    def act(self, *, service: str, environment: str, probes: list[str], **options: Any) -> None:
        spec = from_text(RunAgainSpec, {"service": service, "environment": environment, "probes": probes})
        run = run_again(spec, actor=person_at_the_terminal())
        if options["here"]:
            _in_background(lambda: _measure_here(run.pk, options["wait"]))
        if options["wait"] <= 0:
            self.stdout.write(f"{run.tag} is queued; its page shows it.")
            return
        if not self._wait(run, options["wait"]):
            raise CommandError(_unfinished(run, options["wait"]), returncode=NO_VERDICT)
        run.refresh_from_db()
        self.stdout.write(json.dumps(checklist_facts(run), indent=2) if options["json"] else _table(run))
        if run.verdict != Verdict.PASS:
            sys.exit(STATUS[Verdict(run.verdict)])

    def _wait(self, run: ChecklistRun, seconds: float) -> bool:
        """Show how far the run is until it is done; return whether it is."""
        deadline = time.monotonic() + seconds
        shown = ""
        while not ChecklistRun.objects.filter(pk=run.pk, status=RunStatus.DONE).exists():
            if time.monotonic() > deadline:
                return False
            line = _progress(run)
            if line != shown:
                self._say(line)
                shown = line
            time.sleep(POLL_SECONDS)
        self._say("")
        return True

    def _say(self, line: str) -> None:
        """Rewrite the progress line; nothing is written where nobody looks."""
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{line}", ending="")


def _progress(run: ChecklistRun) -> str:
    rows = list(run.probes.all())
    done = sum(row.status == ProbeStatus.DONE for row in rows)
    doing = [f"{row.key} {row.doing}".strip() for row in rows if row.status == ProbeStatus.RUNNING]
    return f"{run.tag}: {done} of {len(rows)} probes {'· ' + doing[0] if doing else ''}"[:100]


def _measure_here(run_id: int, seconds: float) -> None:
    """Take the steps of a run that no worker takes. Each is a claim, so a worker that does may do so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = ChecklistRun.objects.values_list("status", flat=True).get(pk=run_id)
        if status == RunStatus.DONE:
            return
        if status == RunStatus.QUEUED and not checklists.begin_run(run_id):
            time.sleep(POLL_SECONDS)  # another run is on in this environment
        queued = ProbeRun.objects.filter(run=run_id, status=ProbeStatus.QUEUED).values_list("pk", flat=True)
        for pk in list(queued):
            probing.run_probe(pk)
        if not queued:
            checklists.settle_run(run_id)
            time.sleep(POLL_SECONDS)


def _in_background(work: Callable[[], None]) -> None:
    def run() -> None:
        try:
            with looking_here():
                work()
        finally:
            connections.close_all()

    threading.Thread(target=run, name="probes", daemon=True).start()


def _unfinished(run: ChecklistRun, seconds: float) -> str:
    return (
        f"{run.tag} has no verdict after {seconds:g} s. It goes on; its page shows it. "
        "Where no probe worker serves this environment, --here measures in this process."
    )


def _table(run: ChecklistRun) -> str:
    """Return one line per probe, what it found below it, and the verdict."""
    lines = []
    for probe in run.probes.prefetch_related("findings"):
        took = (probe.finished_at - probe.started_at).total_seconds() if probe.finished_at and probe.started_at else 0
        name = f"{probe.key} (second look)" if probe.repeat else probe.key
        lines.append(f"{probe.verdict:13} {name:32} {took:6.2f} s  {visible(probe.skipped)}".rstrip())
        for finding in probe.findings.all():
            mark = "note" if finding.level == Level.NOTE else finding.level
            lines.append(f"    {mark}: {visible(finding.sentence)}")
            if finding.level != Level.NOTE and finding.hint:
                lines.append(f"        What to do: {finding.hint}")
    lines.append(f"{run.tag}: {run.verdict}; regression {run.regression}{f' ({run.given_up})' if run.given_up else ''}")
    return "\n".join(lines)
