"""The list of articles: one page of it, each article with its first words and its length."""

from collections.abc import Sequence
from dataclasses import dataclass

from archive.articles import Article
from archive.text import summary

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    slug: str
    title: str
    kind: str
    summary: str
    words: int


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    last: int
    entries: tuple[Entry, ...]


def page(articles: Sequence[Article], number: int) -> Page | None:
    """Return one page of the list, counted from 1, or None past its end."""
    last = -(-len(articles) // PER_PAGE)
    if not 1 <= number <= last:
        return None
    start = (number - 1) * PER_PAGE
    return Page(number, last, tuple(_entry(article) for article in articles[start : start + PER_PAGE]))


def _entry(article: Article) -> Entry:
    return Entry(article.slug, article.title, article.kind, summary(article.text), len(article.text.split()))
