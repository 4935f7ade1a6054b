"""One item of readiness: one answer to "would a rollback work right now?"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """Its state, its sentence, and where it is not ready what to do."""

    key: str
    ready: bool
    says: str
    what_to_do: str = ""
    known: bool = True
    """False where nobody could say lately; it is then not ready either, and no alarm."""
    proven: bool = True
    """False where nothing speaks against it, and nothing proves it: no way to look is named, or nobody rehearsed."""

    @property
    def red(self) -> bool:
        return self.known and not self.ready

    @property
    def word(self) -> str:
        """Return the word of its mark."""
        if not self.known:
            return "not known"
        if not self.ready:
            return "not ready"
        return "ready" if self.proven else "not checked"

    def stored(self) -> dict[str, Any]:
        """Return it as JSON: for a look's row, and for what is kept of a press."""
        return {
            "key": self.key,
            "ready": self.ready,
            "known": self.known,
            "proven": self.proven,
            "says": self.says,
            "what_to_do": self.what_to_do,
        }


def ready(key: str, says: str) -> ReadinessItem:
    return ReadinessItem(key, True, says)


def not_proven(key: str, says: str, what_to_do: str = "") -> ReadinessItem:
    """Return an item that nothing speaks against, and nothing proves."""
    return ReadinessItem(key, True, says, what_to_do, proven=False)


def red(key: str, says: str, what_to_do: str) -> ReadinessItem:
    return ReadinessItem(key, False, says, what_to_do)


def not_known(key: str, says: str, what_to_do: str = "") -> ReadinessItem:
    return ReadinessItem(key, False, says, what_to_do, known=False)


def read(stored: Mapping[str, Any]) -> ReadinessItem:
    """Return an item from its JSON; of an older version, which knew only ready and not ready, too."""
    return ReadinessItem(
        key=str(stored.get("key", "")),
        ready=bool(stored.get("ready")),
        says=str(stored.get("says", "")),
        what_to_do=str(stored.get("what_to_do", "")),
        known=bool(stored.get("known", True)),
        proven=bool(stored.get("proven", True)),
    )
