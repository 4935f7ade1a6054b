"""Whether the important configuration of a place is that of another one, and what changed since the baseline.

1. Read the place's configuration by the catalogue's command or file. Secret values become keyed digests at once.
2. Compare with what this probe last kept of the other environment.
3. Compare with the baseline, so that a release shows what it changed beside the code.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, StringConstraints

from releases.probes import flat_text
from releases.probes.base import (
    Answer,
    CannotRead,
    Context,
    Finding,
    FindingKind,
    Json,
    Probe,
    Settings,
    regression_by_findings,
)
from releases.states import Effect, Level

SUBJECT = "configuration"
LONGEST_VALUE = 200
"""Characters of a value that are kept and shown."""

ALWAYS_SECRET = (
    "*KEY*",
    "*SECRET*",
    "*TOKEN*",
    "*PASS*",
    "*PWD*",
    "*CREDENTIAL*",
    "*PRIVATE*",
    "*SALT*",
    "*AUTH*",
    "*DSN*",
    "*DATABASE_URL*",
    "*CONNECTION*STRING*",
)
"""Keys whose values are never kept, in upper case. One hidden without need is still compared, so more is better."""

_SECRET_VALUE = re.compile(
    r"://[^\s@]{0,1000}@"  # a URL with a user or a password
    r"|-----BEGIN "
    r"|(?:passw|pwd|secret|token|key|sig)[a-z_-]{0,20}[\"']?\s*[=:]"  # a connection string, a signed address
    r"|\b(?:bearer|basic)\s",
    re.IGNORECASE,
)

MISSING_KEY = FindingKind(
    "missing_key",
    Level.FAIL,
    "{subject} is missing here; {other} has it",
    "Set it here too, or name it in `may_differ` if this place is to be without it.",
)
EXTRA_KEY = FindingKind(
    "extra_key",
    Level.FAIL,
    "{subject} is set here; {other} does not have it",
    "Set it there before the release goes there, or name it in `may_differ`.",
)
DIFFERENT_VALUE = FindingKind(
    "different_value",
    Level.FAIL,
    "{subject} {difference}",
    "A rehearsal here says little of the other place. Make them the same, or name it in `may_differ`.",
)
DECLARED_DIFFERENCE = FindingKind(
    "declared_difference",
    Level.NOTE,
    "{subject} {difference}, as declared",
    "Look from time to time whether it still has to differ.",
)
CHANGED_SINCE_BASELINE = FindingKind(
    "changed_since_baseline",
    Level.NOTE,
    "{subject} was {change} since the baseline",
    "If something else is worse than before, this may be why: a rollback of the code does not take it back.",
)
NOTHING_TO_COMPARE_WITH = FindingKind(
    "nothing_to_compare_with",
    Level.INCONCLUSIVE,
    "nothing was kept of the configuration of {other} yet",
    "Put this probe on the checklist of {other} as well, name its source there, and run that checklist.",
)
CANNOT_READ = FindingKind(
    "cannot_read",
    Level.ERROR,
    "the configuration could not be read: {reason}",
    "Look at the catalogue's read_configuration command or file on the worker: rights, path, exit code.",
)
UNREADABLE = FindingKind(
    "unreadable",
    Level.ERROR,
    "the configuration is neither a flat JSON object nor KEY=VALUE lines: {reason}",
    "Correct that line, or let the command print only keys and plain values.",
)

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Patterns = Annotated[tuple[Pattern, ...], Field(max_length=100)]
Kept = Mapping[str, Mapping[str, Json]]
"""By key: `{"value": …}`, `{"digest": …}` of a secret, or both of a value that cannot be kept whole."""


class ConfigurationSettings(Settings):
    """Which keys count, and what they are compared with."""

    compare_with: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$")] = ""
    """Key of another environment of this service whose configuration must be the same; without it, and in that
    environment itself, the configuration is only kept and compared with the baseline."""
    important: Patterns = ("*",)
    """Keys that are kept and compared: names, or patterns with `*`, `?` and `[…]`. Give both environments the same."""
    may_differ: Patterns = ()
    """Keys or patterns that may differ or be in one place only; they are shown as declared."""
    secret: Patterns = ()
    """Further keys or patterns, in any case, whose values are kept only as keyed digests. Names with KEY, SECRET,
    TOKEN, PASS and the like always are, and so are values that look like credentials."""


class Configuration(Probe[ConfigurationSettings]):
    """Read the configuration, and compare it with another place and with the baseline."""

    key = "configuration"
    title = "Configuration"
    group = "rehearsal"
    proves = "The important configuration is that of the other environment, but for what is declared to differ."
    cannot_see = "Configuration outside the named source, and whether the running processes have loaded it."
    effect = Effect.NONE
    deadline = 20.0
    kinds = (
        MISSING_KEY,
        EXTRA_KEY,
        DIFFERENT_VALUE,
        DECLARED_DIFFERENCE,
        CHANGED_SINCE_BASELINE,
        NOTHING_TO_COMPARE_WITH,
        CANNOT_READ,
        UNREADABLE,
    )
    settings_model = ConfigurationSettings

    def measure(self, context: Context[ConfigurationSettings]) -> Answer:
        """Return findings by key, and as figures the configuration without secrets."""
        context.progress(0, 1, "reading the configuration")
        try:
            text = context.read_configuration()
            if text is None:
                return Answer(skipped="the catalogue names no source of the configuration here")
            read = flat_text.parse(text)
        except CannotRead as error:
            return _no_answer(CANNOT_READ, str(error))
        except flat_text.Unreadable as error:
            return _no_answer(UNREADABLE, str(error))
        wanted = context.settings.important
        now = {key: _kept(key, value, context) for key, value in read.items() if _matches(key, wanted)}
        findings = [*_compare(now, context), *_changes(now, context)]
        return Answer(findings, {"configuration": now}, regression_by_findings(findings, context.before))


def _no_answer(kind: FindingKind, reason: str) -> Answer:
    return Answer([Finding(kind, SUBJECT, {"reason": reason})])


def _matches(key: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _is_secret(key: str, value: str, settings: ConfigurationSettings) -> bool:
    patterns = [*ALWAYS_SECRET, *(pattern.upper() for pattern in settings.secret)]
    return _matches(key.upper(), patterns) or _SECRET_VALUE.search(value) is not None


def _kept(key: str, value: str, context: Context[ConfigurationSettings]) -> dict[str, Json]:
    """Return what is kept of a value. One that is cut, or that storing would change, is compared by its digest."""
    if _is_secret(key, value, context.settings):
        return {"digest": context.keyed_digest(value)}
    if len(value) > LONGEST_VALUE or not value.isprintable():
        return {"value": value[:LONGEST_VALUE], "digest": context.keyed_digest(value)}
    return {"value": value}


@dataclass(frozen=True, slots=True)
class _Pair:
    """One key here and there."""

    here: Mapping[str, Json] | None
    there: Mapping[str, Json] | None
    secret: bool


def _compare(now: Kept, context: Context[ConfigurationSettings]) -> Iterator[Finding]:
    """Yield how this place differs from the other one, what fails first."""
    settings, other = context.settings, context.settings.compare_with
    if not other or other == context.environment:
        return
    kept = context.configuration_of(other)
    if kept is None:
        yield Finding(NOTHING_TO_COMPARE_WITH, other, {"other": other})
        return
    there = {key: entry for key, entry in kept.items() if _matches(key, settings.important)}
    declared = []
    for key in _all_keys(now, there):
        pair = _Pair(now.get(key), there.get(key), _is_secret(key, "", settings))
        if _same(pair, context):
            continue
        if _matches(key, settings.may_differ):
            declared.append(Finding(DECLARED_DIFFERENCE, key, {"difference": _difference(pair, other)}))
        elif pair.here is None:
            yield Finding(MISSING_KEY, key, {"other": other})
        elif pair.there is None:
            yield Finding(EXTRA_KEY, key, {"other": other})
        else:
            yield Finding(DIFFERENT_VALUE, key, {"difference": _difference(pair, other)})
    yield from declared


def _changes(now: Kept, context: Context[ConfigurationSettings]) -> Iterator[Finding]:
    """Yield the keys that are not what they were in the baseline."""
    kept = context.before.figures.get("configuration") if context.before else None
    if not isinstance(kept, Mapping):
        return
    before = {key: entry for key, entry in kept.items() if _matches(key, context.settings.important)}
    for key in _all_keys(before, now):
        pair = _Pair(now.get(key), before.get(key), _is_secret(key, "", context.settings))
        if not _same(pair, context):
            yield Finding(CHANGED_SINCE_BASELINE, key, {"change": _change(pair)})


def _all_keys(first: Kept, second: Kept) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _same(pair: _Pair, context: Context[ConfigurationSettings]) -> bool:
    if pair.here is None or pair.there is None:
        return pair.here is pair.there
    if "digest" not in pair.here and "digest" not in pair.there:
        return pair.here.get("value") == pair.there.get("value")
    return _digest(pair.here, context) == _digest(pair.there, context)


def _digest(entry: Mapping[str, Json], context: Context[ConfigurationSettings]) -> str:
    """Return the digest of a value: what is a secret here may be kept openly there."""
    return str(entry["digest"]) if "digest" in entry else context.keyed_digest(str(entry.get("value", "")))


def _difference(pair: _Pair, other: str) -> str:
    if pair.here is None:
        return f"is set only in {other}"
    if pair.there is None:
        return f"is not set in {other}"
    shown = _shown(pair)
    return f"is {shown[0]} here and {shown[1]} in {other}" if shown else f"differs from {other} (secret)"


def _change(pair: _Pair) -> str:
    if pair.here is None:
        return "removed"
    if pair.there is None:
        return "added"
    shown = _shown(pair)
    return f"changed from {shown[1]} to {shown[0]}" if shown else "changed (secret)"


def _shown(pair: _Pair) -> tuple[str, str] | None:
    """Return both values in quotes, or None where either is a secret."""
    if pair.here is None or pair.there is None or pair.secret:
        return None
    if "value" not in pair.here or "value" not in pair.there:
        return None
    return _quoted(pair.here), _quoted(pair.there)


def _quoted(entry: Mapping[str, Json]) -> str:
    value = str(entry["value"])
    return f'"{value}…"' if len(value) >= LONGEST_VALUE else f'"{value}"'
