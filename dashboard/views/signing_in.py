"""Signing in: slower the more often it failed, and on to the page that was asked for."""

from datetime import datetime
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dashboard.devices import device_of, remember
from dashboard.landing import landing
from releases.origin import client_address
from releases.services import signing_in

ENTERED = "password_entered_at"
"""Where a session keeps when its person last entered their password."""


class SignIn(LoginView):
    """Django's own sign-in, which also refuses to lead anywhere but to a page of ours, behind the throttle."""

    redirect_authenticated_user = True
    attempt: signing_in.Attempt | None = None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        username = request.POST.get("username", "")
        if username and request.POST.get("password"):
            self.attempt = count_attempt(request, username)
            if self.attempt.wait:
                return wait_page(self.render_to_response(self._told(self.attempt.seconds)), self.attempt)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def get_redirect_url(self, *given: Any, **named: Any) -> str:
        """Return the page that was asked for; the bare address of Rollbook asks for none."""
        asked = str(super().get_redirect_url(*given, **named))
        return "" if asked == reverse("board") else asked

    def get_default_redirect_url(self) -> str:
        return reverse(landing(self.request.user))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        assert self.attempt is not None, "a form without a password is not valid"
        signing_in.succeeded(self.attempt)
        response = super().form_valid(form)
        remember(response, form.get_user().get_username())
        note_password_entered(self.request)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if self.attempt is not None:
            signing_in.failed(self.attempt, address=client_address(self.request))
        return super().form_invalid(form)

    def _told(self, seconds: int) -> dict[str, Any]:
        # A form that was not filled from the request: one that is looked at would look at the password.
        form = self.get_form_class()(self.request, initial={"username": self.request.POST["username"]})
        return self.get_context_data(form=form) | {"wait": seconds}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {"wait": 0, "typed": self.request.POST.get("username", "")} | super().get_context_data(**kwargs)


def count_attempt(request: HttpRequest, username: str) -> signing_in.Attempt:
    """Count an attempt to sign in as this person from this browser and address."""
    return signing_in.count_attempt(username, address=client_address(request), device=device_of(request, username))


def note_password_entered(request: HttpRequest) -> None:
    """Remember when the password was last entered in this session."""
    request.session[ENTERED] = timezone.now().isoformat()


def password_entered_at(request: HttpRequest) -> datetime | None:
    return parse_datetime(request.session.get(ENTERED, ""))


def wait_page(response: HttpResponse, attempt: signing_in.Attempt) -> HttpResponse:
    """Make an answer the one that says to wait."""
    response.status_code = 429
    response["Retry-After"] = str(attempt.seconds)
    return response
