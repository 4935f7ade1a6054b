"""Who may do what, so that a page shows a control to those who may use it and tells everybody else who that is.

The services check again; what stands here decides only what a page shows.
"""

from django.http import HttpRequest

from dashboard.requests import actor_of
from dashboard.wording import listed
from releases.services.permissions import GROUPS


def may(request: HttpRequest, permission: str) -> bool:
    """Return whether the signed-in person holds a permission of `releases.services.permissions`."""
    return actor_of(request).may(permission)


def who_may(permission: str) -> str:
    """Return the groups that hold a permission, as words: `lead and on-call`."""
    return listed([group for group, held in GROUPS.items() if permission in held])
