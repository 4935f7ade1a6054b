"""The Jinja2 environment of all pages: strict about undefined names, escaping on, one set of formatting words."""

import datetime
import functools
import shlex
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import jinja2
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django_htmx.jinja import htmx_script
from markupsafe import Markup

from dashboard import marks, review_text, wording
from dashboard.menu import menu, phone_bar
from releases import figures
from releases.display import visible


def environment(*, loader: jinja2.BaseLoader, auto_reload: bool = False, **_: Any) -> jinja2.Environment:
    """Return the environment for Django's Jinja2 backend.

    What else the backend would set (escaping, undefined names) is not open to choice and ignored.
    """
    env = jinja2.Environment(
        loader=loader,
        auto_reload=auto_reload,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = functools.partial(env.get_template, "parts/status.html")

    @functools.lru_cache(maxsize=2000)
    def marked(word: str, label: str = "") -> Markup:
        """Return the mark of a word of state; lists show the same few many times, so that each is drawn once."""
        drawn: Markup = vars(parts().module)["mark"](word, label or None)
        return drawn

    env.globals.update(
        url=url,
        numbered=numbered,
        marked=marked,
        options_of=options_of,
        when_of=when_of,
        since_of=since_of,
        static=static,
        htmx_script=htmx_script,
        now=timezone.now,
        zone_key=timezone.get_current_timezone_name,
        mark_of=marks.mark_of,
        glyph=marks.glyph,
        change=figures.change,
        menu=menu,
        phone_bar=phone_bar,
    )
    env.filters.update(
        ago=ago,
        when=when,
        clock=clock,
        day=day,
        hour=hour,
        recent=recent,
        utc=wording.utc,
        iso=wording.iso,
        age=age,
        duration=wording.duration,
        about=wording.about,
        offset=wording.offset,
        number=figures.number,
        count_of=wording.count,
        bytes=wording.size,
        digest=wording.digest,
        commit=wording.commit,
        listed=wording.listed,
        visible=visible,
        first_lines=wording.first_lines,
        shell_line=shlex.join,
        failed=review_text.rate,
        came_true=review_text.came_true,
    )
    return env


def url(name: str, *args: Any, query: dict[str, Any] | None = None) -> str:
    """Return the address of a named page; `query` becomes its query string, without what is empty."""
    kept = {key: value for key, value in (query or {}).items() if value not in (None, "")}
    path = _path(name, args)
    return f"{path}?{urlencode(kept, doseq=True)}" if kept else path


@functools.lru_cache(maxsize=5000)
def _path(name: str, args: tuple[Any, ...]) -> str:
    """Return the path of a named page; a list has hundreds of them, and the resolver takes its time for each."""
    return reverse(name, args=args)


def numbered(name: str) -> str:
    """Return what stands before the number in the addresses of such pages: `/releases/`, for lists of many."""
    return reverse(name, args=[0]).removesuffix("0")


def options_of(options: Iterable[tuple[object, object]], chosen: str) -> Markup:
    """Return the options of a select: a page may have hundreds of them, and nearly always the same."""
    return Markup("\n").join(_option(str(key), str(words), str(key) == chosen) for key, words in options)


@functools.lru_cache(maxsize=5000)
def _option(key: str, words: str, chosen: bool) -> Markup:
    return Markup('<option value="{}"{}>{}</option>').format(key, Markup(" selected") if chosen else "", words)


def when_of(moment: datetime.datetime, now: datetime.datetime) -> Markup:
    """Return what `when` of parts/time.html does, for lists of many."""
    if wording.recent(moment, now):
        inside = Markup("<span data-ago>{}</span> · <span>{}</span>").format(ago(moment, now), clock(moment, now))
        return Markup('<time datetime="{}">{}</time>').format(wording.iso(moment), inside)
    return Markup(f'<time datetime="{wording.iso(moment)}">{day(moment)}</time>')  # noqa: S704 - only digits and letters


def since_of(moment: datetime.datetime, now: datetime.datetime) -> Markup:
    """Return what `since` of parts/time.html does, for lists of many."""
    written = Markup('<time datetime="{}" title="{}" data-age>{}</time>')
    return written.format(wording.iso(moment), clock(moment, now), age(moment, now))


# The filters below fill in this moment and the person's zone, which the middleware has activated. A page that shows
# many times passes its own `now`, so that all of them agree.


def ago(moment: datetime.datetime, now: datetime.datetime | None = None) -> str:
    return wording.ago(moment, now or timezone.now())


def age(moment: datetime.datetime, now: datetime.datetime | None = None) -> str:
    """Return how old a moment is, without "ago": `8 min`."""
    return wording.age(((now or timezone.now()) - moment).total_seconds())


def recent(moment: datetime.datetime, now: datetime.datetime | None = None) -> bool:
    return wording.recent(moment, now or timezone.now())


def when(moment: datetime.datetime, now: datetime.datetime | None = None) -> str:
    return wording.when(moment, now or timezone.now(), timezone.get_current_timezone())


def clock(moment: datetime.datetime, now: datetime.datetime | None = None, *, seconds: bool = False) -> str:
    return wording.clock(moment, now or timezone.now(), timezone.get_current_timezone(), seconds=seconds)


def day(moment: datetime.datetime) -> str:
    return wording.date(moment, timezone.get_current_timezone())


def hour(moment: datetime.datetime) -> str:
    """Return the time on the wall with its zone, `09:00 UTC`, for beside a day."""
    return wording.clock(moment, moment, timezone.get_current_timezone())
