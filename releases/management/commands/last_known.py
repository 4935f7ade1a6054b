"""Print the last known way back of each environment, without a database: for the night when it is gone."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releases.display import visible
from releases.services.last_known import folder, read_all


class Command(BaseCommand):
    help = (
        "Print what was last known to be live, the command that takes it back, and the rollback note. "
        "Reads files that the act worker keeps on this host, and no database. Runs nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("environments", nargs="*", metavar="SERVICE/ENVIRONMENT", help="all without any")

    def handle(self, *args: Any, environments: list[str], **options: Any) -> None:
        known = {str(facts.get("environment")): facts for facts in read_all()}
        missing = sorted(set(environments) - set(known))
        if missing or not known:
            raise CommandError(
                f"Nothing is kept of {', '.join(missing) or 'any environment'} in {folder()}. "
                f"Expected: {', '.join(sorted(known)) or 'the host of an act worker, where its ROLLBOOK_HOME is'}."
            )
        for name in environments or sorted(known):
            self.stdout.write("\n".join(_told(known[name])) + "\n")


def _told(facts: Mapping[str, Any]) -> Iterator[str]:
    def text(key: str, of: Mapping[str, Any] = facts) -> str:
        return visible(str(of.get(key, "")))

    yield f"{text('environment')}, as known {_age(text('at'))}"
    yield f"  live     {', '.join(said for said in (text('live'), text('owner')) if said) or 'nothing recorded'}"
    for way in facts.get("ways", []):
        yield f"  back to  {text('version', way)}{'' if way.get('verified') else ' (not verified)'}"
        limit = text("timeout", way).removesuffix(".0")
        yield f"    on {text('host', way)}, in {text('directory', way)}, at most {limit} s:"
        yield f"    {visible(shlex.join(map(str, way.get('argv', []))))}"
        for problem in way.get("problems", []):
            yield f"    then: {visible(str(problem))}"
    if not facts.get("ways"):
        yield "  back to  nothing: no command was rendered"
    if facts.get("note"):
        yield f"  note     {text('note')}"
    if facts.get("purge"):
        yield f"  purge    {', '.join(visible(str(route)) for route in facts['purge'])}"
    if facts.get("contact"):
        yield f"  call     {text('contact')}"
    yield f"  look at  {text('base_url')}"
    yield "  What is run by hand is in no book: write down who ran what, when and why, and report it afterwards."


def _age(at: str) -> str:
    try:
        moment = datetime.fromisoformat(at)
        seconds = int((datetime.now(moment.tzinfo) - moment).total_seconds())
    except (ValueError, TypeError):
        return "at an unknown time"
    return f"{moment:%d %b %Y %H:%M:%S} UTC ({max(0, seconds) // 60} min ago)"
