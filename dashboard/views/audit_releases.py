"""The auditor's desk: everything that is kept about one release, as one page that can be printed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from dashboard.views.audit import desk
from releases.intake import REASONS
from releases.models import Release
from releases.queries.audit_release import everything_about
from releases.queries.book_state import book_state


@desk
def release(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Release.objects.select_related("service"), pk=pk)
    context = {
        "at": timezone.now(),
        "state": book_state(),
        "release": found,
        "all": everything_about(found),
        "reasons": REASONS,
    }
    return render(request, "audit_release.html", context)
