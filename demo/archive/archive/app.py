"""The application: its parts put together."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from archive import caching, own, reading, signing
from archive.articles import collect
from archive.bookmarks import Bookmarks
from archive.frame import Frame
from archive.limits import BodyLimit
from archive.notes import Notes
from archive.pages import Pages, pages_of
from archive.place import Place
from archive.readers import Accounts, Sessions
from archive.requestlog import RequestLog

SENTENCES = {
    403: "The form was too old or not ours. Go back, load the page again, and send it once more.",
    404: "There is no such page in the archive.",
    413: "This is too large. Nothing was kept.",
    422: "Something in the form could not be read. Nothing was kept.",
}


def create_app(*, place: Place, instance: str, version: str) -> ASGIApp:
    """Return the archive of one environment, as one of its instances serves it."""
    app = FastAPI(title="Article archive", openapi_url=None, docs_url=None, redoc_url=None)
    accounts = Accounts(place.shared / "readers.json")
    articles = collect()
    app.state.place = place
    app.state.pages = Pages(version)
    app.state.articles = articles
    app.state.by_slug = {article.slug: article for article in articles}
    app.state.accounts = accounts
    app.state.sessions = Sessions((place.shared / "session.key").read_text(encoding="ascii").strip(), accounts)
    app.state.bookmarks = Bookmarks(place.shared / "archive.sqlite3")
    app.state.notes = Notes(place.shared / "notes")
    for part in (reading, signing, own):
        app.include_router(part.router)

    @app.api_route("/version", methods=["GET", "HEAD"])
    async def say_version() -> Response:
        said = {"version": version, "instance": instance, "environment": place.environment}
        return JSONResponse(said, headers={"Cache-Control": caching.NEVER})

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    async def say_healthy() -> Response:
        return JSONResponse({"healthy": True}, headers={"Cache-Control": caching.NEVER})

    @app.exception_handler(HTTPException)
    @app.exception_handler(RequestValidationError)
    async def show_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 422
        sentence = SENTENCES.get(status, "This cannot be done here.")
        page = pages_of(request).show(
            request, "error.html", cache=caching.NEVER, status=status, word=HTTPStatus(status).phrase, sentence=sentence
        )
        page.headers.update(getattr(error, "headers", None) or {})
        return page

    log = RequestLog(place.shared / "log/requests.log")
    return Frame(BodyLimit(app), place=place, instance=instance, log=log)
