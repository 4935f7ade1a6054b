"""What a search found: passages newest first, each with the lines in which the words stand."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from releases import search
from releases.intake import REASONS
from releases.models import Passage
from releases.queries import paging
from releases.queries.paging import PAGE, Page, Position
from releases.wanted import Wanted

EXCERPT = 200
"""Characters of a text that are shown around the first word that was found."""
LEAD = 60
"""How many of them stand before it."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, which was looked for or not."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of what was written, with what was found in it."""

    label: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that was found."""

    passage: Passage
    at: datetime
    who: str
    where: str
    excerpts: Sequence[Excerpt]


def search_page(wanted: Wanted, zone: tzinfo, at: Position) -> Page[Hit]:
    """Return one page of what holds all the words; only kind, service, environment, owner and days narrow it."""
    phrases = search.phrases_of(wanted.words)
    if not phrases:
        return Page((), None)
    lowest, highest = _between(wanted, zone)
    upwards = at.after is not None
    query = search.Query(
        phrases,
        _tags(wanted),
        before=min((key for key in (at.before, highest) if key is not None), default=None),
        after=max(key for key in (at.after, lowest) if key is not None) if upwards else None,
    )
    found = list(
        Passage.objects.filter(search.matching(query, PAGE + 1))
        .select_related(
            "release__service",
            "rollback__environment__service",
            "note__release__service",
            "note__rollback__environment__service",
        )
        .order_by("pk" if upwards else "-pk")
    )
    if lowest is not None:
        found = [passage for passage in found if passage.pk > lowest]
    looked_for = {word for phrase in phrases for word in phrase}
    return paging.as_page(found, at, lambda passages: [_hit(passage, looked_for) for passage in passages])


def _between(wanted: Wanted, zone: tzinfo) -> tuple[int | None, int | None]:
    """Return the numbers between which the days lie: passages are numbered as they are written."""
    since, until = wanted.since(zone), wanted.until(zone)
    numbers = Passage.objects.order_by("at", "pk").values_list("pk", flat=True)
    first = numbers.filter(at__gte=since).first() if since else 1
    beyond = numbers.filter(at__gte=until).first() if until else None
    return (paging.NUMBER_LIMIT if first is None else first - 1) if since else None, beyond


def _tags(wanted: Wanted) -> list[str]:
    given = {"kind": wanted.kind, "service": wanted.service, "environment": wanted.environment, "owner": wanted.owner}
    return [search.tag(name, value) for name, value in given.items() if value]


def _hit(passage: Passage, looked_for: set[str]) -> Hit:
    release, rollback, note = passage.release, passage.rollback, passage.note
    if release is not None:
        where, who = release.service.key, release.owner
        texts = [("Expected result", release.expected_result), ("Rollback note", release.rollback_note)]
    elif rollback is not None:
        where, who = str(rollback.environment), rollback.requested_by
        texts = [(REASONS.get(rollback.reason, rollback.reason), rollback.words)]
    else:
        assert note is not None, "a passage is of one of the three"
        where = note.release.service.key if note.release else str(note.rollback.environment) if note.rollback else ""
        who, texts = note.author, [("", note.text)]
    excerpts = [Excerpt(label, excerpt(text, looked_for)) for label, text in texts]
    # Where the version alone was found, every text is shown from its beginning.
    shown = [each for each in excerpts if any(piece.hit for piece in each.pieces)] or excerpts
    return Hit(passage, passage.at, who, where, shown)


def excerpt(text: str, looked_for: Iterable[str]) -> list[Piece]:
    """Cut a text to what stands around the first of these words, in pieces."""
    wanted = frozenset(looked_for)
    spans = [
        match.span() for match in _WORD.finditer(text) if search.folded(match.group())[: search.WORD_LIMIT] in wanted
    ]
    start = max(0, spans[0][0] - LEAD) if spans and spans[0][0] > EXCERPT - LEAD else 0
    end = min(len(text), start + EXCERPT)
    pieces, place = [Piece("…")] if start else [], start
    for begin, stop in spans:
        if stop > end:
            break
        pieces += [Piece(text[place:begin]), Piece(text[begin:stop], hit=True)]
        place = stop
    return [*pieces, Piece(text[place:end] + ("…" if end < len(text) else ""))]
