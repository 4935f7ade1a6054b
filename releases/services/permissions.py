"""Whether an actor may do something; checked at the request, and again by the worker when it starts."""

from releases.actor import Actor
from releases.errors import DO_NOT_RETRY, Denied, Problem
from releases.services.denials import note_denial

GROUPS = {
    "lead": [
        "register_release",
        "report_deployment",
        "deploy",
        "lift_freeze",
        "roll_back",
        "run_checklist",
        "accept_finding",
        "confirm_result",
        "add_note",
        "read_book",
    ],
    "on-call": ["roll_back", "lift_freeze", "run_checklist", "add_note"],
    "auditor": ["read_book"],
    "viewer": [],
}
"""Which permissions each group holds. Everyone who is signed in may read, all but the whole book."""


def require(actor: Actor, permission: str, *, scope: str, on: str = "") -> None:
    """Raise Denied unless the actor holds the permission and, when they came with a token, the scope.

    A denial is written in the book; `on` is what they wanted to act on: a tag, or `service/environment`. Call it
    outside any transaction, which the refusal would roll back.
    """
    require_scope(actor, scope, on=on)
    if not actor.may(permission):
        groups = ", ".join(name for name, held in GROUPS.items() if permission in held)
        problem = Problem(
            "permission_missing",
            f"{actor.name} does not hold the permission {permission}.",
            f"a person of one of the groups {groups}",
            retry=DO_NOT_RETRY,
        )
        note_denial(actor, permission, problem.failed, on=on)
        raise Denied(problem)


def require_scope(actor: Actor, scope: str, *, on: str = "") -> None:
    """Raise Denied for an actor who came with a token that lacks the scope, and write that in the book."""
    if actor.via == "api" and scope not in actor.scopes:
        problem = Problem(
            "scope_missing",
            f"The token has no scope {scope}.",
            f"a token with the scope {scope}: manage.py create_token",
            retry=DO_NOT_RETRY,
        )
        note_denial(actor, scope, problem.failed, on=on)
        raise Denied(problem)
