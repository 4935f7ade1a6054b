"""Who there is: for those who manage people."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.passwords import check_entry, entry_is_old
from dashboard.permits import GROUP_WORDS
from dashboard.requests import actor_of, page
from dashboard.sessions import keeps_form, keeps_words, kept_form
from dashboard.views.errors import with_retry_after
from releases.errors import Refused
from releases.groups import GROUPS
from releases.intake import CloseSpec, MembershipSpec, PersonSpec, from_text
from releases.models import Membership, Service, User
from releases.queries.people import closing_of, people_page, person_with_groups
from releases.services import people as verbs
from releases.services.permissions import require

View = Callable[..., HttpResponse]
FIELDS = ("username", "first_name", "last_name", "group", "service")
TYPED_LIMIT = 80
"""Characters of a search that are looked for."""


def managed(view: View) -> View:
    """Make a view a page for whoever manages people."""

    @page
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require(actor_of(request), verbs.MANAGE, scope="people:write", service="", on="people")
        return view(request, *args, **kwargs)

    return wrapped


def _to_the_person(request: HttpRequest, pk: int, **_: int) -> str:
    return reverse("person", args=[pk])


@require_safe
@managed
def people(request: HttpRequest) -> HttpResponse:
    """Show everybody, or those whose name was asked for."""
    words, after = (request.GET.get(name, "").replace("\x00", "")[:TYPED_LIMIT] for name in ("q", "after"))
    shown = people_page(words, after)
    older = reverse("people", query={"q": words, "after": shown.after} if words else {"after": shown.after})
    context = {"at": timezone.now(), "shown": shown, "words": words, "after": after, "further": older}
    return render(request, "people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_form
@managed
def new(request: HttpRequest) -> HttpResponse:
    """Ask whom to add; a POST adds them and shows the link with which they choose a password."""
    if request.method != "POST":
        return _form(request, kept_form(request))
    given = {name: request.POST.get(name, "") for name in FIELDS}
    actor = actor_of(request)
    try:
        spec = from_text(PersonSpec, given)
        check_entry(request)
        added = verbs.add_person(spec, actor=actor)
    except Refused as refusal:
        return _form(request, given, refusal)
    return _link(request, added, "is added")


@require_safe
@managed
def person(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, pk)


@require_POST
@keeps_words(_to_the_person)
@managed
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """Put them in a group; who is in it already stays so."""
    given = {name: request.POST.get(name, "") for name in ("group", "service")}
    try:
        spec = from_text(MembershipSpec, given)
        check_entry(request)
        verbs.give_group(_found(pk), spec, actor=actor_of(request))
    except Refused as refusal:
        return _shown(request, pk, refusal, given, pressed="give")
    return _back_to(pk)


@require_POST
@keeps_words(_to_the_person)
@managed
def take(request: HttpRequest, pk: int, membership: int) -> HttpResponse:
    """Take them out of a group; a second press finds nothing to take and leads to the same page."""
    row = Membership.objects.select_related("user", "service").filter(pk=membership, user_id=pk).first()
    try:
        if row is not None:
            verbs.take_group(row, actor=actor_of(request))
    except Refused as refusal:
        return _shown(request, pk, refusal)
    return _back_to(pk)


@require_POST
@keeps_words(_to_the_person)
@managed
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the link with which they choose a password, and show it."""
    try:
        check_entry(request)
        return _link(request, _found(pk), "chooses a password")
    except Refused as refusal:
        return _shown(request, pk, refusal, pressed="link")


@require_POST
@keeps_words(_to_the_person, field="reason")
@managed
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Let them sign in no more, from their next request on."""
    given = {"reason": request.POST.get("reason", "")}
    try:
        verbs.close_account(_found(pk), from_text(CloseSpec, given), actor=actor_of(request))
    except Refused as refusal:
        return _shown(request, pk, refusal, given)
    return _back_to(pk)


@require_POST
@keeps_words(_to_the_person)
@managed
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Let them sign in again."""
    verbs.open_account(_found(pk), actor=actor_of(request))
    return _back_to(pk)


def _found(pk: int) -> User:
    return get_object_or_404(User, pk=pk)


def _back_to(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("person", args=[pk]), status=303)


def _form(request: HttpRequest, given: dict[str, str], refusal: Refused | None = None) -> HttpResponse:
    context = {
        "given": {name: given.get(name, "") for name in FIELDS},
        "groups": [(group, group) for group in GROUPS],
        "group_words": GROUP_WORDS,
        "services": _services(),
        "asks_password": entry_is_old(request),
        "problems": refusal.problems if refusal else (),
    }
    answer = render(request, "person_new.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(answer, refusal)


def _shown(
    request: HttpRequest,
    pk: int,
    refusal: Refused | None = None,
    given: dict[str, str] | None = None,
    pressed: str = "",
) -> HttpResponse:
    """Show a person. The form that was `pressed`, one of several, asks for the password where that is due."""
    found = person_with_groups(pk)
    if found is None:
        raise Http404
    at = timezone.now()
    context = {
        "at": at,
        "who": found,
        "closing": closing_of(found),
        "me": request.user.pk == found.pk,
        "devices": found.sessions.filter(session__expire_date__gt=at).count(),
        "tokens": list(found.tokens.filter(revoked_at=None).order_by("-pk")[:20]),
        "groups": [(group, group) for group in GROUPS],
        "group_words": GROUP_WORDS,
        "services": _services(),
        "given": dict.fromkeys(("group", "service", "reason"), "") | (given or {}),
        "asks_password": pressed if entry_is_old(request) else "",
        "problems": refusal.problems if refusal else (),
    }
    answer = render(request, "person.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(answer, refusal)


def _link(request: HttpRequest, user: User, done: str) -> HttpResponse:
    secret = verbs.make_password_link(user, actor=actor_of(request))
    address = request.build_absolute_uri(reverse("password_link", args=[user.pk, secret]))
    return render(request, "person_link.html", {"who": user, "address": address, "done": done})


def _services() -> list[tuple[str, str]]:
    listed = Service.objects.filter(listed=True).order_by("key").values_list("key", "title")
    return [("", "all services"), *((key, f"{key} - {title}") for key, title in listed)]
