"""Choosing a password: by a link that works once, or in one's own account."""

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from dashboard import last_seen
from dashboard.passwords import TooManyTries, check_own
from dashboard.requests import actor_of, page
from dashboard.views.errors import with_retry_after
from releases.actor import Actor
from releases.errors import Invalid, Problem, Refused
from releases.models import User
from releases.origin import client_address
from releases.services.people import choose_password, opens

LINK = "password_link"
"""Where a session keeps whose link was opened in it, and its secret."""
LONGEST = 4096
"""Characters of a password; hashing a longer one would only cost time."""


@require_safe
@never_cache
def link(request: HttpRequest, pk: int, secret: str) -> HttpResponse:
    """Take a link along in the session, and lead to the form: a refused one would log the address with the secret."""
    if _holder(pk, secret) is None:
        return render(request, "password_link_ended.html", status=410)
    request.session[LINK] = [pk, secret]
    return HttpResponseRedirect(reverse("password_choose"))


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def choose(request: HttpRequest) -> HttpResponse:
    """Ask for a new password; a POST keeps it, 303 to the sign-in. Whoever has the link is taken for the person."""
    user = _holder(*request.session.get(LINK, (0, "")))
    if user is None:
        return render(request, "password_link_ended.html", status=410)
    if request.method != "POST":
        return _form(request, user)
    actor = Actor(
        name=user.name,
        via="web",
        user=user,
        request_id=getattr(request, "request_id", ""),
        origin=client_address(request),
    )
    try:
        chosen = new_password(request, user)
    except Invalid as refusal:
        return _form(request, user, refusal)
    if not choose_password(user, chosen, actor=actor):
        return render(request, "password_link_ended.html", status=410)
    if request.user.pk == user.pk:
        request.session.flush()  # it ended with the others
    else:
        del request.session[LINK]
    return HttpResponseRedirect(reverse("login"), status=303)


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@page
def change(request: HttpRequest) -> HttpResponse:
    """Ask for the old password and a new one; a POST keeps it, which signs out everywhere but here."""
    actor = actor_of(request)
    me = actor.user
    assert me is not None, "a page for signed-in people"
    if request.method != "POST":
        return _change_form(request)
    try:
        check_own(request)
        chosen = new_password(request, me)
    except (Invalid, TooManyTries) as refusal:
        return _change_form(request, refusal)
    if choose_password(me, chosen, actor=actor):
        update_session_auth_hash(request, me)
        last_seen.signed_in(User, request, me)  # their sessions ended, and this one began anew
    return HttpResponseRedirect(reverse("account"), status=303)


def new_password(request: HttpRequest, user: User) -> str:
    """Return the password that was typed twice. Raises Invalid with everything that is wrong with it."""
    typed, again = request.POST.get("new_password", ""), request.POST.get("again", "")
    if not typed:
        raise Invalid(Problem("missing", "The new password is missing.", "a password", field="new_password"))
    if typed != again:
        expected = "the same password in both fields"
        raise Invalid(Problem("passwords_differ", "The two passwords differ.", expected, field="again"))
    if len(typed) > LONGEST:
        expected = f"at most {LONGEST:,} characters"
        raise Invalid(Problem("too_long", f"The password has {len(typed):,} characters.", expected, "new_password"))
    try:
        validate_password(typed, user)
    except ValidationError as error:
        expected = "12 characters or more that are hard to guess"
        problems = [Problem("weak_password", said, expected, field="new_password") for said in error.messages]
        raise Invalid(*problems) from None
    return typed


def _change_form(request: HttpRequest, refusal: Refused | None = None) -> HttpResponse:
    context = {"problems": refusal.problems if refusal else ()}
    answer = render(request, "password_change.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(answer, refusal)


def _holder(pk: int, secret: str) -> User | None:
    """Return whose link this is, while it works."""
    user = User.objects.filter(pk=pk).first()
    return user if user and opens(user, secret) else None


def _form(request: HttpRequest, user: User, refusal: Invalid | None = None) -> HttpResponse:
    context = {"who": user, "problems": refusal.problems if refusal else ()}
    return render(request, "password_choose.html", context, status=refusal.status if refusal else 200)
