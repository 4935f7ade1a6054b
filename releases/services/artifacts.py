"""Whether the artifact of a rollback's target can still be had: the catalogue's command or address says."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from django.conf import settings

from releases.catalogue import CatalogueEnvironment, CatalogueError, CommandTemplate, RenderError, UnknownPlace, render
from releases.executor import EnvironmentLock, LockHeld, run
from releases.http import MOST_REDIRECTS, Deadline, Door, DoorError, Limits
from releases.models import Deployment, Environment
from releases.services import places

COMMAND = "check_artifact"
SECONDS = 10
"""For asking, whatever the command's own timeout is."""
GRACE = 2
"""Seconds between TERM and KILL, at most."""
GONE = frozenset({404, 410})
HEAD_NOT_ALLOWED = frozenset({405, 501})
BEGINNING = Limits(wire_bytes=64 * 1024, body_bytes=16 * 1024)
"""How much of an artifact is taken in where only GET is allowed."""

Found = list[tuple[str, str]]
"""(finding id, sentence) pairs; empty when the artifact is there."""


def look_for_artifact(environment: Environment, target: Deployment, values: Mapping[str, str]) -> Found:
    """Say what is wrong with the artifact of a target. A command is asked before an address. Changes nothing.

    `values` are those of the placeholders.
    """
    try:
        place = places.place(environment)
    except (places.NoCatalogue, CatalogueError, UnknownPlace) as error:
        return [_unknown(str(error))]
    if template := place.commands.get(COMMAND):
        return _by_command(template, environment, target, values)
    if place.artifact_url:
        return _by_request(place, target)
    return [("artifact_not_checked", f"the catalogue names no way to look for {target.release.version}")]


def _by_command(
    template: CommandTemplate, environment: Environment, target: Deployment, values: Mapping[str, str]
) -> Found:
    """Run the command under a lock of its own: it reads, so no deployment waits for it, nor it for one."""
    lock = EnvironmentLock(settings.ROLLBOOK_HOME / "locks", f"{environment}/artifact")
    try:
        command = render(template, values)
        with _acquired(lock, f"{COMMAND} of {target.release.version}"):
            result = run(
                replace(command, timeout=min(command.timeout, SECONDS), grace=min(command.grace, GRACE)),
                lock=lock,
                execution_id=f"A-{target.pk}",
                secrets=places.secrets_to_mask(environment),
                on_output=lambda _: None,
                should_stop=lambda: "",
                passed_environment=places.passed_environment(),
            )
    except (RenderError, LockHeld) as error:
        return [_unknown(str(error))]
    if result.exit_code == 0:
        return []
    if result.exit_code is None:
        why = f"it did not end within {SECONDS} s" if result.stop_reason else result.problem or "it was killed"
        return [_unknown(f"{COMMAND} gave no answer: {why}")]
    said = (result.output.strip().splitlines()[-1:] or ["it wrote nothing"])[0][:200]
    return [("artifact_missing", f"{COMMAND} for {target.release.version} exited with {result.exit_code}: {said}")]


def _acquired(lock: EnvironmentLock, what: str) -> EnvironmentLock:
    """Take the lock, waiting for another look that is on."""
    deadline = Deadline.after(SECONDS)
    while True:
        try:
            return lock.acquire(what)  # tries for a moment by itself
        except LockHeld:
            if deadline.reached:
                raise


def _by_request(place: CatalogueEnvironment, target: Deployment) -> Found:
    """Ask for the address with HEAD; with GET where that is not allowed, of which only the beginning is taken in."""
    url = place.artifact_url.replace("{version}", quote(target.release.version, safe=""))
    shown = url.partition("?")[0]  # a query may carry a key
    try:
        with Door(allow_private=place.allow_private, deadline=Deadline.after(SECONDS), limits=BEGINNING) as door:
            response = door.request("HEAD", url, redirects=MOST_REDIRECTS)
            if response.status in HEAD_NOT_ALLOWED:
                response = door.request("GET", url, redirects=MOST_REDIRECTS, truncate=True)
    except DoorError as error:
        return [_unknown(f"{shown}: {error}")]
    if response.status == 200:
        return []
    if response.status in GONE:
        return [("artifact_missing", f"{shown} answered {response.status}")]
    return [_unknown(f"{shown} answered {response.status}, which says neither")]


def _unknown(sentence: str) -> tuple[str, str]:
    return "artifact_unknown", sentence
