"""Reporting a deployment's start and finish by hand."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboard.permits import may, whom_to_ask
from dashboard.requests import actor_of, page
from dashboard.sessions import keeps_form, kept_form
from releases.errors import Invalid, Problem, Refused
from releases.intake import FinishSpec, StartSpec, from_text
from releases.models import Deployment, Environment, Freeze, Release
from releases.queries import active_freeze
from releases.queries.history import newest_releases
from releases.queries.standing import rollback_of
from releases.services.deployments import finish_deployment, start_deployment
from releases.states import DeploymentKind, DeploymentStatus


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def start(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    found = get_object_or_404(
        Environment.objects.select_related("service", "live__release"),
        service__key=service,
        key=environment,
        listed=True,
        service__listed=True,
    )
    if request.method != "POST":
        given = {"version": request.GET.get("version", "")} | kept_form(request)
        return _start_form(request, found, version=given["version"], key=given.get("key", ""))
    version, key = request.POST.get("version", ""), request.POST.get("key", "")
    try:
        asked = {"service": service, "environment": environment, "version": version}
        spec = from_text(StartSpec, asked | {"what_changed": request.POST.get("what_changed", "")})
        made = start_deployment(spec, actor=actor_of(request), key=key)
    except Refused as refusal:
        if refusal.status == 403:
            raise
        return _start_form(request, found, version=version, key=key, refusal=refusal)
    return _to_its_checklist(made)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(
        Deployment.objects.select_related("release__service", "environment__service", "rollback"), pk=pk
    )
    if request.method != "POST" or found.kind == DeploymentKind.ROLLBACK:
        # The machinery that runs a rollback reports its end; a person never does.
        return _finish_form(request, found, status=200 if request.method != "POST" else 409)
    try:
        made = finish_deployment(pk, _finish_spec(request), actor=actor_of(request), key=request.POST.get("key", ""))
    except Refused as refusal:
        if refusal.status == 403:
            raise
        found.refresh_from_db()
        return _finish_form(request, found, refusal=refusal, status=refusal.status)
    return _to_its_checklist(made)


def _start_form(
    request: HttpRequest, environment: Environment, *, version: str, key: str = "", refusal: Refused | None = None
) -> HttpResponse:
    problems = list(refusal.problems) if refusal else []
    if any(problem.field not in ("version", "environment", "what_changed") for problem in problems):
        key = ""
    freeze = refusal.made if refusal and isinstance(refusal.made, Freeze) else active_freeze(environment)
    return render(
        request,
        "deployment_start.html",
        {
            "environment": environment,
            "version": version,
            "versions": [row.release.version for row in newest_releases(environment.service) if not row.release.bad],
            "key": key or str(uuid.uuid4()),
            # The freeze is told once, in its own words and with the way to lift it.
            "problems": [
                replace(problem, field=problem.field if problem.field in ("version", "what_changed") else "")
                for problem in problems
                if problem.code != "environment_frozen"
            ],
            "freeze": freeze,
            "refused": bool(refusal),
            "what_changed": request.POST.get("what_changed", ""),
            "asks_what_changed": asks_what_changed(problems, request),
            "existing": refusal.made if refusal and isinstance(refusal.made, Release) else None,
            "may_report": may(request, "report_deployment", environment.service.key),
            "who_may_report": whom_to_ask(request, "report_deployment", environment.service.key),
            "may_lift": may(request, "lift_freeze", environment.service.key),
            "who_may_lift": whom_to_ask(request, "lift_freeze", environment.service.key),
        },
        status=refusal.status if refusal else 200,
    )


def asks_what_changed(problems: Sequence[Problem], request: HttpRequest) -> bool:
    """Whether the form asks why a bad release is deployed again: once it was refused for that, or answered."""
    return any(problem.code == "release_is_bad" for problem in problems) or bool(request.POST.get("what_changed"))


def _finish_form(
    request: HttpRequest, deployment: Deployment, *, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    freeze = active_freeze(deployment.environment) if deployment.status == DeploymentStatus.STARTED else None
    kept = kept_form(request)
    return render(
        request,
        "deployment_finish.html",
        {
            "deployment": deployment,
            "rollback": rollback_of(deployment),
            "open": deployment.status == DeploymentStatus.STARTED and deployment.kind == DeploymentKind.DEPLOYMENT,
            "freeze": freeze,
            "key": kept.get("key") or str(uuid.uuid4()),
            "succeeded": kept.get("succeeded", ""),
            "problems": list(refusal.problems) if refusal else [],
            "may_report": may(request, "report_deployment", deployment.environment.service.key),
            "who_may_report": whom_to_ask(request, "report_deployment", deployment.environment.service.key),
        },
        status=status,
    )


def _finish_spec(request: HttpRequest) -> FinishSpec:
    """Read how it ended. A form without an answer must not count as a success, which the spec's default is."""
    answer = request.POST.get("succeeded", "")
    if not answer:
        raise Invalid(
            Problem("missing", "succeeded is missing.", "whether the deployment succeeded", field="succeeded")
        )
    return from_text(FinishSpec, {"succeeded": answer})


def _to_its_checklist(deployment: Deployment) -> HttpResponse:
    """Lead to the release with this deployment's checklist in sight; 303, so that a reload sends nothing again."""
    response = redirect(f"{reverse('release', args=[deployment.release_id])}?deployment={deployment.pk}#checklist")
    response.status_code = 303
    return response
