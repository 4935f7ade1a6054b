"""Signing in and out."""

import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Form, HTTPException, Request
from fastapi.responses import Response

from archive import caching
from archive.pages import PagesHere, go
from archive.readers import SIGNED_IN_FOR, Session

router = APIRouter()

SESSION = "archive_session"
VISIT = "archive_visit"
"""Names a visit before sign-in, so that the sign-in form can be told from a forged one."""
OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path of this site: never another host's."""


def session_of(request: Request, cookie: Annotated[str | None, Cookie(alias=SESSION)] = None) -> Session | None:
    session: Session | None = request.app.state.sessions.read(cookie)
    return session


SessionHere = Annotated[Session | None, Depends(session_of)]


@router.api_route("/login", methods=["GET", "HEAD"])
def show_form(
    request: Request,
    pages: PagesHere,
    session: SessionHere,
    next: str = "/account",
    visit: Annotated[str | None, Cookie(alias=VISIT)] = None,
) -> Response:
    if session:
        return go(_own_path(next))
    visit = visit or secrets.token_urlsafe(16)
    return _form(request, pages, visit=visit, next=_own_path(next))


@router.post("/login")
def sign_in(
    request: Request,
    pages: PagesHere,
    username: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=200)] = "",
    token: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=500)] = "/account",
    visit: Annotated[str | None, Cookie(alias=VISIT)] = None,
) -> Response:
    sessions = request.app.state.sessions
    if not visit or not sessions.form_token_matches(f"visit {visit}", token):
        raise HTTPException(403)
    reader = request.app.state.accounts.check(username, password)
    if reader is None:
        return _form(request, pages, visit=visit, next=_own_path(next), username=username, status=401)
    answer = go(_own_path(next))
    answer.delete_cookie(VISIT)
    _set_cookie(request, answer, SESSION, sessions.begin(reader), SIGNED_IN_FOR)
    return answer


@router.post("/logout")
def sign_out(request: Request, session: SessionHere, token: Annotated[str, Form(max_length=100)] = "") -> Response:
    if session and not request.app.state.sessions.form_token_matches(session.id, token):
        raise HTTPException(403)
    answer = go("/")
    answer.delete_cookie(SESSION)
    return answer


def _form(
    request: Request, pages: PagesHere, *, visit: str, next: str, username: str = "", status: int = 200
) -> Response:
    token = request.app.state.sessions.form_token(f"visit {visit}")
    values = {"token": token, "next": next, "username": username, "refused": status != 200}
    answer = pages.show(request, "login.html", cache=caching.PERSONAL, status=status, **values)
    _set_cookie(request, answer, VISIT, visit, 3600)
    return answer


def _set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    https = request.app.state.place.https
    answer.set_cookie(name, value, max_age=seconds, path="/", secure=https, httponly=True, samesite="lax")


def _own_path(target: str) -> str:
    return target if OWN_PATH.fullmatch(target) else "/account"
