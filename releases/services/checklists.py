"""Checklist runs: made with a snapshot of the settings, run in waves, settled by whoever finishes last.

The waves: the serving version; then every probe without effect, in parallel; then each `load` probe alone; then each
`cache` probe alone; then the serving version again. One run at a time per environment.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from releases import actor as actors, book
from releases.book import Tag
from releases.knocks import knock
from releases.models import ChecklistRun, Deployment, Environment, ProbeRun, RehearsalStep
from releases.probes import registry
from releases.probes.registry import SERVING_VERSION
from releases.queries.answers import JUDGING, newest_answers
from releases.services import expected_results, messages, outcomes, response_times
from releases.services.acceptances import weigh
from releases.services.commands import look_soon
from releases.services.retrying import retried
from releases.states import Effect, ProbeStatus, Purpose, Regression, RunStatus, Verdict, worst, worst_regression


def make_run(
    environment: Environment,
    *,
    purpose: Purpose,
    deployment: Deployment | None = None,
    expected_version: str = "",
    compared_with: ChecklistRun | None = None,
    reading_only: bool = False,
    only: Collection[str] | None = None,
    requested_by: str = "",
) -> ChecklistRun:
    """Write a queued run with its probes, in the caller's transaction, and knock for it.

    `reading_only` leaves out probes with an effect, for a moment when nobody knows what else is going on; `only` asks
    some of the probes, which makes the run a partial one.
    """
    run = ChecklistRun.objects.create(
        environment=environment,
        deployment=deployment,
        purpose=purpose,
        settings=_snapshot(environment),
        expected_version=expected_version,
        compared_with=compared_with,
        partial=only is not None,
        requested_by=requested_by,
        created_at=timezone.now(),
    )
    wanted = [key for key in environment.checklist if only is None or key in only]
    probes = plan_waves(wanted, reading_only=reading_only)
    ProbeRun.objects.bulk_create(
        ProbeRun(run=run, key=key, effect=effect, wave=wave, repeat=repeat) for wave, key, effect, repeat in probes
    )
    knock("begin_run", environment.probe_queue, run.pk)
    return run


def plan_waves(checklist: Iterable[str], *, reading_only: bool = False) -> list[tuple[int, str, Effect, bool]]:
    """Return (wave, key, effect, is the second look) for the probes of a checklist."""
    probes = registry.all_probes()
    wanted = [key for key in probes if key in set(checklist)]
    plain = [key for key in wanted if probes[key].effect is Effect.NONE and key != SERVING_VERSION]
    alone = [key for effect in (Effect.LOAD, Effect.CACHE) for key in wanted if probes[key].effect is effect]
    waves: list[list[tuple[str, bool]]] = []
    if SERVING_VERSION in wanted:
        waves.append([(SERVING_VERSION, False)])
    if plain:
        waves.append([(key, False) for key in plain])
    if not reading_only:
        waves += [[(key, False)] for key in alone]
    if SERVING_VERSION in wanted and len(waves) > 1:
        waves.append([(SERVING_VERSION, True)])
    return [(number, key, probes[key].effect, repeat) for number, wave in enumerate(waves) for key, repeat in wave]


def usable_baseline(deployment: Deployment) -> ChecklistRun | None:
    """Return what a deployment is compared with: its own baseline, else the latest run of what it replaced."""
    own = deployment.baseline
    if own is not None:
        own.refresh_from_db()
        if counts(own):
            return own
    standing = deployment.replaced.verify_run if deployment.replaced else None
    return standing if counts(standing) else None


def counts(run: ChecklistRun | None) -> bool:
    """Whether something may be compared with this run: settled, complete, and the version held still meanwhile."""
    settled = run is not None and run.status == RunStatus.DONE
    return settled and run is not None and not run.tainted and not run.given_up and not run.partial


@retried
def begin_run(run_id: int) -> bool:
    """Start a queued run if nothing else runs in its environment; return whether this call started it."""
    run = ChecklistRun.objects.select_related("environment__service").get(pk=run_id)
    if run.status != RunStatus.QUEUED:
        return False
    try:
        with transaction.atomic():
            started = ChecklistRun.objects.filter(pk=run_id, status=RunStatus.QUEUED).update(
                status=RunStatus.RUNNING, started_at=timezone.now()
            )
            if started:
                _queue_wave(run, 0)
    except IntegrityError:
        return False  # another run is on; its end knocks for this one
    if started and not run.probes.exists():
        settle_run(run_id)
    return bool(started)


@retried
def settle_run(run_id: int) -> None:
    """Move a run on if nothing of its wave is left: to the next wave, or to its verdict.

    Called after each probe has committed its own row, and by the sweep. One conditional update decides who acts: of two
    last probes that finish together, exactly one changes the row (asking "am I the last?" inside the probe's own
    transaction hangs on PostgreSQL, since neither sees the other).
    """
    run = ChecklistRun.objects.select_related("environment__service", "deployment__environment").get(pk=run_id)
    last = run.probes.order_by("-wave").values_list("wave", flat=True).first() or 0
    if run.status == RunStatus.RUNNING and run.wave < last:
        with transaction.atomic():
            moved = _nothing_unfinished(run).update(wave=F("wave") + 1)
            if moved:
                _queue_wave(run, run.wave + 1)
    elif run.status == RunStatus.RUNNING:
        with transaction.atomic():
            if _nothing_unfinished(run).update(status=RunStatus.DONE, finished_at=timezone.now()):
                _conclude(run)


@retried
def give_up(run: ChecklistRun | None, why: str) -> bool:
    """End a run that is not done; its verdict is inconclusive. Probes that still answer lose their lease."""
    if run is None:
        return False
    with transaction.atomic():
        ended = (
            ChecklistRun.objects.filter(pk=run.pk)
            .exclude(status=RunStatus.DONE)
            .update(
                status=RunStatus.DONE,
                finished_at=timezone.now(),
                given_up=why,
                verdict=Verdict.INCONCLUSIVE,
                regression=Regression.UNKNOWN,
            )
        )
        if ended:
            ProbeRun.objects.filter(run=run).exclude(status=ProbeStatus.DONE).update(
                status=ProbeStatus.DONE,
                verdict=Verdict.SKIPPED,
                skipped=why,
                fence=F("fence") + 1,
                finished_at=timezone.now(),
            )
            _carry_giving_up(run)
    return bool(ended)


def give_up_all(environment: Environment, why: str) -> None:
    """End every run of an environment that is not done, but never the one that measures a rollback's outcome."""
    unsettled = ChecklistRun.objects.filter(environment=environment).exclude(status=RunStatus.DONE)
    for run in unsettled.exclude(purpose=Purpose.RESTORE):
        give_up(run, why)


def _snapshot(environment: Environment) -> dict[str, Any]:
    return {
        "base_url": environment.base_url,
        "instances": environment.instances,
        "allow_private": environment.allow_private,
        "requires_rehearsal": environment.requires_rehearsal,
        "checklist": environment.checklist,
    }


def _nothing_unfinished(run: ChecklistRun) -> Any:
    unfinished = ProbeRun.objects.filter(run=OuterRef("pk"), wave__lte=run.wave).exclude(status=ProbeStatus.DONE)
    return ChecklistRun.objects.filter(~Exists(unfinished), pk=run.pk, status=RunStatus.RUNNING, wave=run.wave)


def _queue_wave(run: ChecklistRun, wave: int) -> None:
    now = timezone.now()
    waiting = ProbeRun.objects.filter(run=run, wave=wave, status=ProbeStatus.WAITING)
    ids = list(waiting.values_list("pk", flat=True))
    waiting.update(status=ProbeStatus.QUEUED, knocked_at=now)
    for pk in ids:
        knock("run_probe", run.environment.probe_queue, pk)


def _conclude(run: ChecklistRun) -> None:
    """Derive verdict and regression from the rows, and let those concerned know. In the caller's transaction."""
    probes = list(run.probes.all())
    run.verdict = worst(Verdict(probe.verdict) for probe in probes)
    run.tainted = _version_moved(outcomes.versions_seen(run, probes))
    run.regression = (
        worst_regression(
            Regression(probe.regression or Regression.UNKNOWN) for probe in probes if probe.verdict != Verdict.SKIPPED
        )
        if run.compared_with_id
        else Regression.UNKNOWN
    )
    run.status = RunStatus.DONE
    run.save(update_fields=["verdict", "tainted", "regression"])
    _carry_verdict(run)
    if run.purpose == Purpose.RESTORE:
        outcomes.settle_outcome(run)
    book.record(
        Tag.CHECKLIST_SETTLED,
        actors.worker(),
        about=run.tag,
        environment=run.environment,
        purpose=run.purpose,
        verdict=run.verdict,
        regression=run.regression,
        tainted=run.tainted,
        deployment=run.deployment.tag if run.deployment else "",
        before={"status": RunStatus.RUNNING},
        after={"status": run.status},
    )
    _let_go_on(run)
    following = ChecklistRun.objects.filter(environment=run.environment, status=RunStatus.QUEUED).order_by("id").first()
    if following is not None:
        knock("begin_run", run.environment.probe_queue, following.pk)


def _let_go_on(run: ChecklistRun) -> None:
    """Knock for what waited for this run: a deployment of ours for its baseline, a rehearsal for its next step."""
    deployment = run.deployment
    if run.purpose == Purpose.BASELINE and deployment is not None and deployment.run_here:
        knock("run_deployment", run.environment.act_queue, deployment.pk)
    rehearsal = RehearsalStep.objects.filter(run=run).values_list("rehearsal", flat=True).first()
    if rehearsal is not None:
        knock("continue_rehearsal", run.environment.act_queue, rehearsal)


def _carry_verdict(run: ChecklistRun) -> None:
    """Show a settled run's verdict on the deployment that it judged: of each probe the newest answer counts."""
    deployment = run.deployment
    if deployment is None or run.purpose not in JUDGING:
        return
    if run.partial:
        answers = newest_answers(deployment)
        deployment.verdict = worst(Verdict(answer.verdict) for answer in answers)
        deployment.regression = worst_regression(
            Regression(answer.regression or Regression.UNKNOWN)
            for answer in answers
            if answer.verdict != Verdict.SKIPPED
        )
    else:
        deployment.verify_run, deployment.verdict, deployment.regression = run, run.verdict, run.regression
    deployment.response_time = response_times.measured(deployment)
    deployment.save(update_fields=["verify_run", "verdict", "regression", "response_time"])
    weigh(deployment)
    expected_results.score(deployment)
    look_soon(run.environment)
    if deployment.verdict == Verdict.FAIL and run.purpose == Purpose.VERIFY:
        messages.tell_red(deployment, run)


def _carry_giving_up(run: ChecklistRun) -> None:
    """Say on a deployment that its first run was given up; what an earlier one has measured stays."""
    if run.deployment_id and run.purpose in JUDGING and not run.partial:
        Deployment.objects.filter(pk=run.deployment_id, verify_run=None).update(
            verify_run=run, verdict=Verdict.INCONCLUSIVE, regression=Regression.UNKNOWN
        )


def _version_moved(looks: list[outcomes.Look]) -> bool:
    """Whether the versions served before and after differ, or were not both measured everywhere."""
    return len(looks) == 2 and (looks[0] != looks[1] or not looks[0] or None in looks[0].values())
