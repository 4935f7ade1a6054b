"""Having Rollbook deploy a release, and the page of such a deployment."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.carried_out import Shown, show, show_live
from dashboard.passwords import asks_password, check_press
from dashboard.permits import may, whom_to_ask
from dashboard.requests import actor_of, fragment, page
from dashboard.sessions import keeps_form, keeps_words, kept_form
from dashboard.views.deployments import asks_what_changed
from dashboard.views.errors import with_retry_after
from releases.errors import Refused
from releases.intake import DeploySpec, from_text
from releases.models import Deployment, Environment, Rehearsal, Release, RenderedDeploy
from releases.queries import active_freeze
from releases.queries.history import newest_releases
from releases.queries.steps import moving, steps_of_deployment
from releases.services.commands import deploy_command_shown
from releases.services.deploying import deploy, stop_deployment
from releases.states import DeploymentKind, DeploymentStatus

HEADINGS = {
    DeploymentStatus.STARTED: "Deploying",
    DeploymentStatus.FINISHED: "Deployed",
    DeploymentStatus.FAILED: "Failed",
    DeploymentStatus.CANCELLED: "Cancelled",
}


def _to_the_page(request: HttpRequest, pk: int) -> str:
    return reverse("deployment", args=[pk])


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def new(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Ask which release is to be deployed, showing the command; a POST has it deployed, 303 to its page."""
    place = environment_of(service, environment)
    if request.method != "POST":
        given = {"version": request.GET.get("version", "")} | kept_form(request)
        return _form(request, place, given["version"], key=given.get("key", ""))
    version, key = request.POST.get("version", ""), request.POST.get("key", "")
    try:
        asked = {"service": service, "environment": environment, "version": version}
        asked |= {"what_changed": request.POST.get("what_changed", "")}
        spec = from_text(DeploySpec, asked | {"digest": request.POST.get("digest", "")})
        check_press(request, place)
        made = deploy(spec, actor=actor_of(request), key=key)
    except Refused as refusal:
        if refusal.status == 403:
            raise
        return _form(request, place, version, refusal=refusal)
    return see_other(reverse("deployment", args=[made.pk]))


@require_safe
@fragment
def command(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Answer the command that would run for a version, as the worker rendered it."""
    place = environment_of(service, environment)
    return render(request, "_deploy_command.html", _command(place, request.GET.get("version", "")) | {"live": True})


@require_safe
@page
def deployment(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a deployment whose command Rollbook runs; any other one is shown where it belongs."""
    row = _found(pk)
    if row.kind == DeploymentKind.ROLLBACK and hasattr(row, "rollback"):
        return redirect("rollback", row.rollback.pk)
    if row.kind == DeploymentKind.REHEARSAL:
        return redirect("rehearsal", Rehearsal.objects.values_list("pk", flat=True).get(deployment=row))
    if not row.run_here:
        return redirect(f"{reverse('release', args=[row.release_id])}?deployment={row.pk}#checklist")
    late = "Your press of Stop changed nothing" if request.GET.get("late") else ""
    return show(request, _shown(row), late)


@require_safe
@fragment
def deployment_live(request: HttpRequest, pk: int) -> HttpResponse:
    return show_live(request, _shown(_found(pk)))


@require_POST
@keeps_words(_to_the_page)
@page
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel it, or have its command ended; 303 to its page, which says so when it was too late."""
    done = stop_deployment(_found(pk), actor=actor_of(request))
    return see_other(reverse("deployment", args=[pk]) + ("" if done else "?late=stop"))


def environment_of(service: str, environment: str) -> Environment:
    """Return a listed environment with what is live there, or answer 404."""
    return get_object_or_404(
        Environment.objects.select_related("service", "live__release"),
        service__key=service,
        key=environment,
        listed=True,
        service__listed=True,
    )


def deployable(place: Environment) -> list[str]:
    """Return the newest versions that may be deployed in an environment, newest first."""
    live = place.live.release_id if place.live else None
    rows = newest_releases(place.service)
    return [row.release.version for row in rows if not row.release.bad and row.release.pk != live]


def see_other(address: str) -> HttpResponse:
    """Lead to a page by 303, so that a reload sends nothing again."""
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response


def _form(
    request: HttpRequest, place: Environment, version: str, *, key: str = "", refusal: Refused | None = None
) -> HttpResponse:
    versions = deployable(place)
    version = version or (versions[0] if versions else "")
    problems = list(refusal.problems) if refusal else []
    shown = _command(place, version)
    context: dict[str, Any] = shown | {
        "versions": versions,
        "key": key or str(uuid.uuid4()),
        "problems": problems,
        "what_changed": request.POST.get("what_changed", ""),
        "asks_what_changed": shown["is_bad"] or asks_what_changed(problems, request),
        "made": refusal.made if refusal else None,
        "has_command": "deploy" in place.command_names,
        "freeze": active_freeze(place),
        "asks_password": asks_password(request, place),
        "may_deploy": may(request, "deploy", place.service.key),
        "who_may_deploy": whom_to_ask(request, "deploy", place.service.key),
    }
    status = refusal.status if refusal else 200
    return with_retry_after(render(request, "deploy.html", context, status=status), refusal)


def _command(place: Environment, version: str) -> dict[str, Any]:
    """Return what the page shows of the command; a worker is asked to look at it where none has lately."""
    release = Release.objects.filter(service=place.service, version=version).first()
    rendered: RenderedDeploy | None = None
    if release is not None and "deploy" in place.command_names:
        rendered = deploy_command_shown(place, release)
    return {
        "environment": place,
        "version": version,
        "is_bad": release is not None and release.bad,
        "rendered": rendered,
        "at": timezone.now(),
        "live": False,
    }


def _found(pk: int) -> Deployment:
    return get_object_or_404(
        Deployment.objects.select_related(
            "release__service",
            "environment__service",
            "replaced__release",
            "baseline",
            "execution",
            "verify_run",
            "rollback",
        ),
        pk=pk,
    )


def _shown(row: Deployment) -> Shown:
    steps = steps_of_deployment(row)
    started = row.status == DeploymentStatus.STARTED
    stopping = started and bool(row.stop_requested_by)
    heading = "Stopping" if stopping else HEADINGS[DeploymentStatus(row.status)]
    word = "stopping" if stopping else "running" if started else row.status
    if not started and moving(steps):
        heading = f"{heading}, being checked"
    elif row.status == DeploymentStatus.FINISHED and row.verdict:
        word = row.verdict
    label = ""
    if started and not stopping:
        label = f"Stop the deployment to {row.environment.key}" if row.execution_id else f"Cancel {row.tag}"
    before = row.replaced.release.version if row.replaced else "nothing"
    return Shown(
        tag=row.tag,
        environment=row.environment,
        word=word,
        heading=heading,
        versions=f"{before} → {row.release.version}",
        detail=row.detail,
        by=row.reported_by,
        at=row.started_at,
        ended_at=row.finished_at,
        steps=steps,
        open=started or moving(steps),
        live_address=reverse("deployment_live", args=[row.pk]),
        stop_address=reverse("deployment_stop", args=[row.pk]),
        stop_label=label,
        release=row.release_id,
        deployment=row.pk,
        confirm_address=_confirm_address(row) if started and row.execution_id else "",
    )


def _confirm_address(row: Deployment) -> str:
    place = row.environment
    return reverse("confirm", args=[place.service.key, place.key], query={"seen": row.pk})
