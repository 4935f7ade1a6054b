"""A person's own page: who they are here, what they may do, where they are signed in, and the zone of their times."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard import zones
from dashboard.permits import WORDS
from dashboard.requests import actor_of, page
from dashboard.sessions import keeps_words
from dashboard.user_agents import device_name
from releases.errors import Invalid, Refused
from releases.intake import ZoneSpec, from_text
from releases.models import ApiToken, User, UserSession
from releases.services.people import set_time_zone
from releases.services.sessions import end_sessions
from releases.services.tokens import revoke_token
from releases.zones import zone_names

SESSIONS_SHOWN = 50
"""The ones that were used last."""
TOKENS_SHOWN = 50
"""The newest ones; who has more sees the rest by `manage.py revoke_token`."""


def _to_the_account(request: HttpRequest, **_: int) -> str:
    return reverse("account")


@require_safe
@page
def account(request: HttpRequest) -> HttpResponse:
    """Show the signed-in person their own account."""
    return _shown(request)


@require_POST
@keeps_words(_to_the_account)
@page
def zone(request: HttpRequest) -> HttpResponse:
    """Keep the zone in which they read times."""
    try:
        spec = from_text(ZoneSpec, {"time_zone": request.POST.get("time_zone", "")})
    except Invalid as refusal:
        return _shown(request, refusal)
    set_time_zone(_me(request), spec)
    return HttpResponseRedirect(reverse("account"), status=303)


@require_POST
@keeps_words(_to_the_account)
@page
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of their own API tokens, from the next request on; a second press changes nothing."""
    revoke_token(get_object_or_404(ApiToken, pk=pk, user=_me(request)), actor=actor_of(request))
    return HttpResponseRedirect(f"{reverse('account')}#tokens-heading", status=303)


@require_POST
@keeps_words(_to_the_account)
@page
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign out on one other device, from its next request on; where that is done already, nothing changes."""
    end_sessions(_elsewhere(request).filter(pk=pk), actor=actor_of(request))
    return _to_sessions()


@require_POST
@keeps_words(_to_the_account)
@page
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    end_sessions(_elsewhere(request), actor=actor_of(request))
    return _to_sessions()


def _elsewhere(request: HttpRequest) -> QuerySet[UserSession]:
    return _me(request).sessions.select_related("user").exclude(session=request.session.session_key)


def _to_sessions() -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('account')}#sessions-heading", status=303)


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "a page for signed-in people"
    return request.user


def _shown(request: HttpRequest, refusal: Refused | None = None) -> HttpResponse:
    me = _me(request)
    shown = zones.zone_of(request)
    at = timezone.now()
    context = {
        "at": at,
        "me": me,
        "groups": [f"{group} of {service}" if service else group for group, service in sorted(me.held)],
        "may": [words for permission, words in WORDS.items() if me.may(permission)],
        "may_for": {
            service: [
                words for permission, words in WORDS.items() if me.may(permission, service) and not me.may(permission)
            ]
            for service in sorted({service for _, service in me.held if service})
        },
        "sessions": [
            (session, device_name(session.user_agent), session.session_id == request.session.session_key)
            for session in me.sessions.filter(session__expire_date__gt=at).order_by("-last_seen_at")[:SESSIONS_SHOWN]
        ],
        "tokens": list(me.tokens.select_related("service").order_by("-pk")[:TOKENS_SHOWN]),
        "zone": shown,
        "zones": _choices(zones.guessed(request), me.time_zone),
        "problems": refusal.problems if refusal else (),
    }
    return render(request, "account.html", context, status=refusal.status if refusal else 200)


def _choices(guessed: str, chosen: str) -> list[tuple[str, str]]:
    """Return the zones to choose from; first the browser's own, and among them what was chosen under an old name."""
    first = f"The browser's: {guessed}" if guessed else "The browser's, which it does not tell: UTC"
    names = zone_names()
    return [("", first), *((name, name) for name in (*((chosen,) if chosen and chosen not in names else ()), *names))]
