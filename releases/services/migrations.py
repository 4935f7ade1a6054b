"""Which migrations lie between what is live and a target: the catalogue's command says, and only looks."""

from collections.abc import Mapping

from django.utils import timezone

from releases.display import visible
from releases.executor.masking import Masker, secrets_in
from releases.migration_report import COMMAND, NO_COMMAND, Migration, NoReport, read_report
from releases.models import Deployment, Environment, MigrationReport
from releases.probes.base import CannotRead
from releases.queries.migrations import last_answer
from releases.services import places, reading


def keep_migrations(
    environment: Environment, live: Deployment, target: Deployment, values: Mapping[str, str]
) -> MigrationReport:
    """Ask the command what lies between, and keep what it said, or why it said nothing beside what was said before.

    `values` are those of the placeholders for the target.
    """
    migrations, problem = _ask(environment, dict(values) | {"live_version": live.release.version})
    masker = _masker(environment)
    now, host = timezone.now(), places.host()
    look = {"problem": visible(masker.text(problem)), "host": host, "looked_at": now}
    if problem:
        answer, before = {}, last_answer(environment, live, target)
        at_first = before.answer if before else {}
    else:
        said = [
            {key: masker.text(value) for key, value in migration.model_dump(exclude_none=True).items()}
            for migration in migrations
        ]
        answer = at_first = {"migrations": said, "answered_at": now, "answered_on": host}
    report, _ = MigrationReport.objects.update_or_create(
        environment=environment,
        live=live,
        target=target,
        defaults=look | answer,
        create_defaults=look | at_first,
    )
    return report


def _ask(environment: Environment, values: Mapping[str, str]) -> tuple[list[Migration], str]:
    """Return what the command said, or the sentence that says why nothing is known."""
    try:
        template = reading.place_of(environment).commands.get(COMMAND)
        if template is None:
            return [], NO_COMMAND
        printed = reading.by_command(template, environment, COMMAND, values)
        return read_report(printed.encode(errors="surrogateescape")), ""
    except NoReport as error:
        return [], f"{COMMAND} printed no report: {error}"
    except CannotRead as error:
        return [], str(error)


def _masker(environment: Environment) -> Masker:
    """Return what masks the secrets that the command could have printed."""
    passed = places.passed_environment()
    try:
        template = reading.place_of(environment).commands.get(COMMAND)
    except CannotRead:
        template = None
    given = {name: passed[name] for name in (template.environment if template else ()) if name in passed}
    return Masker([*places.secrets_to_mask(environment), *secrets_in(given)])
