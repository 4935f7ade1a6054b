"""What views share: who asks, and what a live region answers to somebody who is signed out."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect

from dashboard.views import errors
from releases.actor import Actor
from releases.errors import Refused
from releases.models import User
from releases.origin import client_address

View = Callable[..., HttpResponse]


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as the book keeps them."""
    user = request.user
    assert isinstance(user, User), "views that act are for signed-in people"
    return Actor(
        name=user.name,
        via="web",
        user=user,
        request_id=getattr(request, "request_id", ""),
        origin=client_address(request),
    )


def page(view: View) -> View:
    """Make a view a page: only for signed-in people, never cached, a refusal shown as a page of its own."""

    @never_cache
    @login_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            return errors.refused(request, refusal)

    return wrapped


def fragment(view: View) -> View:
    """Make a view a live region: 401 with the way to sign in for whoever is signed out, never the login page itself."""

    @never_cache
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            back = request.headers.get("HX-Current-URL", "/")
            response = HttpResponseClientRedirect(redirect_to_login(_path_of(back)).url)
            response.status_code = 401
            return response
        try:
            return view(request, *args, **kwargs)
        except Refused as refusal:
            return HttpResponse(status=refusal.status)

    return wrapped


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
