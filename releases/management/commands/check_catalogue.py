"""`manage.py check_catalogue FILE`: say everything that is wrong with a catalogue file, or that it can be used."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releases.catalogue import CatalogueError, load


class Command(BaseCommand):
    help = "Check a catalogue file and print every mistake with its line, its key and what was expected."
    requires_system_checks = ()  # it looks at one file and needs neither a database nor a broker

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the catalogue, a TOML file")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"]
        try:
            catalogue = load(path)
        except CatalogueError as error:
            for mistake in error.mistakes:
                self.stderr.write(f"{path}: {mistake}")
            raise CommandError(f"{_count(len(error.mistakes), 'mistake')} in {path}.") from None
        for environment in catalogue.environments():
            commands = ", ".join(environment.commands) or "no commands"
            probes = ", ".join(environment.checklist) or "no probes"
            self.stdout.write(f"{environment.name}: {environment.base_url}; {commands}; checklist: {probes}")
        services = _count(len(catalogue.services), "service")
        environments = _count(len(catalogue.environments()), "environment")
        self.stdout.write(f"{path} can be used: {services}, {environments}, digest {catalogue.digest}.")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
