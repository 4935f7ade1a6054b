"""Roll back from a terminal on the worker's host: the very same path as the button, in the foreground."""

import getpass
import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from releases import book, queries
from releases.actor import Actor
from releases.book import Tag
from releases.errors import Conflict
from releases.intake import REASONS, OverrideSpec, RollbackSpec, from_text
from releases.management.refusing import RefusingCommand
from releases.migration_report import loss_digest
from releases.models import ChecklistRun, Environment, ProbeRun, Rollback, User
from releases.services import checklists, pressing, probing, rollbacks, rolling_back
from releases.services.commands import keep_rendered, look_at_migrations
from releases.services.lookups import listed_environment
from releases.states import Outcome, ProbeStatus

PAUSE_SECONDS = 0.2
"""Pause while workers, which may be alive after all, do what they took."""


class Command(RefusingCommand):
    help = "Roll an environment back now, in this process, and measure the outcome. Joins one to the same version."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("service")
        parser.add_argument("environment")
        parser.add_argument("--as", dest="username", required=True, help="the person who decides; must hold roll_back")
        parser.add_argument("--to", default="", metavar="VERSION", help="default: the last verified version")
        parser.add_argument("--reason", choices=sorted(REASONS), default="other")
        parser.add_argument("--words", default="")
        parser.add_argument(
            "--accept-data-loss",
            action="store_true",
            help="accept that going back loses what the catalogue's check_migrations names; without it that is refused",
        )
        parser.add_argument(
            "--despite-lock",
            default="",
            metavar="REASON",
            help="run it although a command that will never end still holds the lock; the reason is kept in the book",
        )

    def act(
        self,
        *,
        service: str,
        environment: str,
        username: str,
        to: str,
        reason: str,
        words: str,
        accept_data_loss: bool,
        despite_lock: str,
        **_: Any,
    ) -> str:
        place = listed_environment(service, environment)
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is no user {username!r}. Expected: the name of a person who may roll back.")
        actor = Actor(name=f"{person.name} (system user {getpass.getuser()})", via="command line", user=person)
        rollback = self._queued(place, to, reason, words, accept_data_loss, actor)
        self.stdout.write(f"{rollback.tag}: {place} back to {rollback.target.release.version}")
        self._carry_out(rollback, actor, despite_lock)
        said = f"{rollback.tag} {rollback.outcome or rollback.status}: {rollback.detail}"
        if rollback.outcome not in (Outcome.RESTORED, Outcome.RESTORED_WITH_DIFFERENCES):
            raise CommandError(said)
        return said

    def _queued(
        self, place: Environment, to: str, reason: str, words: str, accept_data_loss: bool, actor: Actor
    ) -> Rollback:
        back = queries.way_back(place)
        targets = [target for target in back.targets if not to or target.release.version == to]
        if back.live is None or not targets:
            reasons = "; ".join(f"{skipped.deployment.release.version}: {skipped.why}" for skipped in back.skipped[:10])
            raise CommandError(f"Nothing to go back to{f' as {to}' if to else ''}. {reasons}")
        rendered = keep_rendered(place, targets[0])
        self.stdout.write(f"Will run: {' '.join(rendered.argv)}")
        report = look_at_migrations(place, targets[0])
        losses = report.losses if report else []
        if report and report.problem:
            self.stdout.write(f"What lies between is not known now: {report.problem}")
        for loss in losses:
            self.stdout.write(f"Loses: {loss}")
        spec = from_text(
            RollbackSpec,
            {
                "service": place.service.key,
                "environment": place.key,
                "live": str(back.live.pk),
                "target": str(targets[0].pk),
                "digest": rendered.digest,
                "reason": reason,
                "words": words,
                "losses": [loss_digest(loss) for loss in losses],
                "accept_data_loss": "true" if accept_data_loss else "",
            },
        )
        try:
            return pressing.press(spec, actor=actor)
        except Conflict as conflict:
            rollback = conflict.made
            if not isinstance(rollback, Rollback) or rollback.target_id != targets[0].pk:
                raise
            self._join(rollback, actor)
            return rollback

    def _join(self, rollback: Rollback, actor: Actor) -> None:
        """Go on with a rollback to the same target: every step may be asked for again, whoever took it before."""
        book.record(
            Tag.ROLLBACK_JOINED,
            actor,
            about=rollback.tag,
            environment=rollback.environment,
            status=rollback.status,
        )
        self.stdout.write(f"{rollback.tag} is {rollback.status} already; going on with it here.")

    def _carry_out(self, rollback: Rollback, actor: Actor, despite_lock: str) -> None:
        """Take every step here that no worker takes; one that is alive after all may be faster at any of them."""
        deadline = time.monotonic() + settings.ACT_HARD_LIMIT
        said = ""
        while rollback.open and time.monotonic() < deadline:
            rolling_back.run_rollback(rollback.pk)
            rolling_back.continue_rollback(rollback.pk)
            rollback.refresh_from_db()
            if despite_lock and rollback.lock_holder and not rollback.override_by:
                rollbacks.override_lock(rollback, from_text(OverrideSpec, {"reason": despite_lock}), actor=actor)
            measured = rollback.restore_run is not None and self._measure(rollback.restore_run)
            rollback.refresh_from_db()
            if rollback.detail not in ("", said):
                said = rollback.detail
                self.stdout.write(f"{rollback.status}: {said}")
            if rollback.open and not measured:
                time.sleep(PAUSE_SECONDS)

    def _measure(self, run: ChecklistRun) -> bool:
        """Answer the next probe of the checklist; return whether there was one that nobody had taken."""
        checklists.begin_run(run.pk)
        queued = ProbeRun.objects.filter(run=run, status=ProbeStatus.QUEUED).first()
        if queued is None:
            checklists.settle_run(run.pk)
            return False
        self.stdout.write(f"measuring {queued.key}")
        probing.run_probe(queued.pk)
        return True
