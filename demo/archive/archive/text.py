"""The documentation's plain text as HTML: headings, paragraphs, lists, examples, and words set as code."""

import re
from collections.abc import Iterator
from html import unescape
from textwrap import dedent

from markupsafe import Markup, escape

UNDERLINE = re.compile(r"([*=\-~^\"'])\1{2,}\s*\Z")
BULLET = re.compile(r"\s{0,3}[*\-•]\s+")
CODE = re.compile(
    r"``(?P<ticks>[^`\n]+)``|`(?P<tick>[^`\n]+)`"
    r"|&#34;(?P<quoted>[\w.()\[\]{}:@=+\-*/%<>!&;|~, ]{1,60})&#34;"  # quotes, as they stand in escaped text
)
EMPHASIS = re.compile(r"(?<![\w*])\*(?P<words>\w[^*\n]{0,60}?)\*(?![\w*])")
TAG = re.compile(r"<[^>]+>")


def to_html(text: str) -> Markup:
    """Return the whole text as HTML, everything in it escaped."""
    return Markup("\n").join(_blocks(text))


def summary(text: str, longest: int = 200) -> str:
    """Return the first paragraph as plain words, cut at a word's end."""
    paragraph = re.search(r"<p>(.*?)</p>", str(to_html(text)), re.DOTALL)
    words = " ".join(unescape(TAG.sub("", paragraph[1])).split()) if paragraph else ""
    return words if len(words) <= longest else words[:longest].rsplit(" ", 1)[0] + " …"


def _blocks(text: str) -> Iterator[Markup]:
    for block in re.split(r"\n\s*\n", text.expandtabs().strip("\n")):
        lines = block.splitlines()
        if len(lines) >= 2 and UNDERLINE.match(lines[1]):
            yield Markup("<h2>{}</h2>").format(lines[0].strip())
            lines = lines[2:]
        if not lines:
            continue
        if BULLET.match(lines[0]):
            yield _list(lines)
        elif all(line.startswith("   ") for line in lines) or lines[0].lstrip().startswith((">>>", "|", "+-")):
            yield Markup("<pre>{}</pre>").format(dedent("\n".join(lines)))
        else:
            yield Markup("<p>{}</p>").format(_words("\n".join(lines)))


def _list(lines: list[str]) -> Markup:
    items: list[list[str]] = []
    for line in lines:
        if BULLET.match(line) or not items:
            items.append([BULLET.sub("", line, count=1)])
        else:
            items[-1].append(line.strip())
    listed = Markup("").join(Markup("<li>{}</li>").format(_words("\n".join(item))) for item in items)
    return Markup("<ul>{}</ul>").format(listed)


def _words(text: str) -> Markup:
    escaped = str(escape(text))
    coded = CODE.sub(lambda found: f"<code>{found['ticks'] or found['tick'] or found['quoted']}</code>", escaped)
    # Only what was escaped above is left between the tags that were set here.
    return Markup(EMPHASIS.sub(lambda found: f"<em>{found['words']}</em>", coded))  # noqa: S704
