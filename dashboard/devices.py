"""The browsers in which somebody has signed in before, known by a signed cookie; it opens nothing by itself."""

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "device"
SALT = "rollbook.device"
AGE = 365 * 24 * 3600


def device_of(request: HttpRequest, username: str) -> str:
    """Return what names this browser if that person has signed in with it before, else an empty text."""
    value = str(request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=AGE))
    return value if value.rpartition(":")[0] == username else ""


def remember(response: HttpResponse, username: str) -> None:
    """Let the browser be known from now on as one in which that person signed in."""
    response.set_signed_cookie(
        COOKIE,
        f"{username}:{secrets.token_hex(8)}",
        salt=SALT,
        max_age=AGE,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
