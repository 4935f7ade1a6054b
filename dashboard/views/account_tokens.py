"""Making an API token of one's own; its text is on the answer to the press, and nowhere else."""

import uuid
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from dashboard.passwords import check_entry, entry_is_old
from dashboard.requests import actor_of, page
from dashboard.sessions import keeps_form, kept_form
from dashboard.views.errors import with_retry_after
from releases.errors import Refused
from releases.intake import SCOPES, TokenSpec, from_text
from releases.models import Service, User
from releases.services.tokens import make_token

DAYS = [("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "never")]
BEGINNING = {"days": "90", "scopes.read": "yes"}


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@page
def new(request: HttpRequest) -> HttpResponse:
    """Ask what the token is for; a POST makes it and shows its text, once."""
    if request.method != "POST":
        return _form(request, kept_form(request) or BEGINNING)
    actor = actor_of(request)
    assert isinstance(actor.user, User)
    given = request.POST.dict()
    try:
        asked = {name: given.get(name, "") for name in ("name", "service", "days")}
        spec = from_text(TokenSpec, asked | {"scopes": _ticked(given)})
        check_entry(request)
        token, text = make_token(actor.user, spec, actor=actor, key=given.get("key", ""))
    except Refused as refusal:
        return _form(request, given, refusal)
    return render(request, "account_token_made.html", {"token": token, "text": text})


def _ticked(given: Mapping[str, str]) -> list[str]:
    return [scope for scope in SCOPES if given.get(f"scopes.{scope}")]


def _form(request: HttpRequest, given: Mapping[str, str], refusal: Refused | None = None) -> HttpResponse:
    services = Service.objects.filter(listed=True).order_by("key").values_list("key", "title")
    context = {
        "given": {name: given.get(name, "") for name in ("name", "service", "days")},
        "key": given.get("key") or str(uuid.uuid4()),
        "ticked": _ticked(given),
        "scopes": [(scope, f"{words} ({scope})") for scope, words in SCOPES.items()],
        "services": [("", "all services"), *((key, f"{key} - {title}") for key, title in services)],
        "days": DAYS,
        "asks_password": entry_is_old(request),
        "problems": refusal.problems if refusal else (),
    }
    answer = render(request, "account_token_new.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(answer, refusal)
