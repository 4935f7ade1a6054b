"""What the pages of a rollback show, before the press and after it. The number of queries does not grow with the rows.

The three facts of a rollback stand apart here as on its page: what the command did, which version serves, what the
probes say. The outcome itself is never derived here; it is the row's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, prefetch_related_objects

from releases.models import (
    ChecklistRun,
    Deployment,
    Environment,
    Event,
    Execution,
    Freeze,
    Message,
    ProbeRun,
    Rollback,
)
from releases.probes.registry import SERVING_VERSION
from releases.queries.probe_counts import answered, how_many
from releases.queries.timings import KEY as RESPONSE_TIME, Timing, headline, timings
from releases.states import (
    CommandState,
    DeploymentStatus,
    ExecutionStatus,
    ProbesSay,
    RollbackStatus,
    RunStatus,
    Verdict,
)

EVENTS_LIMIT = 200
MESSAGES_LIMIT = 20
NOBODY_TOOK_IT = timedelta(seconds=5)
"""A press that waited longer than this is said to wait."""
LATE_FACTOR = 2
"""Late is what takes this many times the usual time."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five steps of a rollback."""

    name: str
    word: str
    """A word of state, for its mark."""
    says: str = ""
    seconds: float | None = None
    """How long it took, once it has ended."""
    since: datetime | None = None
    """When it began, while it is on."""


@dataclass(frozen=True, slots=True)
class Served:
    """Which version one instance was measured to serve."""

    instance: str
    version: str
    """Empty where it could not be measured."""
    word: str
    """`target`, `other` or `not measured`."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the instances serve, when that was measured, and whether it was after the command."""

    instances: Sequence[Served]
    at: datetime | None
    after_command: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One route's times before the release that was undone, with it, and now."""

    route: str
    place: str
    before: Timing | None
    broken: Timing | None
    now: Timing | None

    @property
    def cost_ms(self) -> float:
        """How much the undone release added to p95; 0 where that, or the time now, is not known."""
        before, broken = (timing.p95 if timing else None for timing in (self.before, self.broken))
        return broken - before if self.now and before is not None and broken is not None else 0.0


# --- After the press ------------------------------------------------------------------------------------------------


def shown_rollback(pk: int) -> Rollback | None:
    """Return a rollback with all that its page says of it, in one query."""
    return (
        Rollback.objects.select_related(
            "environment__service",
            "environment__live__release",
            "undone__release",
            "target__release",
            "deployment",
            "execution",
            "purge_execution",
            "restore_run",
            "requester",
        )
        .filter(pk=pk)
        .first()
    )


def probes_of(run: ChecklistRun | None) -> list[ProbeRun]:
    """Return a run's probes in the order of their waves."""
    return list(ProbeRun.objects.filter(run=run).order_by("wave", "pk")) if run is not None else []


def add_findings(probes: Sequence[ProbeRun]) -> None:
    """Fetch the findings of all these probes at once."""
    prefetch_related_objects(list(probes), "findings")


def name_of(probe: ProbeRun) -> str:
    """Return what pages call a probe of a run."""
    return f"{probe.key}, second look" if probe.repeat else probe.key


def steps(rollback: Rollback, probes: Sequence[ProbeRun], say: ProbesSay) -> list[Step]:
    """Say how far a rollback is, step by step. `say` is what its settled probes say together."""
    return [
        _queued_step(rollback),
        _command_step(rollback),
        _purge_step(rollback),
        _verify_step(rollback, probes, say),
        _outcome_step(rollback),
    ]


def serving(rollback: Rollback, probes: Sequence[ProbeRun]) -> Serving:
    """Say what each instance serves: by the restore checklist's latest look, else by whatever was measured last."""
    environment = rollback.environment
    looks = [probe for probe in probes if probe.key == SERVING_VERSION and probe.figures.get("versions") is not None]
    if looks:
        versions, at, after = looks[-1].figures["versions"], looks[-1].finished_at, True
    else:
        versions, at = environment.observed, environment.observed_at
        ended = rollback.command_ended_at
        after = bool(at and ended and at > ended)
    since_then = at is not None and rollback.ended_at is not None and at > rollback.ended_at
    if at is None or (since_then and not looks):
        return Serving([], None, after)
    names = dict.fromkeys([*(str(instance["name"]) for instance in environment.instances), *versions])
    target = rollback.target.release.version
    return Serving([_served(name, versions.get(name), target) for name in names], at, after)


def compared_times(rollback: Rollback) -> list[Compared]:
    """Return the response times of the target's verified run, the undone release's run and the restore run."""
    restore = rollback.restore_run
    before = (restore.compared_with_id if restore else None) or rollback.target.verify_run_id
    runs = {"before": before, "broken": rollback.undone.verify_run_id, "now": restore.pk if restore else None}
    rows = ProbeRun.objects.filter(run__in=[pk for pk in runs.values() if pk], key=RESPONSE_TIME).values_list(
        "run", "figures", f"run__settings__checklist__{RESPONSE_TIME}"
    )
    read = {run: {timing.subject: timing for timing in timings(figures, told)} for run, figures, told in rows}
    measured = {name: read.get(pk or 0, {}) for name, pk in runs.items()}
    subjects = dict.fromkeys(subject for name in ("now", "broken", "before") for subject in measured[name])
    return [
        Compared(*subject, *(measured[name].get(subject) for name in ("before", "broken", "now")))
        for subject in subjects
    ]


def headline_times(found: Sequence[Compared], first_route: str) -> Compared | None:
    """Choose the comparison that stands for the whole: where the undone release cost the most time.

    Where nothing tells that, the catalogue's first route as readers get it.
    """
    dearest = max(found, key=lambda row: row.cost_ms, default=None)
    if dearest is not None and dearest.cost_ms > 0:
        return dearest
    chosen = headline([row.now for row in found if row.now is not None], first_route)
    return next((row for row in found if chosen is not None and (row.route, row.place) == chosen.subject), None)


def freezes_of(rollback: Rollback) -> tuple[Freeze | None, Freeze | None]:
    """Return the freeze that is on in the rollback's environment, and the one that its press made."""
    rows = list(Freeze.objects.filter(Q(rollback=rollback) | Q(environment=rollback.environment_id, lifted_at=None)))
    active = next((row for row in rows if row.lifted_at is None), None)
    own = next((row for row in rows if row.rollback_id == rollback.pk), None)
    return active, own


def newest_after(rollback: Rollback) -> Rollback | None:
    """Return the newest later rollback of the same environment."""
    later = Rollback.objects.filter(environment=rollback.environment_id, pk__gt=rollback.pk)
    return later.select_related("target__release").order_by("-pk").first()


def still_stands(rollback: Rollback, later: Rollback | None) -> bool:
    """Whether nothing has happened since: what its page says to do next still applies."""
    return later is None and rollback.environment.live_id in (rollback.deployment_id, rollback.undone_id)


def events_about(tag: str) -> list[Event]:
    """Return the book's lines about one thing, oldest first."""
    return list(Event.objects.filter(object_tag=tag).order_by("seq")[:EVENTS_LIMIT])


def messages_about(tag: str) -> list[Message]:
    """Return who is told about one thing, oldest first."""
    return list(Message.objects.filter(about=tag).order_by("pk")[:MESSAGES_LIMIT])


def nobody_took_it(rollback: Rollback, now: datetime) -> bool:
    """Whether a press has waited long enough to say that nobody works its queue."""
    return rollback.status == RollbackStatus.QUEUED and now - rollback.pressed_at > NOBODY_TOOK_IT


def is_late(rollback: Rollback, expected: float | None, now: datetime) -> bool:
    """Whether a rollback that is on takes much longer than usual."""
    if not rollback.open or expected is None:
        return False
    return (now - rollback.pressed_at).total_seconds() > LATE_FACTOR * expected


def ends_by(execution: Execution | None) -> datetime | None:
    """Return when a command that is on will be stopped at the latest."""
    if execution is None or execution.status != ExecutionStatus.EXECUTING or not execution.time_limit:
        return None
    return execution.started_at + timedelta(seconds=execution.time_limit)


# --- Before the press -----------------------------------------------------------------------------------------------


def failing_probes(run_id: int | None) -> tuple[list[str], int]:
    """Return the keys of a run's failing probes, regressions first, and how many probes it has."""
    rows = list(ProbeRun.objects.filter(run=run_id).values_list("key", "verdict", "regression") if run_id else [])
    failing = sorted((regression != "yes", key) for key, verdict, regression in rows if verdict == Verdict.FAIL)
    return list(dict.fromkeys(key for _, key in failing)), len({key for key, _, _ in rows})


def was_live_for(environment: Environment, target: Deployment) -> timedelta | None:
    """Return how long a deployment was the live one, until the next that finished here."""
    following = (
        Deployment.objects.filter(environment=environment, pk__gt=target.pk, status=DeploymentStatus.FINISHED)
        .order_by("pk")
        .values_list("finished_at", flat=True)
        .first()
    )
    if following is None or target.finished_at is None:
        return None
    return max(timedelta(0), following - target.finished_at)


def deployment_here(environment: Environment, pk: int | None) -> Deployment | None:
    """Return a deployment of this environment by its number, or None."""
    if pk is None:
        return None
    return Deployment.objects.select_related("release").filter(environment=environment, pk=pk).first()


# --- The steps ------------------------------------------------------------------------------------------------------


def _queued_step(rollback: Rollback) -> Step:
    if rollback.status == RollbackStatus.QUEUED:
        return Step("Queued", "queued", since=rollback.pressed_at)
    if rollback.claimed_at is None:
        return Step("Queued", rollback.status, seconds=_seconds(rollback.pressed_at, rollback.ended_at))
    return Step("Queued", "pass", seconds=_seconds(rollback.pressed_at, rollback.claimed_at))


def _command_step(rollback: Rollback) -> Step:
    execution = rollback.execution
    if execution is None:
        return _not_reached("Command", rollback)
    seconds = _seconds(execution.started_at, execution.ended_at)
    if execution.status == ExecutionStatus.EXECUTING:
        return Step("Command", "running", since=execution.started_at)
    if execution.command == CommandState.EXITED:
        word = "pass" if execution.exit_code == 0 else "failed"
        return Step("Command", word, f"exit {execution.exit_code}", seconds)
    if execution.command == CommandState.NOT_STARTED:
        return Step("Command", "failed", "could not be started", seconds)
    return Step("Command", execution.command, execution.command, seconds)


def _purge_step(rollback: Rollback) -> Step:
    execution = rollback.purge_execution
    if execution is not None:
        return _purge_ran(rollback, execution)
    if not rollback.purge_wanted:
        return Step("Purge", "skipped", "not wanted")
    if not rollback.routes_to_purge:
        return Step("Purge", "skipped", "no route to purge")
    if rollback.status == RollbackStatus.PURGING:
        return Step("Purge", "running", since=rollback.command_ended_at)
    if rollback.open and rollback.command_ended_at is None:
        return Step("Purge", "waiting")
    if rollback.command_ended_at is None:
        return Step("Purge", "skipped", "not reached")
    return Step("Purge", "skipped", "left out: after a stop or a lost worker nothing more is changed")


def _purge_ran(rollback: Rollback, execution: Execution) -> Step:
    count = len(rollback.routes_to_purge)
    routes = f"{count} route" if count == 1 else f"{count} routes"
    if execution.status == ExecutionStatus.EXECUTING:
        return Step("Purge", "running", routes, since=execution.started_at)
    seconds = _seconds(execution.started_at, execution.ended_at)
    if execution.command == CommandState.EXITED and execution.exit_code == 0:
        return Step("Purge", "pass", routes, seconds)
    if execution.command == CommandState.EXITED:
        return Step("Purge", "failed", "not every route", seconds)
    if execution.command == CommandState.NOT_STARTED:
        return Step("Purge", "failed", "could not be started", seconds)
    return Step("Purge", execution.command, execution.command, seconds)


def _verify_step(rollback: Rollback, probes: Sequence[ProbeRun], say: ProbesSay) -> Step:
    run = rollback.restore_run
    if run is None:
        if rollback.status == RollbackStatus.VERIFYING:
            return Step("Verify", "queued", since=rollback.purged_at or rollback.command_ended_at)
        return _not_reached("Verify", rollback)
    count = f"{answered(probes)} of {how_many(probes)}"
    if run.status == RunStatus.QUEUED:
        return Step("Verify", "queued", since=run.created_at)
    if run.status == RunStatus.RUNNING:
        return Step("Verify", "verifying", count, since=run.started_at)
    seconds = _seconds(run.started_at or run.created_at, run.finished_at)
    if run.given_up:
        return Step("Verify", "skipped", f"ended: {run.given_up}", seconds)
    return Step("Verify", say, f"{count}, {say}", seconds)


def _outcome_step(rollback: Rollback) -> Step:
    if rollback.open:
        return Step("Outcome", "waiting")
    seconds = _seconds(rollback.pressed_at, rollback.ended_at)
    return Step("Outcome", rollback.outcome or rollback.status, rollback.outcome or rollback.status, seconds)


def _not_reached(name: str, rollback: Rollback) -> Step:
    return Step(name, "waiting") if rollback.open else Step(name, "skipped", "not reached")


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return max(0.0, (end - start).total_seconds()) if start and end else None


def _served(name: str, version: object, target: str) -> Served:
    if not version:
        return Served(name, "", "not measured")
    return Served(name, str(version), "target" if version == target else "other")
