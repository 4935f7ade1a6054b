"""Who may do what, and who there is."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Prefetch, Q, QuerySet

from releases.book import Tag
from releases.groups import groups_with
from releases.models import Event, Membership, User

NAMED = 8
"""How many people a page names as those to ask."""
MEMBERSHIPS_READ = 1000
"""How many memberships are looked through to name people for several services at once."""
PAGE = 50
"""People on one page."""


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some people in the order of their user names."""

    rows: Sequence[User]
    after: str
    """The name after which the next page begins; empty on the last."""


def people_who_may(permission: str, service: str) -> list[str]:
    """Return the names of people who hold a permission for a service; nobody who cannot sign in, as a pipeline."""
    here = _of_people_who_sign_in(groups_with(permission)).filter(Q(service=None) | Q(service__key=service))
    people = User.objects.filter(pk__in=here.values("user")).order_by("first_name", "username")
    return [person.name for person in people[:NAMED]]


def people_who_may_each(asked: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], list[str]]:
    """Return what `people_who_may` does for each of several pairs of permission and service, in one statement."""
    groups = {permission: groups_with(permission) for permission, _ in asked}
    services = {service for _, service in asked}
    held = _of_people_who_sign_in(set(chain(*groups.values()))).filter(Q(service=None) | Q(service__key__in=services))
    held = held.select_related("user", "service").order_by("user__first_name", "user__username")
    found: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for membership in held[:MEMBERSHIPS_READ]:
        for permission, service in asked:
            here = membership.service is None or membership.service.key == service
            if here and membership.group in groups[permission] and len(found[permission, service]) < NAMED:
                found[permission, service][membership.user_id] = membership.user.name
    return {pair: list(names.values()) for pair, names in found.items()}


def people_page(words: str = "", after: str = "") -> PeoplePage:
    """Return people with their groups, in two statements: all, or those in whose names the words stand."""
    people = _with_groups().filter(username__gt=after).order_by("username")
    for word in words.split():
        people = people.filter(
            Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        )
    rows = list(people[: PAGE + 1])
    return PeoplePage(rows[:PAGE], rows[PAGE - 1].username if len(rows) > PAGE else "")


def person_with_groups(pk: int) -> User | None:
    return _with_groups().filter(pk=pk).first()


def closing_of(user: User) -> Event | None:
    """Return the book's line about the closing of an account that is closed."""
    if user.is_active:
        return None
    return Event.objects.filter(object_tag=user.tag, action=Tag.ACCOUNT_CLOSED).order_by("-seq").first()


def _of_people_who_sign_in(groups: Collection[str]) -> QuerySet[Membership]:
    """Return the memberships in some groups of people with an open account; a pipeline has no password."""
    held = Membership.objects.filter(group__in=groups, user__is_active=True)
    return held.exclude(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)


def _with_groups() -> QuerySet[User]:
    groups = Membership.objects.select_related("service").order_by("group", "service__key")
    return User.objects.prefetch_related(Prefetch("memberships", groups))
