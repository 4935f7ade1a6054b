"""Who may do what, so that a page shows a control to those who may use it and tells everybody else who that is.

The services check again; what stands here decides only what a page shows.
"""

from collections.abc import Iterable, Sequence

from django.http import HttpRequest

from dashboard.requests import actor_of
from dashboard.wording import listed
from releases.groups import GROUPS, groups_with
from releases.queries.people import people_who_may, people_who_may_each

WORDS = {
    "register_release": "register releases",
    "report_deployment": "report deployments",
    "deploy": "have Rollbook deploy and rehearse",
    "roll_back": "roll back",
    "lift_freeze": "lift freezes",
    "run_checklist": "run checklists again",
    "accept_finding": "accept findings",
    "confirm_result": "say whether an expected result came true",
    "add_note": "write notes",
    "read_book": "read the whole book",
    "manage_people": "manage people",
}
"""What each permission allows, as it stands after "may"."""


def _allows(permissions: Sequence[str]) -> str:
    return listed(["read", *(WORDS[each] for each in permissions)])


GROUP_WORDS = [(group, _allows(held)) for group, held in GROUPS.items()]
"""What each group allows."""


def may(request: HttpRequest, permission: str, service: str = "") -> bool:
    """Return whether the signed-in person holds a permission for a service by its key; without one, for all."""
    return actor_of(request).may(permission, service)


def may_somewhere(request: HttpRequest, permission: str) -> bool:
    """Return whether they hold it for any service: for forms in which the service is still to be chosen."""
    user = actor_of(request).user
    return user is not None and user.may_somewhere(permission)


def who_may(permission: str) -> str:
    """Return the groups that hold a permission, as words: `lead and on-call`."""
    return listed(groups_with(permission))


def whom_to_ask(request: HttpRequest, permission: str, service: str = "") -> str:
    """Return the groups that hold a permission; to somebody who lacks it, their people too: `lead (now Ana Ruiz)`."""
    people = [] if may(request, permission, service) else people_who_may(permission, service)
    return _groups_and_people(permission, people)


def whom_to_ask_each(request: HttpRequest, asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return those pairs of a permission and a service that somebody lacks, each with a sentence that says who may."""
    actor = actor_of(request)
    lacking = {pair for pair in asked if not actor.may(*pair)}
    people = people_who_may_each(lacking) if lacking else {}
    return {pair: f"Only {_groups_and_people(pair[0], people.get(pair, ()))} may {WORDS[pair[0]]}." for pair in lacking}


def _groups_and_people(permission: str, people: Sequence[str]) -> str:
    groups = who_may(permission)
    return f"{groups} (now {listed(people)})" if people else groups
