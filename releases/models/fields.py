"""Small helpers that several models share."""

from enum import StrEnum

from django.db import models


def state_field(
    states: type[StrEnum], default: StrEnum | None = None, *, blank: bool = False
) -> "models.CharField[str, str]":
    """Return a text column that holds one of the given states, or nothing when `blank`."""
    return models.CharField(
        max_length=30,
        choices=[(state.value, state.value) for state in states],
        default=default.value if default is not None else "",
        blank=blank,
    )
