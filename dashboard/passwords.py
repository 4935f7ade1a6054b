"""One's own password, asked for again in place, where the settings want it: at a press that changes production, and
before a token or a person is made, or given something, with which somebody could press elsewhere.

Reading never asks. The guesses of a session that somebody else holds are slowed down as those at the sign-in are.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.http import HttpRequest
from django.utils import timezone

from dashboard.views.signing_in import count_attempt, note_password_entered, password_entered_at
from releases.errors import Invalid, Problem, Refused
from releases.models import Environment, User
from releases.origin import client_address
from releases.services import signing_in

FIELD = "password"


class TooManyTries(Refused):
    """Too many wrong passwords: the next one has to wait."""

    status = 429
    title = "Too many tries"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            Problem(
                "too_many_tries",
                "The password was wrong several times, so it was not looked at.",
                f"a pause of {seconds} s",
                field=FIELD,
                retry=f"in {seconds} s",
            )
        )
        self.retry_after = seconds


def asks_password(request: HttpRequest, place: Environment) -> bool:
    """Whether a press asks for the password: in production, once the last entry in this session is too old."""
    return place.production and entry_is_old(request)


def entry_is_old(request: HttpRequest) -> bool:
    """Whether the password was last entered in this session too long ago, where the settings say how long that is."""
    minutes = settings.PRESS_PASSWORD_MINUTES
    if not minutes:
        return False
    entered = password_entered_at(request)
    return entered is None or timezone.now() - entered > timedelta(minutes=minutes)


def check_press(request: HttpRequest, place: Environment) -> None:
    """Look at the password of a press that asks for one. Raises Invalid or TooManyTries."""
    if place.production:
        check_entry(request)


def check_entry(request: HttpRequest) -> None:
    """Look at the password that came with a form, if the last entry is too old. Raises Invalid or TooManyTries."""
    if entry_is_old(request):
        check_own(request, f"your password; it was last entered more than {settings.PRESS_PASSWORD_MINUTES} min ago")


def check_own(request: HttpRequest, expected: str = "the password with which you sign in") -> None:
    """Look at the password that came with a form, and remember that it was entered."""
    user, typed = request.user, request.POST.get(FIELD, "")
    assert isinstance(user, User), "a form for signed-in people"
    if not typed:
        raise Invalid(Problem("missing", "The password is missing.", expected, field=FIELD))
    attempt = count_attempt(request, user.username)
    if attempt.wait:
        raise TooManyTries(attempt.seconds)
    if not check_password(typed, user.password):
        signing_in.failed(attempt, address=client_address(request))
        raise Invalid(Problem("password_wrong", "This is not your password.", expected, field=FIELD))
    signing_in.succeeded(attempt)
    note_password_entered(request)
