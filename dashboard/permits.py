"""Who may do what, so that a page shows a control to those who may use it and tells everybody else who that is.

The services check again; what stands here decides only what a page shows.
"""

from django.http import HttpRequest

from dashboard.requests import actor_of
from dashboard.wording import listed
from releases.services.permissions import GROUPS

WORDS = {
    "register_release": "register releases",
    "report_deployment": "report deployments",
    "deploy": "have Rollbook deploy and rehearse",
    "roll_back": "roll back",
    "lift_freeze": "lift freezes",
    "run_checklist": "run checklists again",
    "accept_finding": "accept findings",
    "add_note": "write notes",
}
"""What each permission allows, as it stands after "may"."""


def may(request: HttpRequest, permission: str) -> bool:
    """Return whether the signed-in person holds a permission of `releases.services.permissions`."""
    return actor_of(request).may(permission)


def who_may(permission: str) -> str:
    """Return the groups that hold a permission, as words: `lead and on-call`."""
    return listed([group for group, held in GROUPS.items() if permission in held])
