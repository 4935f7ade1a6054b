"""Running a checklist or a probe again, and accepting what one found."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.permits import may, whom_to_ask
from dashboard.requests import actor_of, page
from dashboard.returning import answered, came_from
from dashboard.sessions import keeps_form, keeps_words, kept_form
from releases.errors import Invalid
from releases.intake import AcceptSpec, LiftSpec, RunAgainSpec, from_text
from releases.models import Acceptance, Deployment, Finding
from releases.queries.answers import acceptances_for, identity_of
from releases.services.acceptances import accept_finding, withdraw_acceptance
from releases.services.run_again import run_again
from releases.states import Level

FOR_RELEASE, UNTIL_DAY = "release", "until"


def _page_of_it(request: HttpRequest, service: str, environment: str) -> str:
    return came_from(request) or reverse("environment", args=[service, environment])


@require_POST
@keeps_words(_page_of_it)
@page
def again(request: HttpRequest, service: str, environment: str) -> HttpResponse:
    """Queue the checklist of what is live, or one probe of it, and lead to where its answers will stand."""
    asked = {"service": service, "environment": environment, "probes": request.POST.getlist("probe")}
    run = run_again(from_text(RunAgainSpec, asked), actor=actor_of(request), key=request.POST.get("key", ""))
    assert run.deployment is not None, "only what is live is checked again"
    return answered(request, _checklist_address(run.deployment), "Checklist runs again:", str(run.environment))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a finding with what accepting it means; a POST with a reason accepts it."""
    finding = _finding(pk)
    if request.method != "POST":
        return _accept_page(request, finding, kept_form(request))
    given = {name: request.POST.get(name, "") for name in ("reason", "scope", "until")}
    until = given["until"] if given["scope"] == UNTIL_DAY else ""
    try:
        if given["scope"] == UNTIL_DAY and not until:
            until = "no day"
        accept_finding(pk, from_text(AcceptSpec, {"reason": given["reason"], "until": until}), actor=actor_of(request))
    except Invalid as refusal:
        return _accept_page(request, finding, given, refusal)
    return _to_checklist(_deployment_of(finding))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(lambda request, pk: reverse("acceptance_withdraw", args=[pk]), field="reason")
@page
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an acceptance; a POST with a reason ends it."""
    acceptance = _acceptance(pk)
    refusal: Invalid | None = None
    if request.method == "POST":
        try:
            spec = from_text(LiftSpec, {"reason": request.POST.get("reason", "")})
            if withdraw_acceptance(acceptance, spec, actor=actor_of(request)):
                return _to_checklist(_deployment_of(acceptance.finding))
            acceptance = _acceptance(pk)
        except Invalid as refused:
            refusal = refused
    ended_before = request.method == "POST" and refusal is None
    context = {
        "at": timezone.now(),
        "acceptance": acceptance,
        "back": _checklist_address(_deployment_of(acceptance.finding)),
        "may": may(request, "accept_finding", acceptance.environment.service.key),
        "who_may": whom_to_ask(request, "accept_finding", acceptance.environment.service.key),
        "typed": request.POST.get("reason", ""),
        "problems": refusal.problems if refusal else (),
    }
    status = refusal.status if refusal else 409 if ended_before else 200
    return render(request, "acceptance_withdraw.html", context, status=status)


def _accept_page(
    request: HttpRequest, finding: Finding, given: dict[str, str], refusal: Invalid | None = None
) -> HttpResponse:
    deployment = _deployment_of(finding)
    standing = acceptances_for(deployment).get(identity_of(finding.probe_run.key, finding))
    context = {
        "at": timezone.now(),
        "finding": finding,
        "deployment": deployment,
        "standing": standing,
        "back": _checklist_address(deployment),
        "given": {"reason": "", "until": "", "scope": FOR_RELEASE} | given,
        "scopes": [
            (FOR_RELEASE, f"for {deployment.release.version} only"),
            (UNTIL_DAY, "until the end of a day (UTC)"),
        ],
        "may": may(request, "accept_finding", deployment.environment.service.key),
        "who_may": whom_to_ask(request, "accept_finding", deployment.environment.service.key),
        "problems": refusal.problems if refusal else (),
    }
    return render(request, "finding_accept.html", context, status=refusal.status if refusal else 200)


def _finding(pk: int) -> Finding:
    found = Finding.objects.select_related(
        "probe_run__run__deployment__release__service", "probe_run__run__deployment__environment__service"
    )
    finding = get_object_or_404(found, pk=pk)
    if finding.probe_run.run.deployment is None or finding.level == Level.NOTE:
        raise Http404
    return finding


def _acceptance(pk: int) -> Acceptance:
    found = Acceptance.objects.select_related(
        "release",
        "environment__service",
        "environment__live__environment",
        "finding__probe_run__run__deployment__release__service",
        "finding__probe_run__run__deployment__environment__service",
    )
    return get_object_or_404(found, pk=pk)


def _deployment_of(finding: Finding) -> Deployment:
    deployment = finding.probe_run.run.deployment
    assert deployment is not None, "only findings about a deployment are shown here"
    return deployment


def _checklist_address(deployment: Deployment) -> str:
    return f"{reverse('release', args=[deployment.release_id])}?deployment={deployment.pk}#checklist"


def _to_checklist(deployment: Deployment) -> HttpResponse:
    return HttpResponseRedirect(_checklist_address(deployment), status=303)
