"""Rendering a rollback command on the worker that would run it, and keeping what it said for the page."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from releases import queries
from releases.catalogue import CatalogueError, Command, RenderError, UnknownPlace, problems, render
from releases.display import visible
from releases.executor import EnvironmentLock, LockHeld
from releases.executor.masking import Masker
from releases.http import Deadline
from releases.knocks import knock
from releases.models import (
    Deployment,
    Environment,
    MigrationReport,
    Release,
    RenderedCommand,
    RenderedDeploy,
    Worker,
)
from releases.queries.readiness import WORKER_FRESH
from releases.services import last_known, places, readiness
from releases.services.artifacts import look_for_artifact
from releases.services.migrations import keep_migrations

TARGETS_RENDERED = 3
"""For how many possible targets the command is kept ready; others are rendered when a person chooses them."""
ANSWER_SECONDS = 18.0
"""How long a worker that is alive may take to look at the command of one target, the artifact included."""
SILENCE_SECONDS = 2.0
"""The same where none has reported itself: one may just have started."""
LOOK_AGAIN_SECONDS = 0.1
LOOKED_LATELY = timedelta(minutes=1)
"""How old a look may be that is shown without asking for another one."""

_looking_here: ContextVar[bool] = ContextVar("looking_here", default=False)


class CannotRender(Exception):
    """The command cannot be rendered here; the message is a sentence."""


def look_soon(environment: Environment) -> None:
    """Ask the environment's worker to look at the way back now: something that it depends on has changed."""
    knock("look_at_way_back", environment.act_queue, environment.pk)


def ask_to_look(
    environment: Environment, target: Deployment, rendered: RenderedCommand | None, looked_at: datetime | None
) -> None:
    """Have a worker look at a way back at which none has, or not lately."""
    if rendered is None or looked_at is None or timezone.now() - looked_at > LOOKED_LATELY:
        knock("render_target", environment.act_queue, target.pk)


def rollback_command(environment: Environment, target: Deployment) -> Command:
    """Render the command that takes an environment back to a target. Raises CannotRender."""
    return command_named("rollback", environment, target)


def command_named(name: str, environment: Environment, target: Deployment, route: str = "") -> Command:
    """Render a catalogue command of an environment by its name. Raises CannotRender."""
    try:
        template = places.place(environment).commands.get(name)
        if template is None:
            raise CannotRender(f"The catalogue has no {name} command for {environment}.")
        return render(template, values(environment, target, route))
    except (places.NoCatalogue, CatalogueError, UnknownPlace, RenderError) as error:
        raise CannotRender(str(error)) from None


def shown_argv(environment: Environment, command: Command) -> list[str]:
    """Return a command's arguments as they may be stored and shown: secrets masked."""
    masker = Masker(places.secrets_to_mask(environment))
    return [masker.text(argument) for argument in command.argv]


def values(environment: Environment, target: Deployment, route: str = "") -> dict[str, str]:
    """Return what the placeholders of a command stand for."""
    return {
        "service": environment.service.key,
        "environment": environment.key,
        "version": target.release.version,
        "release": target.release.tag,
        "route": route,
    }


def look_at_way_back(environment_id: int) -> None:
    """Render the rollback command for the likely targets, then answer all else: of the first one all of readiness.

    One such look at a time on a host: looking must leave room for a rollback. Who finds another one on is asked again
    by the sweep.
    """
    environment = Environment.objects.select_related("service", "live__release").get(pk=environment_id)
    likely = queries.way_back(environment).targets[:TARGETS_RENDERED]
    for target in likely:  # the commands first: they are what a press waits for
        keep_rendered(environment, target)
    last_known.keep(environment)
    if likely:
        one_at_a_time = EnvironmentLock(settings.ROLLBOOK_HOME / "locks", "looks")
        with contextlib.suppress(LockHeld), one_at_a_time.acquire(f"look at the way back of {environment}"):
            render_target(likely[0].pk)
            for target in likely[1:]:
                look_at_migrations(environment, target)


def render_target(deployment_id: int) -> None:
    """Look at everything about going back to one target, and say so by raising the counter: somebody asked for it."""
    target = Deployment.objects.select_related("environment__service", "environment__live__release", "release").get(
        pk=deployment_id
    )
    environment = target.environment
    row = keep_rendered(environment, target)  # first what a page waits for
    found = look_for_artifact(environment, target, values(environment, target))
    RenderedCommand.objects.filter(pk=row.pk).update(
        artifact_found=_storable(found), rendered_at=timezone.now(), looked=F("looked") + 1
    )
    report = look_at_migrations(environment, target)  # whoever asks for the counter does not ask for this
    if report is not None:
        readiness.keep_look(environment, target, found, report)


def look_at_migrations(environment: Environment, target: Deployment) -> MigrationReport | None:
    """Have it said what lies between what is live and a target, and keep it; None where nothing is live."""
    live = queries.way_back(environment).live
    return keep_migrations(environment, live, target, values(environment, target)) if live else None


def deploy_command_shown(environment: Environment, release: Release) -> RenderedDeploy:
    """Return the deploy command as a worker last rendered it, and ask for a new look where that was long ago."""
    row, made = RenderedDeploy.objects.get_or_create(environment=environment, release=release)
    if made or row.rendered_at is None or timezone.now() - row.rendered_at > LOOKED_LATELY:
        knock("render_deploy", environment.act_queue, row.pk)
    return row


def render_deploy(rendered_id: int) -> None:
    """Look at the deploy command of one release, and keep what this worker would run. Nothing is run."""
    row = RenderedDeploy.objects.select_related("environment__service", "release").get(pk=rendered_id)
    environment = row.environment
    try:
        command = command_named("deploy", environment, Deployment(release=row.release, environment=environment))
    except CannotRender as error:
        row.argv, row.timeout, row.digest, row.problems = [], 0, "", [visible(str(error))]
    else:
        row.argv, row.digest = shown_argv(environment, command), command.digest
        row.timeout = command.timeout + command.grace
        found = [*problems(command, places.passed_environment()), *_held(environment)]
        row.problems = [visible(sentence) for _, sentence in found]
    row.host, row.rendered_at = places.host(), timezone.now()
    row.save()


def keep_rendered(environment: Environment, target: Deployment) -> RenderedCommand:
    """Render for one target and store what the page may show: argv, digest, host, problems. Nothing is run."""
    fields: dict[str, Any]
    try:
        command = rollback_command(environment, target)
    except CannotRender as error:
        fields = {"argv": [], "directory": "", "timeout": 0, "digest": ""}
        found = [("does_not_render", str(error))]
    else:
        fields = {
            "argv": shown_argv(environment, command),
            "directory": command.directory,
            "timeout": command.timeout + command.grace,
            "digest": command.digest,
        }
        found = [*problems(command, places.passed_environment()), *_held(environment)]
    fields |= {"found": _storable(found), "problems": [sentence for _, sentence in found]}
    row, _ = RenderedCommand.objects.update_or_create(
        environment=environment,
        target=target,
        defaults={**fields, "host": places.host(), "terminal": places.terminal(), "rendered_at": timezone.now()},
    )
    return row


def ask_worker(environment: Environment, target: Deployment) -> RenderedCommand | None:
    """Have the worker that would run the rollback look at it now, and return what it kept.

    None when it did not answer in time. No clocks are compared: its counter has to rise.
    """
    rows = RenderedCommand.objects.filter(environment=environment, target=target)
    looked = rows.values_list("looked", flat=True).first() or 0
    if _looking_here.get():
        render_target(target.pk)
        return rows.get()
    knock("render_target", environment.act_queue, target.pk)
    deadline = Deadline.after(ANSWER_SECONDS if worker_alive(environment) else SILENCE_SECONDS)
    while not deadline.reached:
        time.sleep(LOOK_AGAIN_SECONDS)
        if (answer := rows.filter(looked__gt=looked).first()) is not None:
            return answer
    return None


def worker_alive(environment: Environment) -> bool:
    """Whether a worker that would run this environment's rollback has reported itself lately."""
    fresh = Worker.objects.filter(role="act", seen_at__gte=timezone.now() - WORKER_FRESH)
    return any(environment.act_queue in queues for queues in fresh.values_list("queues", flat=True))


@contextlib.contextmanager
def looking_here() -> Iterator[None]:
    """Have this process look by itself while it stands in for the worker: it runs the commands too."""
    token = _looking_here.set(True)
    try:
        yield
    finally:
        _looking_here.reset(token)


def _held(environment: Environment) -> list[tuple[str, str]]:
    holder = places.lock_of(environment).holder()
    return [] if holder is None else [("lock_held", holder.sentence)]


def _storable(found: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[identity, visible(sentence)] for identity, sentence in found]
