"""Rendering a rollback command on the worker that would run it, and keeping what it said for the page."""

from typing import Any

from django.utils import timezone

from releases import queries
from releases.catalogue import CatalogueError, Command, RenderError, UnknownPlace, problems, render
from releases.executor.masking import Masker
from releases.knocks import knock
from releases.models import Deployment, Environment, RenderedCommand
from releases.services import places

TARGETS_RENDERED = 3
"""For how many possible targets the command is kept ready; others are rendered when a person chooses them."""


class CannotRender(Exception):
    """The command cannot be rendered here; the message is a sentence."""


def render_soon(environment: Environment) -> None:
    """Ask the environment's worker to render the rollback commands of its likely targets."""
    knock("render_commands", environment.act_queue, environment.pk)


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


def render_commands(environment_id: int) -> None:
    """Render the rollback command for the likely targets and keep what this worker would run."""
    environment = Environment.objects.select_related("service", "live__release").get(pk=environment_id)
    for target in queries.way_back(environment).targets[:TARGETS_RENDERED]:
        keep_rendered(environment, target)


def render_target(deployment_id: int) -> None:
    """Render the rollback command for one target that a person chose."""
    target = Deployment.objects.select_related("environment__service", "release").get(pk=deployment_id)
    keep_rendered(target.environment, target)


def keep_rendered(environment: Environment, target: Deployment) -> RenderedCommand:
    """Render for one target and store what the page may show: argv, digest, host, problems. Nothing is run."""
    fields: dict[str, Any]
    try:
        command = rollback_command(environment, target)
    except CannotRender as error:
        fields = {"argv": [], "directory": "", "timeout": 0, "digest": "", "problems": [str(error)]}
    else:
        fields = {
            "argv": shown_argv(environment, command),
            "directory": command.directory,
            "timeout": command.timeout + command.grace,
            "digest": command.digest,
            "problems": [sentence for _, sentence in problems(command, places.passed_environment())],
        }
        holder = places.lock_of(environment).holder()
        if holder is not None:
            fields["problems"].append(holder.sentence)
    row, _ = RenderedCommand.objects.update_or_create(
        environment=environment,
        target=target,
        defaults={**fields, "host": places.host(), "rendered_at": timezone.now()},
    )
    return row
