"""Run the live deployment's checklist again, or some of its probes, on the workers, and wait for the verdict."""

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from releases.intake import RunAgainSpec, from_text
from releases.management.refusing import RefusingCommand, person_at_the_terminal
from releases.models import ChecklistRun
from releases.services.run_again import run_again
from releases.states import RunStatus, Verdict

POLL_SECONDS = 0.5


class Command(RefusingCommand):
    help = "Run the checklist of what is live again; the newer answers stand beside the older ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("environment")
        parser.add_argument("probes", nargs="*", metavar="KEY", help="probes to ask; all of the checklist without any")
        parser.add_argument("--wait", type=float, default=300, help="seconds to wait for the verdict; 0 does not wait")

    def act(self, *, service: str, environment: str, probes: list[str], wait: float, **_: Any) -> str:
        spec = from_text(RunAgainSpec, {"service": service, "environment": environment, "probes": probes})
        run = run_again(spec, actor=person_at_the_terminal())
        self.stdout.write(f"{run.tag} is queued.")
        if wait <= 0:
            return ""
        deadline = time.monotonic() + wait
        while not ChecklistRun.objects.filter(pk=run.pk, status=RunStatus.DONE).exists():
            if time.monotonic() > deadline:
                raise CommandError(f"{run.tag} has no verdict after {wait:g} s. It goes on; its page shows it.")
            time.sleep(POLL_SECONDS)
        run.refresh_from_db()
        for probe in run.probes.all():
            self.stdout.write(f"{probe.verdict:13} {probe.key}{' (second look)' if probe.repeat else ''}")
        if run.verdict != Verdict.PASS:
            raise CommandError(f"{run.tag}: {run.verdict}{f' ({run.given_up})' if run.given_up else ''}")
        return f"{run.tag}: {run.verdict}"
