"""The worker's part of a rehearsal: the next step of its row, until there is none; then the receipt.

The commands run as they would in production: rendered by this worker, under the environment's lock, with a lease. A
deploy command that failed does not end the rehearsal: going back after such a failure is what it is for.
"""

from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from releases import actor as actors, book, queries
from releases.book import Tag
from releases.catalogue import CatalogueError, Command
from releases.executor import EnvironmentLock, LockHeld, Result
from releases.models import ChecklistRun, Deployment, Environment, Execution, Rehearsal, RehearsalStep, User
from releases.services import checklists, outcomes, places
from releases.services.commands import CannotRender, command_named, look_soon
from releases.services.denials import note_denial
from releases.services.executions import acquired, begin_execution, end_execution, record_late, run_leased
from releases.services.rehearsals import COPY
from releases.services.retrying import retried
from releases.states import (
    CommandState,
    DeploymentKind,
    DeploymentStatus,
    ExecutionKind,
    ExecutionStatus,
    Outcome,
    Purpose,
    Regression,
    RehearsalOutcome,
    RehearsalStatus,
    RehearsalStepKind as Kind,
    Serving,
    derive_outcome,
    derive_rehearsal,
)

COMMANDS = {
    Kind.COPY_CONFIGURATION: (COPY, ExecutionKind.COPY_CONFIGURATION),
    Kind.DEPLOY: ("deploy", ExecutionKind.DEPLOY),
    Kind.ROLL_BACK: ("rollback", ExecutionKind.ROLLBACK),
}


def continue_rehearsal(rehearsal_id: int) -> None:
    """Take the steps of a rehearsal that can be taken now. Safe to call at any time, by anyone."""
    rehearsal = _get(rehearsal_id)
    if rehearsal.status == RehearsalStatus.QUEUED and not _claim(rehearsal):
        return
    while rehearsal.status == RehearsalStatus.RUNNING:
        step = _next_step(rehearsal)
        if step is None or not _take(rehearsal, step):
            return
        rehearsal = _get(rehearsal_id)


def _get(rehearsal_id: int) -> Rehearsal:
    return Rehearsal.objects.select_related(
        "environment__service", "release__service", "back_to__release", "back_to__verify_run", "deployment"
    ).get(pk=rehearsal_id)


def _claim(rehearsal: Rehearsal) -> bool:
    """Take the rehearsal, with the digests of the commands that it is about to prove; or refuse it."""
    requester = User.objects.get(pk=rehearsal.requester_id)
    if not requester.may("deploy", rehearsal.environment.service.key):
        why = f"{rehearsal.requested_by} may no longer deploy. Nothing has run."
        _refuse(rehearsal, why)
        note_denial(actors.Actor(rehearsal.requested_by, via="worker", user=requester), "deploy", why, on=rehearsal.tag)
        return False
    try:
        service = places.catalogue().services.get(rehearsal.environment.service.key)
    except (places.NoCatalogue, CatalogueError) as error:
        _refuse(rehearsal, f"{error} Nothing has run.")
        return False
    digests = {key: place.command_digests for key, place in service.environments.items()} if service else {}
    claimed = Rehearsal.objects.filter(pk=rehearsal.pk, status=RehearsalStatus.QUEUED).update(
        status=RehearsalStatus.RUNNING, commands=digests, claimed_at=timezone.now(), version=F("version") + 1
    )
    rehearsal.refresh_from_db()
    return bool(claimed)


@retried
def _refuse(rehearsal: Rehearsal, why: str) -> None:
    with transaction.atomic():
        refused = Rehearsal.objects.filter(pk=rehearsal.pk, status=RehearsalStatus.QUEUED).update(
            status=RehearsalStatus.REFUSED, detail=why, ended_at=timezone.now(), version=F("version") + 1
        )
        if refused:
            book.record(
                Tag.REHEARSAL_REFUSED,
                actors.worker(),
                about=rehearsal.tag,
                environment=rehearsal.environment,
                reason=why,
                before={"status": RehearsalStatus.QUEUED},
                after={"status": RehearsalStatus.REFUSED},
            )


def _next_step(rehearsal: Rehearsal) -> RehearsalStep | None:
    """Return the step to begin; None where one is at work, or where the rehearsal has just been ended."""
    steps = list(rehearsal.steps.select_related("execution", "run"))
    if any(step.begun and not step.ended for step in steps):
        return None
    if lost := next((step for step in steps if _lost(step)), None):
        _end(
            rehearsal,
            RehearsalOutcome.UNKNOWN,
            f"The worker was lost during the step {lost.kind}; what the command did was not seen. "
            f"Look at what {rehearsal.environment} serves, and roll back there if need be.",
        )
        return None
    waiting = [step for step in steps if not step.begun]
    if rehearsal.stop_requested_by and waiting:
        _end(
            rehearsal,
            RehearsalOutcome.STOPPED,
            f"Stopped by {rehearsal.stop_requested_by} before the step {waiting[0].kind}. "
            f"Look at what {rehearsal.environment} serves, and roll back there if need be.",
        )
        return None
    copied = next((step for step in steps if step.kind == Kind.COPY_CONFIGURATION), None)
    if copied is not None and copied.begun and not _exited_well(copied):
        _end(rehearsal, RehearsalOutcome.NOT_PROVEN, "The configuration could not be copied; nothing was deployed.")
        return None
    if not waiting:
        _settle(rehearsal, {Kind(step.kind): step for step in steps})
        return None
    return waiting[0]


def _lost(step: RehearsalStep) -> bool:
    return step.execution is not None and step.execution.command == CommandState.LOST


def _exited_well(step: RehearsalStep) -> bool:
    return step.execution is not None and step.execution.exit_code == 0


def _take(rehearsal: Rehearsal, step: RehearsalStep) -> bool:
    """Begin a step; return whether it has ended, so that the next one can be taken at once."""
    if step.kind in COMMANDS:
        return _run_step(rehearsal, step)
    _check(rehearsal, step)
    return False


@retried
def _check(rehearsal: Rehearsal, step: RehearsalStep) -> None:
    """Queue the checklist of a step, compared with what was measured before the release came."""
    before = _run_of(rehearsal, Kind.MEASURE_BEFORE)
    there = step.kind == Kind.CHECK
    expected = rehearsal.release if there else rehearsal.back_to.release
    with transaction.atomic():
        run = checklists.make_run(
            rehearsal.environment,
            purpose=Purpose.BASELINE if step.kind == Kind.MEASURE_BEFORE else Purpose.REHEARSAL,
            deployment=rehearsal.deployment if there else None,
            expected_version=expected.version,
            compared_with=before if checklists.counts(before) else None,
            requested_by=rehearsal.requested_by,
        )
        if not RehearsalStep.objects.filter(pk=step.pk, run=None).update(run=run):
            transaction.set_rollback(True)
            return
        _changed(rehearsal)


def _run_of(rehearsal: Rehearsal, kind: Kind) -> ChecklistRun | None:
    return ChecklistRun.objects.filter(rehearsal_step__rehearsal=rehearsal, rehearsal_step__kind=kind).first()


def _run_step(rehearsal: Rehearsal, step: RehearsalStep) -> bool:
    """Run the command of a step to its end; return whether it was this call that did."""
    name, kind = COMMANDS[Kind(step.kind)]
    environment, place_lock = rehearsal.environment, places.lock_of(rehearsal.environment)
    deployment = rehearsal.back_to if step.kind == Kind.ROLL_BACK else _placed(rehearsal)
    try:
        command = command_named(name, environment, deployment)
    except CannotRender as error:
        _end(rehearsal, RehearsalOutcome.NOT_PROVEN, f"The {name} command cannot be put together: {error}")
        return False
    checklists.give_up_all(environment, f"{rehearsal.tag} is about to change what is served")
    try:
        with acquired(place_lock, f"rehearsal {rehearsal.tag}, {step.kind}", partial(_wait, rehearsal)):
            execution = _claim_step(rehearsal, step, kind, command, deployment)
            return execution is not None and _run_command(rehearsal, step, execution, command, place_lock)
    except LockHeld:
        return False


def _placed(rehearsal: Rehearsal) -> Deployment:
    """Return the deployment that this rehearsal is; not stored before its command is claimed."""
    return rehearsal.deployment or Deployment(
        release=rehearsal.release,
        environment=rehearsal.environment,
        kind=DeploymentKind.REHEARSAL,
        replaced=rehearsal.back_to,
        reported_by=rehearsal.requested_by,
        started_at=timezone.now(),
    )


@retried
def _claim_step(
    rehearsal: Rehearsal, step: RehearsalStep, kind: ExecutionKind, command: Command, deployment: Deployment
) -> Execution | None:
    try:
        with transaction.atomic():
            execution = begin_execution(rehearsal.environment, kind, command, rehearsal.requested_by)
            open_here = Rehearsal.objects.filter(pk=rehearsal.pk, status=RehearsalStatus.RUNNING, stop_requested_by="")
            taken = RehearsalStep.objects.filter(pk=step.pk, execution=None, rehearsal__in=open_here).update(
                execution=execution
            )
            if not taken:
                transaction.set_rollback(True)
                return None
            if step.kind == Kind.DEPLOY:
                deployment.started_at = timezone.now()
                deployment.save()
                _changed(rehearsal, deployment=deployment)
            _changed(rehearsal, detail="")
    except IntegrityError:
        _wait(rehearsal, "another command is executing in this environment.")
        return None
    return execution


def _run_command(
    rehearsal: Rehearsal, step: RehearsalStep, execution: Execution, command: Command, place_lock: EnvironmentLock
) -> bool:
    result = run_leased(execution, command, place_lock, changed=lambda: _changed(rehearsal))
    return _record_end(rehearsal, step, execution, command, result)


@retried
def _record_end(
    rehearsal: Rehearsal, step: RehearsalStep, execution: Execution, command: Command, result: Result
) -> bool:
    with transaction.atomic():
        # A stop that comes now writes the rehearsal and its execution too, in this order.
        Rehearsal.objects.select_for_update(no_key=True).get(pk=rehearsal.pk)
        if not end_execution(execution, result):
            record_late(rehearsal.tag, execution, result)
            return False
        rehearsal.refresh_from_db()
        was_live = queries.live_version(rehearsal.environment)
        if step.kind == Kind.DEPLOY:
            _record_placed(rehearsal, result)
        _changed(rehearsal)
        book.record(
            Tag.REHEARSAL_STEP_ENDED,
            actors.worker(),
            about=rehearsal.tag,
            environment=rehearsal.environment,
            step=step.kind,
            execution=execution.tag,
            digest=command.digest,
            command=result.state.value,
            exit_code=result.exit_code,
            output_sha256=result.output_sha256,
            left_behind=list(result.left_behind),
            before={"command": ExecutionStatus.EXECUTING, "live": was_live},
            after={"command": result.state, "live": queries.live_version(rehearsal.environment)},
        )
    return True


def _record_placed(rehearsal: Rehearsal, result: Result) -> None:
    """Record what the deploy command did as what is live: that is so until it is taken back."""
    done = result.state is CommandState.EXITED and result.exit_code == 0
    Deployment.objects.filter(rehearsal=rehearsal).update(
        status=DeploymentStatus.FINISHED if done else DeploymentStatus.FAILED, finished_at=timezone.now()
    )
    if done:
        Environment.objects.filter(pk=rehearsal.environment_id).update(live=rehearsal.deployment_id)


def _settle(rehearsal: Rehearsal, steps: dict[Kind, RehearsalStep]) -> None:
    """Derive from the rows what the rehearsal showed, and record as live what is served again."""
    check, again, back = steps[Kind.CHECK].run, steps[Kind.CHECK_AGAIN].run, steps[Kind.ROLL_BACK].execution
    assert check is not None, "the step has ended"
    assert again is not None, "the step has ended"
    assert back is not None, "the step has ended"
    there, said_there = _measured(check, rehearsal.release.version)
    here, said_here = _measured(again, rehearsal.back_to.release.version)
    left = outcomes.left_behind(back)
    given_up = check.given_up or again.given_up
    way_back = derive_outcome(
        command=CommandState(back.command),
        exit_code=back.exit_code,
        stopped=bool(rehearsal.stop_requested_by),
        serving=here,
        probes=outcomes.what_all_say(again.probes.all()),  # the way back is what a rehearsal is about
        complete=not left,
    )
    if given_up and here is Serving.TARGET:
        way_back = Outcome.INCONCLUSIVE
    outcome = derive_rehearsal(deployed=_exited_well(steps[Kind.DEPLOY]), there=there, way_back=way_back)
    says = (
        f"There: deploy command {_told(steps[Kind.DEPLOY])}; {said_there} "
        f"Back: rollback command {_told(steps[Kind.ROLL_BACK])}; {said_here}"
    )
    _end(rehearsal, outcome, " ".join([says, *left, given_up]).strip(), back=here is Serving.TARGET)


def _measured(run: ChecklistRun, version: str) -> tuple[Serving, str]:
    """Return what is served, of which `version` should be, and a sentence on that and on what is worse than before."""
    probes = list(run.probes.all())
    looks = outcomes.versions_seen(run, probes)
    serving = outcomes.what_is_served(looks, version)
    said = outcomes.sentence(version, serving, looks, probes, outcomes.what_all_say(probes))
    worse = dict.fromkeys(probe.key for probe in probes if probe.regression == Regression.YES)
    return serving, f"{said} Worse than before: {', '.join(worse)}." if worse else said


def _told(step: RehearsalStep) -> str:
    execution = step.execution
    if execution is None or execution.exit_code is None:
        return execution.command if execution else "not begun"
    return f"exit {execution.exit_code} after {step.seconds or 0:.1f} s"


@retried
def _end(rehearsal: Rehearsal, outcome: RehearsalOutcome, detail: str, *, back: bool = False) -> None:
    """Close the rehearsal: its row is the receipt. `back` says that the earlier version was measured to serve again."""
    with transaction.atomic():
        ended = Rehearsal.objects.filter(pk=rehearsal.pk, status=RehearsalStatus.RUNNING).update(
            status=RehearsalStatus.DONE,
            outcome=outcome,
            detail=detail,
            ended_at=timezone.now(),
            version=F("version") + 1,
        )
        if not ended:
            return
        was_live = queries.live_version(rehearsal.environment)
        if rehearsal.deployment is not None:
            Deployment.objects.filter(rehearsal=rehearsal, status=DeploymentStatus.STARTED).update(
                status=DeploymentStatus.FAILED, finished_at=timezone.now()
            )
        if back:
            placed = Environment.objects.filter(pk=rehearsal.environment_id, live=rehearsal.deployment_id)
            placed.update(live=rehearsal.back_to_id)
        look_soon(rehearsal.environment)
        book.record(
            Tag.REHEARSAL_DONE,
            actors.worker(),
            about=rehearsal.tag,
            environment=rehearsal.environment,
            outcome=outcome.value,
            version=rehearsal.release.version,
            detail=detail,
            commands=rehearsal.commands,
            before={"status": RehearsalStatus.RUNNING, "live": was_live},
            after={"status": RehearsalStatus.DONE, "live": queries.live_version(rehearsal.environment)},
        )


def _wait(rehearsal: Rehearsal, why: str) -> None:
    _changed(rehearsal, detail=f"Waiting: {why}")


def _changed(rehearsal: Rehearsal, **fields: object) -> None:
    Rehearsal.objects.filter(pk=rehearsal.pk).update(version=F("version") + 1, **fields)
