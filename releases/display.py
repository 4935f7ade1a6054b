"""Making any text safe to show: control characters become visible, nothing acts on a terminal or a page."""

import re
import unicodedata
from datetime import UTC, datetime

_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def visible(text: str) -> str:
    """Return the text with every control, zero-width and direction-changing character written out as `\\u....`.

    Tab and newline stay.
    """
    return _HIDDEN.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def hidden_character(text: str) -> str | None:
    """Return the name of the first character that `visible` would write out (`U+202E RIGHT-TO-LEFT OVERRIDE`)."""
    match = _HIDDEN.search(text)
    if match is None:
        return None
    character = match.group()
    return f"U+{ord(character):04X} {unicodedata.name(character, 'control character')}"


def utc_text(moment: datetime) -> str:
    """Return a moment for machines, in UTC whatever zone it came in: `2026-03-14T09:12:03.250000Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
