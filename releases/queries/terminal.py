"""The command line that rolls back from a terminal: for the night when nobody works the queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from releases.models import Environment, RenderedCommand


@dataclass(frozen=True, slots=True)
class Terminal:
    """What somebody types, and where."""

    host: str
    """The worker's, as it last said; empty where none has."""
    argv: Sequence[str]


def terminal(environment: Environment, rendered: RenderedCommand | None, username: str, version: str = "") -> Terminal:
    """Return how `username` rolls an environment back from a terminal, to `version` or else to the first target."""
    begin = rendered.terminal if rendered and rendered.terminal else ["manage.py"]
    to = ["--to", version] if version else []
    argv = [*begin, "rollback", environment.service.key, environment.key, "--as", username, *to]
    return Terminal(rendered.host if rendered else "", argv)
