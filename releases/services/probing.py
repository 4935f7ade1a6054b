"""Running one probe on a worker: claim its row, give it what it may use, keep what it answered."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from django.db import transaction
from django.db.models import Exists, F, QuerySet
from django.utils import timezone
from pydantic import ValidationError

from releases.catalogue import CatalogueError, UnknownPlace
from releases.display import visible
from releases.executor import LockHeld, run
from releases.http import Deadline, Door
from releases.models import ChecklistRun, Environment, Finding, ProbeRun
from releases.probes import registry
from releases.probes.base import (
    Account,
    Answer,
    Before,
    CommandResult,
    Context,
    Instance,
    Probe,
    Purging,
)
from releases.probes.registry import SERVING_VERSION
from releases.secrets import SecretError, resolve
from releases.services import checklists, logs, places, sources
from releases.services.commands import CannotRender, command_named
from releases.services.leases import Heartbeat
from releases.services.purging import purge_request
from releases.services.rehearsal_facts import facts_for, why_not_asked
from releases.services.retrying import retried
from releases.services.rollback_facts import rollback_facts_for
from releases.states import Level, ProbeStatus, Regression, RunStatus, Verdict

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.5
"""Shortest pause between two writes of a probe's progress."""
FINDINGS_LIMIT = 100
"""How many findings of one answer are kept."""
FAILED_INSIDE = "probe_failed"
"""Finding of a probe that raised: our fault, said as such, never a pass."""
CANNOT_PREPARE = "could_not_prepare"


class CannotPrepare(Exception):
    """The worker lacks something that the probe needs; the message is a sentence."""


def run_probe(probe_run_id: int) -> None:
    """Measure for one queued probe row and settle its run. A lost claim does nothing."""
    row = ProbeRun.objects.select_related("run__environment__service", "run__deployment__release").get(pk=probe_run_id)
    # The run's status is asked for by a subquery: with a join Django would put all conditions into one, which
    # PostgreSQL does not look at again after it waited for another claim, and both claims would win.
    running = ChecklistRun.objects.filter(pk=row.run_id, status=RunStatus.RUNNING)
    claimed = ProbeRun.objects.filter(Exists(running), pk=row.pk, status=ProbeStatus.QUEUED, fence=row.fence).update(
        status=ProbeStatus.RUNNING,
        fence=row.fence + 1,
        attempts=F("attempts") + 1,
        started_at=timezone.now(),
        done=0,
        total=0,
        doing="",
    )
    if not claimed:
        return
    row.fence += 1
    mine = partial(_held, row)
    with Heartbeat(mine) as heartbeat:
        answer, extra = _measure(row, mine, heartbeat.should_stop)
    if _keep(row, mine, answer, extra):
        checklists.settle_run(row.run_id)


def _measure(
    row: ProbeRun, mine: Callable[[], QuerySet[ProbeRun]], should_stop: Callable[[], str]
) -> tuple[Answer, Finding | None]:
    """Return the probe's answer, or an empty one with the finding that says why there is none."""
    try:
        probe = _probe(row.key)
        context = _context(row, probe, mine, should_stop)
    except CannotPrepare as error:
        return Answer(), _own_finding(
            CANNOT_PREPARE, str(error), "Mend it on the worker, then run the checklist again."
        )
    try:
        with context.door:
            answer = probe.measure(context)
            _ = [finding.sentence for finding in answer.findings]  # one that cannot be said fails here, not in `_keep`
            return answer, None
    except Exception as error:  # a probe that raises must not end the worker, nor be a pass
        log.exception("probe %s failed in %s", row.key, row.run)
        sentence = f"Could not measure: the probe itself failed with {type(error).__name__}."
        return Answer(), _own_finding(FAILED_INSIDE, sentence, "This is a fault of Rollbook; its log has the details.")


@retried
def _keep(row: ProbeRun, mine: Callable[[], QuerySet[ProbeRun]], answer: Answer, extra: Finding | None) -> bool:
    """Write the answer in a transaction of its own, if the lease still holds; return whether it did."""
    before = _before(row)
    with transaction.atomic():
        kept = mine().update(
            status=ProbeStatus.DONE,
            verdict=Verdict.ERROR if extra else answer.verdict,
            regression=Regression.UNKNOWN if extra else answer.regression,
            skipped=visible(answer.skipped)[:300],
            figures=_storable(dict(answer.figures)),
            finished_at=timezone.now(),
        )
        if not kept:
            return False
        if extra is not None:
            extra.probe_run = row
            extra.save()
        Finding.objects.bulk_create(
            Finding(
                probe_run=row,
                kind=finding.kind.id,
                subject=visible(finding.subject),
                level=finding.kind.level,
                sentence=visible(finding.sentence),
                hint=finding.kind.hint,
                evidence=_storable(dict(finding.evidence)),
                already_failing=before is not None and finding.identity in before.failing,
            )
            for finding in answer.findings[:FINDINGS_LIMIT]
        )
        versions = answer.figures.get("versions")
        if row.key == SERVING_VERSION and isinstance(versions, Mapping):
            Environment.objects.filter(pk=row.run.environment_id).update(
                observed=dict.fromkeys(instance["name"] for instance in row.run.settings["instances"])
                | _storable(dict(versions)),
                observed_at=timezone.now(),
            )
    return True


def _probe(key: str) -> Probe[Any]:
    """Return the probe of a row, which another version of Rollbook may have queued."""
    try:
        return registry.get(key)
    except registry.UnknownProbe as error:
        raise CannotPrepare(f"This worker does not know the probe: {error}.") from None


def _context(
    row: ProbeRun, probe: Probe[Any], mine: Callable[[], QuerySet[ProbeRun]], should_stop: Callable[[], str]
) -> Context[Any]:
    run_row, environment = row.run, row.run.environment
    snapshot = run_row.settings
    try:
        place = places.place(environment)
        settings = probe.settings_model.model_validate(snapshot["checklist"][row.key])
        accounts = tuple(
            Account(account.name, resolve(account.username), resolve(account.password), account.marker)
            for account in (place.accounts if probe.needs_accounts(settings) else ())
        )
    except (places.NoCatalogue, CatalogueError, UnknownPlace, SecretError) as error:
        raise CannotPrepare(str(error)) from None
    except ValidationError:
        raise CannotPrepare(f"The settings of {row.key} do not fit this version of the probe.") from None
    deployment = run_row.deployment
    return Context(
        service=environment.service.key,
        environment=environment.key,
        edge=snapshot["base_url"],
        instances=tuple(Instance(each["name"], each["url"], each.get("host", "")) for each in snapshot["instances"]),
        production=environment.production,
        expected_version=run_row.expected_version or None,
        affected_routes=tuple(deployment.release.affected_routes) if deployment else (),
        settings=settings,
        accounts=accounts,
        purging=cast(Purging, place.purging_method),
        purge_calls=partial(purge_request(place).calls, snapshot["base_url"]),
        door=Door(allow_private=snapshot["allow_private"], deadline=Deadline.after(probe.deadline)),
        run_command=partial(_run_command, row, should_stop),
        rollback_facts=partial(rollback_facts_for, run_row),
        rehearsal_facts=partial(facts_for, run_row),
        rehearsing=why_not_asked(run_row),
        before=_before(row),
        progress=_progress(mine),
        open_log=partial(logs.open_log, environment),
        read_configuration=partial(sources.read_configuration, environment),
        configuration_of=partial(sources.configuration_of, environment),
        keyed_digest=sources.keyed_digest,
    )


def _before(row: ProbeRun) -> Before | None:
    """Return what the same probe answered in the run that this one is compared with."""
    if row.run.compared_with_id is None:
        return None
    earlier = ProbeRun.objects.filter(run=row.run.compared_with_id, key=row.key, repeat=row.repeat).first()
    if earlier is None:
        return None
    failing = frozenset(finding.identity for finding in earlier.findings.filter(level=Level.FAIL))
    return Before(verdict=Verdict(earlier.verdict), failing=failing, figures=earlier.figures)


def _progress(mine: Callable[[], QuerySet[ProbeRun]]) -> Callable[[int, int, str], None]:
    last = 0.0

    def write(done: int, total: int, doing: str) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            mine().update(done=done, total=total, doing=visible(doing)[:200])

    return write


def _run_command(row: ProbeRun, should_stop: Callable[[], str], name: str, values: Mapping[str, str]) -> CommandResult:
    """Run a catalogue command for a probe, under the environment's lock and within the probe's deadline.

    It ends as soon as the probe's lease is taken away, so that it keeps no rollback waiting for the lock.
    """
    run_row, environment = row.run, row.run.environment
    live = Environment.objects.select_related("live__release").get(pk=environment.pk).live
    target = run_row.deployment or live
    if target is None:
        return CommandResult(exit_code=None, output="There is no deployment to run the command for.", seconds=0)
    began = time.monotonic()
    deadline = registry.get(row.key).deadline
    try:
        command = command_named(name, environment, target, values.get("route", ""))
        with places.lock_of(environment).acquire(f"{name} for {run_row.tag}") as lock:
            result = run(
                command,
                lock=lock,
                execution_id=f"P-{row.pk}",
                secrets=places.secrets_to_mask(environment),
                on_output=lambda _: None,
                should_stop=lambda: (
                    should_stop() or ("the probe's deadline" if time.monotonic() - began > deadline else "")
                ),
                passed_environment=places.passed_environment(),
            )
    except (CannotRender, LockHeld) as error:
        return CommandResult(exit_code=None, output=str(error), seconds=time.monotonic() - began)
    return CommandResult(
        exit_code=result.exit_code, output=result.output or result.problem, seconds=time.monotonic() - began
    )


def _held(row: ProbeRun) -> QuerySet[ProbeRun]:
    return ProbeRun.objects.filter(pk=row.pk, fence=row.fence, status=ProbeStatus.RUNNING)


def _own_finding(kind: str, sentence: str, hint: str) -> Finding:
    return Finding(kind=kind, subject="", level=Level.ERROR, sentence=visible(sentence), hint=hint)


def _storable(value: Any) -> Any:
    """Return JSON data without characters that PostgreSQL's jsonb refuses or that act on a page."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such numbers
    return value
