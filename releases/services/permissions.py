"""Whether an actor may do something; checked at the request, and again by the worker when it starts."""

from releases.actor import Actor
from releases.errors import DO_NOT_RETRY, Denied, Problem
from releases.groups import groups_with
from releases.queries.people import people_who_may
from releases.services.denials import note_denial


def require(actor: Actor, permission: str, *, scope: str, service: str, on: str = "") -> None:
    """Raise Denied unless the actor holds the permission for the service and, when they came with a token, the scope.

    `service` is its key; empty where it is about no service, which takes a group that holds everywhere. A denial is
    written in the book; `on` is what they wanted to act on: a tag, or `service/environment`. Call it
    outside any transaction, which the refusal would roll back.
    """
    require_scope(actor, scope, on=on)
    if actor.only and service != actor.only:
        problem = Problem(
            "token_of_another_service",
            f"The token is for {actor.only} alone.",
            f"a token for {service}" if service else "a token for all services",
            retry=DO_NOT_RETRY,
        )
        note_denial(actor, permission, problem.failed, on=on)
        raise Denied(problem)
    if not actor.may(permission, service):
        of = f" for {service}" if service else ""
        problem = Problem(
            "permission_missing",
            f"{actor.name} does not hold the permission {permission}{of}.",
            f"a person of {_groups(permission)}{of}{_such_as(permission, service)}",
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
            f"a token with the scope {scope}, made in the account or by manage.py create_token",
            retry=DO_NOT_RETRY,
        )
        note_denial(actor, scope, problem.failed, on=on)
        raise Denied(problem)


def _groups(permission: str) -> str:
    groups = groups_with(permission)
    return f"one of the groups {', '.join(groups)}" if len(groups) > 1 else f"the group {''.join(groups)}"


def _such_as(permission: str, service: str) -> str:
    """Name whom to ask."""
    people = people_who_may(permission, service)
    return f", such as {', '.join(people)}" if people else ""
