"""What became of a rollback, computed from three facts: its command, what is served, what the probes say."""

from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.utils import timezone

from releases import actor as actors, book, queries
from releases.book import Tag
from releases.models import ChecklistRun, Deployment, Environment, Execution, Finding, ProbeRun, Rollback
from releases.probes import registry
from releases.probes.registry import SERVING_VERSION
from releases.queries.probe_counts import all_looks, out_of
from releases.services import messages
from releases.services.commands import look_soon
from releases.services.rollback_rows import moved_from
from releases.states import (
    GOOD,
    About,
    CommandState,
    DeploymentStatus,
    Level,
    Outcome,
    ProbesSay,
    Regression,
    RollbackStatus,
    Serving,
    Verdict,
    derive_outcome,
)

Look = dict[str, str | None]
"""Version by instance as one look at the serving version saw it."""
NAMED = 3
"""How many things of one kind a rollback's sentence names; its page has them all."""


def settle_outcome(run: ChecklistRun) -> None:
    """End the rollback that this restore run belongs to. In the transaction that settles the run."""
    rollback = (
        Rollback.objects.select_related(
            "environment__service", "execution", "purge_execution", "undone__release", "target__release", "deployment"
        )
        .filter(restore_run=run)
        .first()
    )
    if rollback is None:
        return
    probes = list(run.probes.all())
    looks = versions_seen(run, probes)
    serving = what_is_served(looks, rollback.target.release.version)
    say = what_probes_say(probes)
    exit_code = rollback.execution.exit_code if rollback.execution else None
    gaps = what_was_left_out(rollback, probes)
    outcome = derive_outcome(
        command=CommandState(rollback.command),
        exit_code=exit_code,
        stopped=bool(rollback.stop_requested_by),
        serving=serving,
        probes=say,
        complete=not gaps,
    )
    differs = what_the_way_back_lacks(probes) if say is ProbesSay.BUT_THE_WAY_BACK else []
    detail = " ".join([sentence(rollback.target.release.version, serving, looks, probes, say), *gaps, *differs])
    end_rollback(rollback, outcome=outcome, serving=serving, detail=detail)


def what_was_left_out(rollback: Rollback, probes: Iterable[ProbeRun]) -> list[str]:
    """Say what keeps a good rollback from being whole.

    Routes that were not purged though they should have been, probes that were not asked, processes left behind.
    """
    gaps = left_behind(rollback.execution)
    purge = rollback.purge_execution
    if rollback.purge_wanted and rollback.routes_to_purge and (purge is None or purge.exit_code != 0):
        named = purge.problem if purge is not None and purge.problem else ""
        gaps.append(named or f"Not purged: {', '.join(rollback.routes_to_purge)}.")
    asked = {probe.key for probe in probes}
    missing = [key for key in rollback.environment.checklist if key not in asked]
    if missing:
        gaps.append(f"Left out: {', '.join(missing)}.")
    return gaps


def left_behind(execution: Execution | None) -> list[str]:
    """Name the processes that a command left running: nobody knows what they still do, and they hold its lock."""
    found = execution.left_behind if execution is not None else []
    return [f"Left behind by the command: {_first(found)}."] if found else []


def what_the_way_back_lacks(probes: Iterable[ProbeRun]) -> list[str]:
    """Say what the probes of the way back found that keeps them from being good."""
    asked = [probe.pk for probe in probes if registry.about(probe.key) is About.WAY_BACK]
    found = Finding.objects.filter(probe_run__in=asked).exclude(level=Level.NOTE).order_by("already_failing", "pk")
    sentences = list(found.values_list("sentence", flat=True))
    return [f"The way back from here: {_first(sentences)}."] if sentences else []


def end_rollback(rollback: Rollback, *, outcome: Outcome, serving: Serving, detail: str) -> bool:
    """Close a rollback with its outcome; return whether this call closed it. In the caller's transaction."""
    was = moved_from(
        rollback,
        RollbackStatus.DONE,
        outcome=outcome,
        serving=serving,
        detail=detail,
        ended_at=timezone.now(),
    )
    if was is None:
        return False
    was_live = queries.live_version(rollback.environment)
    _close_deployment(rollback, serving)
    look_soon(rollback.environment)
    messages.tell_outcome(rollback)
    book.record(
        Tag.ROLLBACK_DONE,
        actors.worker(),
        about=rollback.tag,
        environment=rollback.environment,
        outcome=outcome,
        serving=serving,
        command=rollback.command,
        detail=detail,
        before={"status": was, "live": was_live},
        after={"status": rollback.status, "live": queries.live_version(rollback.environment)},
    )
    return True


def versions_seen(run: ChecklistRun, probes: Iterable[ProbeRun]) -> list[Look]:
    """Return what each look at the serving version saw, by instance; None where an instance did not answer."""
    expected = dict.fromkeys(instance["name"] for instance in run.settings["instances"])
    return [expected | (probe.figures.get("versions") or {}) for probe in probes if probe.key == SERVING_VERSION]


def what_is_served(looks: Iterable[Look], target: str) -> Serving:
    """Compare every version seen with the target; an instance that did not answer keeps it from being certain."""
    versions = [version for look in looks for version in look.values()]
    measured = {version for version in versions if version is not None}
    if measured == {target}:
        return Serving.TARGET if None not in versions else Serving.NOT_MEASURED
    if not measured:
        return Serving.NOT_MEASURED
    return Serving.MIXED if target in measured else Serving.OTHER


def what_probes_say(probes: Iterable[ProbeRun]) -> ProbesSay:
    """Put the other probes' answers into one word.

    Those that speak of the way back only keep good answers from being simply good: whether one could go back from here
    says nothing about what was brought back.
    """
    found = list(probes)
    of_the_way_back = [probe for probe in found if registry.about(probe.key) is About.WAY_BACK]
    of_service = what_all_say(probe for probe in found if probe not in of_the_way_back)
    if of_service not in GOOD:
        return of_service
    return what_all_say(found) if what_all_say(of_the_way_back) in GOOD else ProbesSay.BUT_THE_WAY_BACK


def what_all_say(probes: Iterable[ProbeRun]) -> ProbesSay:
    """Put the other probes' answers into one word, each in full. A failure that the target had before is as before."""
    answers = [probe for probe in probes if probe.key != SERVING_VERSION and probe.verdict != Verdict.SKIPPED]
    failing = {Regression(probe.regression) for probe in answers if probe.verdict == Verdict.FAIL}
    if Regression.YES in failing:
        return ProbesSay.WORSE
    if Regression.UNKNOWN in failing:
        return ProbesSay.FAILING
    if any(probe.verdict == Verdict.ERROR for probe in answers):
        return ProbesSay.NOT_MEASURED
    if any(probe.verdict == Verdict.INCONCLUSIVE for probe in answers):
        return ProbesSay.TOO_LITTLE
    if any(probe.regression == Regression.YES for probe in answers):
        return ProbesSay.DIFFERENT
    compared = answers and all(probe.regression == Regression.NO for probe in answers)
    return ProbesSay.AS_BEFORE if compared else ProbesSay.PASSING


def sentence(target: str, serving: Serving, looks: list[Look], probes: list[ProbeRun], say: ProbesSay) -> str:
    """Say in one line what is served, of which `target` should be, and what the probes found."""
    served = {
        Serving.TARGET: f"{target} serves on every instance",
        Serving.MIXED: f"Only some instances serve {target}: {_other_instances(looks, target)}",
        Serving.OTHER: f"No instance serves {target}: {_other_instances(looks, target)}",
        Serving.NOT_MEASURED: f"Which version serves could not be measured{_silent_instances(looks)}",
    }[serving]
    if all(probe.key == SERVING_VERSION for probe in probes):
        return f"{served}."
    return f"{served}; {out_of(all_looks(probes, _as_it_should_be), probes, 'as they should be')} ({say})."


def _as_it_should_be(look: ProbeRun) -> bool:
    return look.verdict == Verdict.PASS or (look.verdict == Verdict.FAIL and look.regression == Regression.NO)


def _first(found: Sequence[str]) -> str:
    more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
    return "; ".join([*(each.rstrip(".") for each in found[:NAMED]), *more])


def _silent_instances(looks: list[Look]) -> str:
    silent = dict.fromkeys(name for look in looks for name, version in look.items() if version is None)
    return f" everywhere: {', '.join(silent)} did not answer" if silent else ""


def _other_instances(looks: list[Look], target: str) -> str:
    others = {name: version for look in looks for name, version in look.items() if version != target}
    return ", ".join(f"{name} serves {version or 'nothing measurable'}" for name, version in others.items())


def _close_deployment(rollback: Rollback, serving: Serving) -> None:
    """Record the deployment that the rollback was: live if its version serves, failed if it does not.

    Where nothing could be measured the command's own exit decides what is *recorded*; the outcome says that it is not
    known.
    """
    deployment = rollback.deployment
    if deployment is None:
        return
    exited_well = rollback.execution is not None and rollback.execution.exit_code == 0
    in_place = serving is Serving.TARGET or (serving is Serving.NOT_MEASURED and exited_well)
    status = DeploymentStatus.FINISHED if in_place else DeploymentStatus.FAILED
    # One that is measured again was closed before, perhaps the other way round.
    closed = (
        Deployment.objects.filter(pk=deployment.pk)
        .exclude(status=status)
        .update(status=status, finished_at=rollback.command_ended_at or timezone.now())
    )
    was, now = (deployment.replaced_id, deployment.pk) if in_place else (deployment.pk, deployment.replaced_id)
    recorded = Q(live=was)
    if serving is Serving.TARGET:  # a deployment may have been reported meanwhile; this was measured after it
        recorded |= Q(live__during_rollback=rollback.tag)
    if closed:
        Environment.objects.filter(recorded, pk=deployment.environment_id).update(live=now)
