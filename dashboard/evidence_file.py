"""The evidence of a release as a file: a page that needs nothing but itself, and that no program takes for its own."""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from markupsafe import Markup

from releases.history_export import FORMULA
from releases.models import Release

BLOCKS = "td|th|dt|dd|p|li|h1|h2|h3|pre|figcaption"
BEGINNING = re.compile(
    rf'(<(?:{BLOCKS})\b[^>]*>(?:\s|<(?!span class="figure")[^>]*>)*)(?=[{re.escape("".join(FORMULA))}])'
)
"""Where a spreadsheet that opens the page would begin a cell with what it takes for a formula. Figures are ours."""
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"


def as_page(context: Mapping[str, Any]) -> HttpResponse:
    """Return the file as HTML. The only style that it may have is the one inside it."""
    style = _style()
    policy = f"{NOTHING}; style-src 'sha256-{_digest(style)}'"
    given = {**context, "style": Markup(f"<style>{style}</style>"), "policy": policy}  # noqa: S704 - ours
    text = calmed(render_to_string("evidence.html", given))
    return _attached(text, "html", "text/html; charset=utf-8", policy, context)


def as_json(text: str, context: Mapping[str, Any]) -> HttpResponse:
    """Return the file as JSON."""
    return _attached(text, "json", "application/json", NOTHING, context)


def calmed(page: str) -> str:
    """Put an apostrophe before what a spreadsheet would calculate."""
    return BEGINNING.sub(r"\1'", page)


def file_name(release: Release, made_at: datetime, ending: str) -> str:
    """Return a name that is one on every system, and says what the file is and of when."""
    named = f"rollbook-{release.tag}-{release.service.key}-{release.version}"
    safe = re.sub(r"[^A-Za-z0-9._+-]", "_", named)[:150]
    return f"{safe}-{made_at.astimezone(UTC):%Y-%m-%dT%H%MZ}.{ending}"


def _attached(text: str, ending: str, kind: str, policy: str, context: Mapping[str, Any]) -> HttpResponse:
    name = file_name(context["release"], context["made_at"], ending)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(text, content_type=kind, headers=headers)


@functools.cache
def _style() -> str:
    """Return the product's own style sheet; it loads nothing."""
    return (settings.BASE_DIR / "static" / "rollbook.css").read_text()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
