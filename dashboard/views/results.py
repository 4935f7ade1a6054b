"""Saying whether an expected result came true that no probe can tell."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboard.permits import may, whom_to_ask
from dashboard.requests import actor_of, page
from dashboard.returning import answered, came_from, keeping
from dashboard.sessions import keeps_words
from releases.errors import Invalid
from releases.intake import ConfirmSpec, from_text
from releases.models import Release
from releases.queries.expected_results import newest_served, results_of
from releases.services.expected_results import confirm_result

CAME_TRUE = [("true", "It came true"), ("false", "It did not come true")]


def _this_page(request: HttpRequest, pk: int, number: int) -> str:
    return keeping(request, reverse("result_confirm", args=[pk, number]))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_words(_this_page, field="note")
@page
def confirm(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Show one expected result; a POST says whether it came true, and by what that was seen."""
    release = get_object_or_404(Release.objects.select_related("service"), pk=pk)
    result = next((each for each in results_of(release, None) if each.number == number), None)
    if result is None or result.promised.criterion is not None:
        raise Http404
    given = {name: request.POST.get(name, "") for name in ("came_true", "note")}
    refusal: Invalid | None = None
    if request.method == "POST":
        try:
            made = confirm_result(release, number, from_text(ConfirmSpec, given), actor=actor_of(request))
        except Invalid as refused:
            refusal = refused
        else:
            said = "Kept that it came true:" if made.came_true else "Kept that it did not come true:"
            return answered(request, f"{release.get_absolute_url()}#promised", said, str(release))
    context = {
        "at": timezone.now(),
        "release": release,
        "result": result,
        "served": newest_served(release),
        "options": CAME_TRUE,
        "given": given,
        "may": may(request, "confirm_result", release.service.key),
        "who_may": whom_to_ask(request, "confirm_result", release.service.key),
        "problems": refusal.problems if refusal else (),
        "back": came_from(request),
    }
    return render(request, "result_confirm.html", context, status=refusal.status if refusal else 200)
