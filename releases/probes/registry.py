"""The probes there are: every module of this package is looked at, so adding a probe is adding its file."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import releases.probes as package
from releases.probes.base import Probe
from releases.states import About

SERVING_VERSION = "serving_version"
"""Key of the probe that the other rules name: it is asked first and last, and says what a rollback brought back."""

ORDER = (
    SERVING_VERSION,
    "logged_in_traffic",
    "cache_headers",
    "purge",
    "response_time",
    "rollback_command",
    "permissions",
    "secrets",
    "security_headers",
    "upload_limits",
    "logging",
    "configuration",
    "deploy_command",
    "rollback_rehearsal",
)
"""Keys in the order in which people read a checklist; a key not named here comes after them, by name."""


class UnknownProbe(LookupError):
    """No probe has this key. The message names those that there are."""


@cache
def all_probes() -> Mapping[str, Probe[Any]]:
    """Return every probe by its key, in the order of reading. Raises TypeError when two share a key."""
    found: dict[str, Probe[Any]] = {}
    for info in pkgutil.iter_modules(package.__path__, prefix=f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ != module.__name__ or not issubclass(kind, Probe) or inspect.isabstract(kind):
                continue
            if kind.key in found:
                raise TypeError(f"two probes have the key {kind.key!r}: {type(found[kind.key])} and {kind}")
            found[kind.key] = kind()
    return {key: found[key] for key in sorted(found, key=_place_in_order)}


def get(key: str) -> Probe[Any]:
    """Return the probe with this key; raise UnknownProbe if there is none."""
    try:
        return all_probes()[key]
    except KeyError:
        raise UnknownProbe(f"no probe {key!r}; there are {', '.join(all_probes())}") from None


def about(key: str) -> About:
    """Return what the probe with this key speaks of; of one that is not here any more nothing better is known."""
    probe = all_probes().get(key)
    return probe.about if probe is not None else About.SERVICE


def _place_in_order(key: str) -> tuple[int, str]:
    return (ORDER.index(key) if key in ORDER else len(ORDER), key)
