"""Pages: a template filled in, with its Cache-Control, its ETag, and 304 for a reader who has it already."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archive import caching

HERE = Path(__file__).parent


class Pages:
    """Renders the templates of this checkout."""

    def __init__(self, version: str) -> None:
        self._style = (HERE / "static/style.css").read_bytes()
        self.style_digest = hashlib.sha256(self._style).hexdigest()[:12]
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(version=version, style=f"/static/{self.style_digest}/style.css")

    def show(self, request: Request, template: str, *, cache: str, status: int = 200, **values: Any) -> Response:
        """Return a page. What a shared cache may keep gets an ETag, and answers `If-None-Match` (RFC 9110 13.1.2)."""
        body = self._templates.get_template(template).render(**values).encode()
        if status != 200 or cache in (caching.PERSONAL, caching.NEVER):
            return HTMLResponse(body, status, {"Cache-Control": cache})
        return _validated(request, HTMLResponse(body, status, {"Cache-Control": cache}))

    def stylesheet(self, request: Request) -> Response:
        response = Response(self._style, media_type="text/css", headers={"Cache-Control": caching.FILE})
        return _validated(request, response)


def _validated(request: Request, response: Response) -> Response:
    etag = f'"{hashlib.sha256(response.body).hexdigest()[:20]}"'
    response.headers["ETag"] = etag
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if etag not in known and "*" not in known:
        return response
    return Response(status_code=304, headers={"ETag": etag, "Cache-Control": response.headers["Cache-Control"]})


def go(target: str) -> Response:
    """Send the reader on after a form (303: the next request is a GET)."""
    return RedirectResponse(target, 303, {"Cache-Control": caching.NEVER})


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


PagesHere = Annotated[Pages, Depends(pages_of)]
