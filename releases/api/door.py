"""The door of the JSON face: authentication, body limits and the one shape of every error (RFC 9457)."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from releases.actor import Actor
from releases.away import database_away
from releases.errors import DO_NOT_RETRY, Malformed, Problem, Refused
from releases.origin import client_address
from releases.services.permissions import require_scope
from releases.services.tokens import NotAuthenticated, token_of

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]


class MediaTypeRefused(Malformed):
    status = 415
    title = "The media type is not accepted"


class TooLargeBody(Malformed):
    status = 413
    title = "The body is too large"


class MethodRefused(Refused):
    status = 405
    title = "The method is not allowed"


def api_view(*methods: str) -> Callable[[View], View]:
    """Make a function a view of the JSON face: it is called with the request and the actor of a valid token.

    Reading needs the scope `read`; what writing needs is the verbs' to say.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def wrapped(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise MethodRefused(
                        Problem("method_not_allowed", f"{request.method} is not allowed here.", " or ".join(methods))
                    )
                actor = _actor(request)
                if request.method == "GET":
                    require_scope(actor, "read")
                return view(request, actor, **kwargs)
            except Refused as refused:
                if isinstance(refused, NotAuthenticated):
                    log.warning(
                        "denied: nobody we know, %s %r (api, %s)",
                        request.method,
                        request.path[:200],
                        client_address(request),
                    )
                response = problem_response(request, refused)
                if isinstance(refused, MethodRefused):
                    response["Allow"] = ", ".join(methods)
                return response
            except Error as error:
                if not database_away(error):
                    raise
                log.exception("the database does not answer")
                return _database_away(request)

        wrapped.csrf_exempt = True  # type: ignore[attr-defined]
        return wrapped

    return decorate


def body_of(request: HttpRequest) -> bytes:
    """Return the request's JSON body. Raises a Refused with 413 or 415."""
    if request.content_type != "application/json" or (request.encoding or "utf-8").lower() != "utf-8":
        raise MediaTypeRefused(
            Problem(
                "media_type", f"{request.content_type or 'No media type'} is not accepted.", "application/json in UTF-8"
            )
        )
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise MediaTypeRefused(Problem("content_encoding", "An encoded body is not accepted.", "a plain body"))
    limit = settings.API_BODY_LIMIT
    try:
        body = request.body
    except RequestDataTooBig:
        body = b" " * (limit + 1)
    if len(body) > limit:
        raise TooLargeBody(Problem("body_too_large", "The body is too large.", f"at most {limit:,} bytes"))
    return body


def problem_response(request: HttpRequest, refused: Refused) -> JsonResponse:
    """Say a refusal as problem details."""
    request_id = getattr(request, "request_id", "")
    errors = [
        {
            "code": problem.code,
            "field": problem.field,
            "failed": problem.failed,
            "got": problem.got,
            "expected": problem.expected,
            "retry": problem.retry,
        }
        for problem in refused.problems
    ]
    first = errors[0]
    response = JsonResponse(
        {
            "type": f"urn:rollbook:problem:{first['code']}",
            "title": refused.title,
            "status": refused.status,
            "detail": refused.problems[0].sentence,
            **{key: first[key] for key in ("code", "field", "got", "expected", "retry")},
            "request_id": request_id,
            "errors": errors,
        },
        status=refused.status,
        content_type="application/problem+json",
    )
    if refused.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refused.retry_after:
        response["Retry-After"] = str(refused.retry_after)
    return response


def _actor(request: HttpRequest) -> Actor:
    if "token" in request.GET or "access_token" in request.GET:
        raise Malformed(
            Problem(
                "token_in_address",
                "The address holds a token, which servers on the way may have logged.",
                "the token in the Authorization header; revoke this one",
                retry=DO_NOT_RETRY,
            )
        )
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise NotAuthenticated(
            Problem("not_authenticated", "The request carries no token.", "Authorization: Bearer <token>")
        )
    token = token_of(text.strip())
    return Actor(
        name=token.user.name,
        via="api",
        user=token.user,
        request_id=getattr(request, "request_id", ""),
        origin=client_address(request),
        scopes=frozenset(token.scopes),
        only=token.service.key if token.service else "",
    )


def _database_away(request: HttpRequest) -> HttpResponse:
    class Away(Refused):
        status = 503
        title = "The database does not answer"
        retry_after = 5

    return problem_response(
        request, Away(Problem("database_away", "The database does not answer.", "a moment's patience", retry="in 5 s"))
    )
