"""Whether an actor may do something; checked at the request, and again by the worker when it starts."""

import logging

from releases.actor import Actor
from releases.errors import DO_NOT_RETRY, Denied, Problem

log = logging.getLogger(__name__)

GROUPS = {
    "lead": [
        "register_release",
        "report_deployment",
        "lift_freeze",
        "roll_back",
        "run_checklist",
        "accept_finding",
        "add_note",
    ],
    "on-call": ["roll_back", "lift_freeze", "run_checklist", "add_note"],
    "auditor": [],
    "viewer": [],
}
"""Which permissions each group holds. Everyone who is signed in may read."""


def require(actor: Actor, permission: str, *, scope: str) -> None:
    """Raise Denied unless the actor holds the permission and, when they came with a token, the scope."""
    require_scope(actor, scope)
    if not actor.may(permission):
        log.warning("denied: %s may not %s (%s, %s)", actor.name, permission, actor.via, actor.origin)
        groups = ", ".join(name for name, held in GROUPS.items() if permission in held)
        raise Denied(
            Problem(
                "permission_missing",
                f"{actor.name} does not hold the permission {permission}.",
                f"a person of one of the groups {groups}",
                retry=DO_NOT_RETRY,
            )
        )


def require_scope(actor: Actor, scope: str) -> None:
    """Raise Denied for an actor who came with a token that lacks the scope."""
    if actor.via == "api" and scope not in actor.scopes:
        raise Denied(
            Problem(
                "scope_missing",
                f"The token has no scope {scope}.",
                f"a token with the scope {scope}: manage.py create_token",
                retry=DO_NOT_RETRY,
            )
        )
