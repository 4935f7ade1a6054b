"""Small helpers that several models share."""

from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.lookups import Exact, In

if TYPE_CHECKING:
    Text = models.CharField[str, str]
else:
    Text = models.CharField


class StateField(Text):
    """A text column that holds one of a few words of ours, which statements name as they are.

    SQLite plans a statement before it sees its parameters, so it takes an index of the rows in a certain state only
    where the statement itself names that state. https://www.sqlite.org/partialindex.html, section 3
    """

    def deconstruct(self) -> Any:
        """To migrations it is the text column that it is."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(("", *(word for word, _ in self.flatchoices)))


Statement = tuple[str, tuple[str | int, ...]]
"""A part of a statement and its parameters."""


def _named(field: StateField, sql: str, given: tuple[str | int, ...]) -> Statement:
    """Write known words into a statement in place of its parameters."""
    if not given or any(word not in field.words for word in given):
        return sql, given
    return sql % tuple(f"'{word}'" for word in given), ()


@StateField.register_lookup
class NamedExact(Exact):
    def process_rhs(self, compiler: Any, connection: Any) -> Statement:
        return _named(self.lhs.output_field, *super().process_rhs(compiler, connection))


@StateField.register_lookup
class NamedIn(In):
    def process_rhs(self, compiler: Any, connection: Any) -> Statement:
        return _named(self.lhs.output_field, *super().process_rhs(compiler, connection))


def state_field(states: type[StrEnum], default: StrEnum | None = None, *, blank: bool = False) -> StateField:
    """Return a text column that holds one of the given states, or nothing when `blank`."""
    return StateField(
        max_length=30,
        choices=[(state.value, state.value) for state in states],
        default=default.value if default is not None else "",
        blank=blank,
    )
