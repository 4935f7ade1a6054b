"""What on-call does for each outcome: docs/runbook.md as a page, so that both say the same."""

import re
from functools import lru_cache

import markdown
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from markupsafe import Markup

from dashboard.requests import page

DOCUMENT = "docs/runbook.md"
_TO_ANOTHER_DOCUMENT = re.compile(r"\[([^\]]+)\]\([^)]+\.md\)")


@require_safe
@page
def runbook(request: HttpRequest) -> HttpResponse:
    """Show the runbook; each section has an address of its own, to which the page of a rollback leads."""
    text, sections = _rendered()
    return render(request, "runbook.html", {"text": text, "sections": sections})


@lru_cache(maxsize=1)
def _rendered() -> tuple[Markup, list[tuple[str, str]]]:
    """Return the document as HTML and its sections as (anchor, heading). It is ours, so its HTML is trusted."""
    source = (settings.BASE_DIR / DOCUMENT).read_text(encoding="utf-8")
    converter = markdown.Markdown(extensions=["toc"])
    html = converter.convert(_TO_ANOTHER_DOCUMENT.sub(r"\1", source))
    (title,) = converter.toc_tokens
    return Markup(html), [(section["id"], section["name"]) for section in title["children"]]  # noqa: S704
