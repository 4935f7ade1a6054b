"""What everybody may read: the front page, the list, the articles. Caches may share all of it."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from archive import caching, listing
from archive.pages import PagesHere
from archive.text import to_html

router = APIRouter()
READ = ["GET", "HEAD"]


@router.api_route("/", methods=READ)
def front(request: Request, pages: PagesHere) -> Response:
    articles = request.app.state.articles
    language = [article for article in articles if article.kind == "language"]
    library = [article for article in articles if article.kind == "library"]
    shown: dict[str, Any] = {"language": language[:12], "library": library[:12], "count": len(articles)}
    return pages.show(request, "front.html", cache=caching.LIST, **shown)


@router.api_route("/articles", methods=READ)
def articles(request: Request, pages: PagesHere, page: Annotated[int, Query(ge=1, le=10_000)] = 1) -> Response:
    found = listing.page(request.app.state.articles, page)
    if found is None:
        raise HTTPException(404)
    return pages.show(request, "articles.html", cache=caching.LIST, page=found)


@router.api_route("/articles/{slug}", methods=READ)
def article(request: Request, pages: PagesHere, slug: str) -> Response:
    found = request.app.state.by_slug.get(slug)
    if found is None:
        raise HTTPException(404)
    return pages.show(request, "article.html", cache=caching.ARTICLE, article=found, text=to_html(found.text))


@router.api_route("/static/{digest}/style.css", methods=READ)
async def stylesheet(request: Request, pages: PagesHere, digest: str) -> Response:
    if digest != pages.style_digest:
        raise HTTPException(404)
    return pages.stylesheet(request)
