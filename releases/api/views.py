"""The calls of the JSON face."""

import threading
import time
from typing import TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from releases.actor import Actor
from releases.api import shapes
from releases.api.door import api_view, body_of
from releases.api.way_back import way_back_json
from releases.errors import DO_NOT_RETRY, NotFound, Problem
from releases.intake import (
    AcceptSpec,
    FinishSpec,
    LiftSpec,
    RehearseSpec,
    ReleaseSpec,
    RollbackSpec,
    RunAgainSpec,
    StartSpec,
    from_json,
)
from releases.models import Acceptance, ChecklistRun, Deployment, Rehearsal, Release, Rollback
from releases.services.acceptances import accept_finding, withdraw_acceptance
from releases.services.deployments import finish_deployment, start_deployment
from releases.services.lookups import listed_environment
from releases.services.pressing import press
from releases.services.rehearsals import rehearse
from releases.services.releases import register_release
from releases.services.run_again import run_again
from releases.states import RunStatus

POLL_SECONDS = 0.5
WAITING_LIMIT = 4
"""How many callers may be held at once in one process; each holds a thread that pages need too."""

_waiting = threading.BoundedSemaphore(WAITING_LIMIT)

T = TypeVar("T")


@api_view("POST")
def releases(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Register a release: 201 with the release; the same key again answers the same release."""
    made = register_release(from_json(ReleaseSpec, body_of(request)), actor=actor, key=_key(request))
    return JsonResponse(shapes.release_json(request, made), status=201)


@api_view("GET")
def release(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    row = Release.objects.select_related("service").filter(pk=pk).first()
    return JsonResponse(shapes.release_json(request, _found(row, f"R-{pk}")))


@api_view("POST")
def deployments(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Report a deployment's start: 202 with the baseline, held up to `wait` seconds until that was measured."""
    spec = from_json(StartSpec, body_of(request))
    made = start_deployment(spec, actor=actor, key=_key(request))
    _wait_until_done(made.baseline_id, spec.wait)
    return JsonResponse(shapes.deployment_json(request, _deployment(made.pk)), status=202)


@api_view("GET")
def deployment(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    return JsonResponse(shapes.deployment_json(request, _deployment(pk)))


@api_view("POST")
def finish(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    """Report a deployment's end: 200 with the checklist that now runs."""
    made = finish_deployment(pk, from_json(FinishSpec, body_of(request)), actor=actor, key=_key(request))
    return JsonResponse(shapes.deployment_json(request, _deployment(made.pk)))


@api_view("POST")
def checklist_runs(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Run the live deployment's checklist, or some of its probes, again: 202, held up to `wait` seconds."""
    spec = from_json(RunAgainSpec, body_of(request))
    made = run_again(spec, actor=actor, key=_key(request))
    _wait_until_done(made.pk, spec.wait)
    return JsonResponse(shapes.checklist_json(request, _run(made.pk)), status=202)


@api_view("GET")
def checklist_run(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    """Answer with every probe's answer and its findings."""
    return JsonResponse(shapes.checklist_json(request, _run(pk)))


@api_view("POST")
def acceptance(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    """Accept a finding: 201 with the acceptance."""
    made = accept_finding(pk, from_json(AcceptSpec, body_of(request)), actor=actor)
    return JsonResponse(shapes.acceptance_json(made), status=201)


@api_view("POST")
def withdraw(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    """End an acceptance: 200 with it, also when it had ended before."""
    row = Acceptance.objects.select_related(
        "release", "environment__service", "finding__probe_run__run__deployment__release__service"
    )
    found = _found(row.filter(pk=pk).first(), f"A-{pk}")
    withdraw_acceptance(found, from_json(LiftSpec, body_of(request)), actor=actor)
    found.refresh_from_db()
    return JsonResponse(shapes.acceptance_json(found))


@api_view("POST")
def rehearsals(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Have a release rehearsed: 202 with the rehearsal; ask again for its outcome."""
    made = rehearse(from_json(RehearseSpec, body_of(request)), actor=actor, key=_key(request))
    return JsonResponse(shapes.rehearsal_json(request, _rehearsal(made.pk)), status=202)


@api_view("GET")
def rehearsal(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    return JsonResponse(shapes.rehearsal_json(request, _rehearsal(pk)))


@api_view("GET")
def way_back(request: HttpRequest, actor: Actor, service: str, environment: str) -> HttpResponse:
    """Answer where a rollback would go and whether it would work, with the body of the press that has seen it."""
    place = listed_environment(service, environment)
    return JsonResponse(way_back_json(request, place, request.GET.get("to", "")))


@api_view("POST")
def rollbacks(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Press the button: 202 with the rollback; ask again for its outcome."""
    made = press(from_json(RollbackSpec, body_of(request)), actor=actor, key=_key(request))
    return JsonResponse(shapes.rollback_json(request, _rollback(made.pk)), status=202)


@api_view("GET")
def rollback(request: HttpRequest, actor: Actor, pk: int) -> HttpResponse:
    return JsonResponse(shapes.rollback_json(request, _rollback(pk)))


@api_view("GET", "POST", "PUT", "PATCH", "DELETE")
def nothing_here(request: HttpRequest, actor: Actor) -> HttpResponse:
    raise NotFound(
        Problem("not_found", f"There is nothing at {request.path}.", "an address of docs/api.md", retry=DO_NOT_RETRY)
    )


def _key(request: HttpRequest) -> str:
    return request.headers.get("Idempotency-Key", "")


def _deployment(pk: int) -> Deployment:
    row = (
        Deployment.objects.select_related("release__service", "environment__service", "baseline").filter(pk=pk).first()
    )
    return _found(row, f"D-{pk}")


def _rehearsal(pk: int) -> Rehearsal:
    row = Rehearsal.objects.select_related("environment__service", "release", "back_to__release").filter(pk=pk).first()
    return _found(row, f"RH-{pk}")


def _rollback(pk: int) -> Rollback:
    shown = Rollback.objects.select_related("environment__service", "undone__release", "target__release")
    return _found(shown.filter(pk=pk).first(), f"RB-{pk}")


def _run(pk: int) -> ChecklistRun:
    row = ChecklistRun.objects.select_related("environment__service", "deployment__release").filter(pk=pk).first()
    return _found(row, f"C-{pk}")


def _found(row: T | None, tag: str) -> T:
    if row is None:
        raise NotFound(Problem("not_found", f"There is no {tag}.", "a number that exists", got=tag, retry=DO_NOT_RETRY))
    return row


def _wait_until_done(run_id: int | None, seconds: int) -> None:
    """Hold the answer until a checklist run is done, at most so many seconds. No transaction is open meanwhile.

    Where enough others are held already it is not held at all: `wait` is a wish, and the caller may ask again.
    """
    if run_id is None or not seconds or not _waiting.acquire(blocking=False):
        return
    try:
        _poll(run_id, seconds)
    finally:
        _waiting.release()


def _poll(run_id: int, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not ChecklistRun.objects.filter(pk=run_id).exclude(status=RunStatus.DONE).exists():
            return
        time.sleep(POLL_SECONDS)
