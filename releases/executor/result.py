"""What came of a command."""

from dataclasses import dataclass

from releases.states import CommandState

DEADLINE = "deadline"
"""The stop reason of a command that outlived its timeout."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a command, as far as it was seen."""

    state: CommandState
    exit_code: int | None = None
    """None unless it exited by itself."""
    signal: int | None = None
    """The signal that ended it, None where none did."""
    stop_reason: str = ""
    """`deadline`, or the reason given by `should_stop`; empty where nobody stopped it."""
    output: str = ""
    """Bounded, masked and displayable: text that is safe to store and to show."""
    output_bytes: int = 0
    """Bytes written by the command, kept or not."""
    output_sha256: str = ""
    """Over all raw bytes, hexadecimal; empty where nothing was started."""
    truncated: bool = False
    left_behind: tuple[str, ...] = ()
    """Processes that were still alive when the run ended, one sentence each. They were not stopped."""
    seconds: float = 0.0
    problem: str = ""
    """A sentence on what went wrong beside the command's own failure; empty if nothing did."""
