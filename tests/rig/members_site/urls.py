"""The pages of the members' site."""

from typing import Any

from django.contrib import auth
from django.contrib.auth.decorators import login_required, user_passes_test
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt

from tests.rig.members_site import settings


class Login(LoginView):
    """Django's own, which keeps something for its visitor, so that there is a session before the login."""

    template_name = "login.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.session["visits"] = request.session.get("visits", 0) + 1
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        if settings.RENEWS_SESSION:
            return super().form_valid(form)
        user = form.get_user()
        self.request.session[auth.SESSION_KEY] = str(user.pk)
        self.request.session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        self.request.session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
        return HttpResponseRedirect(self.get_success_url())


@cache_control(public=True, max_age=60)
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><title>Members</title><h1>Members</h1>")


@cache_control(private=True)
@login_required
def me(request: HttpRequest) -> HttpResponse:
    return render(request, "me.html", {"note": request.session.get("note", "")})


@login_required
def note(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        request.session["note"] = request.POST["note"]
        return HttpResponseRedirect("/me/")
    return render(request, "note.html")


@login_required
@user_passes_test(lambda user: user.is_staff)
def staff(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><title>Staff</title>")


@csrf_exempt
def files(request: HttpRequest) -> HttpResponse:
    """Take what fits into memory, by Django's own limit."""
    return HttpResponse(f"{len(request.body)} bytes", status=201)


urlpatterns = [
    path("", home),
    path("login/", Login.as_view()),
    path("me/", me),
    path("note/", note),
    path("staff/", staff),
    path("files/", files),
]
