"""Write the page about the probes, from the probes themselves: `manage.py describe_probes > docs/probes.md`."""

from collections.abc import Iterator
from typing import Any, get_args

from django.core.management.base import BaseCommand
from pydantic import BaseModel

from releases.probes import registry
from releases.probes.base import Probe

HEAD = """\
# The probes

Written by `manage.py describe_probes`; a test keeps it true. A probe runs where the catalogue has a table for it,
`[services.SERVICE.checklist.KEY]`. Its verdict is the worst of its findings: fail, then error (could not measure),
then inconclusive (too little data), else pass. Notes change nothing. Probes without effect run in parallel; those
with load or a change of the cache run alone, after them. One that speaks only of the way back fails like any other, and
never makes a rollback *not restored* ([outcomes](outcomes.md)).
"""


class Command(BaseCommand):
    help = "Print what every probe proves, its settings and its findings, as Markdown."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> str:
        return describe()


def describe() -> str:
    """Return the page, in the order in which people read a checklist."""
    return "\n".join([HEAD, *(line for probe in registry.all_probes().values() for line in _probe(probe))]).rstrip()


def _probe(probe: Probe[Any]) -> Iterator[str]:
    yield f"## `{probe.key}`: {probe.title}\n"
    yield f"A pass means: {probe.proves} It cannot see: {probe.cannot_see}\n"
    place = f"Group: {probe.group}. Speaks of {probe.about}. Effect: {probe.effect}."
    yield f"{place} Answers within {probe.deadline:g} s.\n"
    if probe.settings_model.model_fields:
        yield "| setting | default | meaning |"
        yield "|---|---|---|"
        yield from _settings(probe.settings_model, "")
        yield ""
    if probe.kinds:
        yield "| finding | level | what to do |"
        yield "|---|---|---|"
        for kind in probe.kinds:
            yield f"| `{kind.id}` | {kind.level} | {_cell(kind.hint)} |"
        yield ""


def _settings(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        yield f"| `{prefix}{name}` | {default} | {_cell(field.description or '')} |"
        for inner in _models_in(field.annotation):
            yield from _settings(inner, f"{prefix}{name}.")


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the tables inside a setting: in a list of them, or where there may be one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
