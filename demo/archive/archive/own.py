"""A reader's own pages: the account with its bookmarks, and the upload of a note."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import Response

from archive import caching
from archive.notes import LARGEST
from archive.pages import PagesHere, go
from archive.readers import Session
from archive.signing import SessionHere

router = APIRouter()


def signed_in(request: Request, session: SessionHere) -> Session:
    """Return the session, or send the reader to the sign-in form and back."""
    if session is None:
        location = f"/login?next={request.url.path}" if request.method in ("GET", "HEAD") else "/login"
        raise HTTPException(303, headers={"Location": location})
    return session


SignedIn = Annotated[Session, Depends(signed_in)]


def _check_form(request: Request, session: Session, token: str) -> None:
    if not request.app.state.sessions.form_token_matches(session.id, token):
        raise HTTPException(403)


@router.api_route("/account", methods=["GET", "HEAD"])
def account(request: Request, pages: PagesHere, session: SignedIn, keep: str = "") -> Response:
    state = request.app.state
    kept = [state.by_slug[slug] for slug in state.bookmarks.of(session.reader.username) if slug in state.by_slug]
    token = state.sessions.form_token(session.id)
    values: dict[str, Any] = {"reader": session.reader, "bookmarks": kept, "keep": keep, "token": token}
    return pages.show(request, "account.html", cache=caching.PERSONAL, **values)


@router.post("/bookmarks")
def bookmark(
    request: Request,
    session: SignedIn,
    slug: Annotated[str, Form(max_length=200)] = "",
    token: Annotated[str, Form(max_length=100)] = "",
    remove: Annotated[bool, Form()] = False,
) -> Response:
    _check_form(request, session, token)
    if slug not in request.app.state.by_slug:
        raise HTTPException(404)
    bookmarks = request.app.state.bookmarks
    (bookmarks.remove if remove else bookmarks.add)(session.reader.username, slug)
    return go("/account")


@router.api_route("/upload", methods=["GET", "HEAD"])
def show_form(request: Request, pages: PagesHere, session: SignedIn) -> Response:
    return _form(request, pages, session)


@router.post("/upload")
def upload(
    request: Request,
    pages: PagesHere,
    session: SignedIn,
    note: Annotated[UploadFile, File()],
    token: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    _check_form(request, session, token)
    text = note.file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise HTTPException(413)
    return _form(request, pages, session, kept=request.app.state.notes.keep(text), status=201)


def _form(request: Request, pages: PagesHere, session: Session, *, kept: str = "", status: int = 200) -> Response:
    values = {"token": request.app.state.sessions.form_token(session.id), "largest": LARGEST, "kept": kept}
    return pages.show(request, "upload.html", cache=caching.PERSONAL, status=status, **values)
