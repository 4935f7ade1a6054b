"""Keeping on which devices people are signed in, and when each was last used, without a query per request."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from releases.models import User
from releases.origin import client_address
from releases.services.sessions import SEEN_EVERY, note_seen, note_sign_in

log = logging.getLogger(__name__)

REMEMBERED = 10_000
"""Sessions that a process remembers to have looked at; then it begins anew."""

_looked_at: dict[str, datetime] = {}
"""When this process last wrote, or tried to; several processes agree by the row itself."""


def signed_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Keep a sign-in: Django's signal, sent when the session is the person's."""
    if request.session.session_key is None:  # another person was signed in here: it begins with this request
        request.session.save()
    key = str(request.session.session_key)
    note_sign_in(user, key, user_agent=_user_agent(request), address=client_address(request))
    _remember(key, timezone.now())


def last_seen(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Keep now and then that a session is in use."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        key = request.session.session_key
        if key and response.status_code < 500 and isinstance(request.user, User):
            _keep(request, request.user, key)
        return response

    return middleware


def _keep(request: HttpRequest, user: User, key: str) -> None:
    now = timezone.now()
    before = _looked_at.get(key)
    if before is not None and now - before < SEEN_EVERY:
        return
    _remember(key, now)
    try:
        note_seen(user, key, user_agent=_user_agent(request), address=client_address(request), now=now)
    except Error:  # a database that takes no writes must not keep anybody from reading
        log.exception("when a session was last used could not be kept")


def _remember(key: str, now: datetime) -> None:
    if len(_looked_at) >= REMEMBERED:
        _looked_at.clear()
    _looked_at[key] = now


def _user_agent(request: HttpRequest) -> str:
    return request.headers.get("User-Agent", "")
