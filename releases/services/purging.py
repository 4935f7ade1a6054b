"""Purging routes after a rollback, by the method that the catalogue names."""

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from releases.catalogue import CatalogueEnvironment, CatalogueError, UnknownPlace
from releases.executor import LockHeld, Result, run
from releases.http import Deadline, Door, DoorError
from releases.models import Deployment, Environment, Execution
from releases.probes.purge_calls import PurgeRequest
from releases.services import places
from releases.services.commands import CannotRender, command_named
from releases.states import CommandState

TIME_LIMIT = 300
"""Seconds for all routes together."""
REQUEST_SECONDS = 10
"""Seconds for one request."""


def purge_routes(
    environment: Environment,
    target: Deployment,
    routes: Sequence[str],
    execution: Execution,
    should_stop: Callable[[], str],
) -> Result:
    """Purge each route; the output has one line per route, the problem names those that were not purged."""
    began = time.monotonic()
    deadline = Deadline.after(TIME_LIMIT)
    try:
        place = places.place(environment)
    except (places.NoCatalogue, CatalogueError, UnknownPlace) as error:
        return Result(state=CommandState.NOT_STARTED, problem=str(error))
    if not place.purging_method:
        return Result(state=CommandState.NOT_STARTED, problem=f"The catalogue names no way to purge {environment}.")
    lines: list[str] = []
    failed: list[str] = []
    stop_reason = ""
    for route in routes:
        stop_reason = should_stop() or ("deadline" if deadline.reached else "")
        if stop_reason:
            break
        if place.purging_method == "command":
            line, purged = _by_command(environment, target, route, execution, should_stop)
        else:
            line, purged = _by_request(place, route, deadline)
        lines.append(line)
        if not purged:
            failed.append(route)
    output = "\n".join(lines)
    return Result(
        state=CommandState.KILLED if stop_reason else CommandState.EXITED,
        exit_code=None if stop_reason else int(bool(failed)),
        stop_reason=stop_reason,
        output=output,
        output_bytes=len(output.encode()),
        seconds=time.monotonic() - began,
        problem=f"Not purged: {', '.join(failed)}." if failed else "",
    )


def purge_request(place: CatalogueEnvironment) -> PurgeRequest:
    """Return how requests purge a route of a place."""
    return PurgeRequest(place.purging_method, place.purging_field, place.purging_value, place.purging_nodes)


def _by_request(place: CatalogueEnvironment, route: str, deadline: Deadline) -> tuple[str, bool]:
    """Ask every node, also after one refused or hung: the fewer still hold the route the better."""
    said: list[str] = []
    purged = True
    with Door(allow_private=place.allow_private, deadline=deadline) as door:
        for call in purge_request(place).calls(place.base_url, route):
            at = f" at {urlsplit(call.url).netloc}" if place.purging_nodes else ""
            try:
                status = door.request(
                    call.method, call.url, headers=call.headers, timeout=REQUEST_SECONDS, truncate=True
                ).status
            except DoorError as error:
                said.append(f"{error}{at}")
                purged = False
            else:
                said.append(f"{status}{at}")
                purged = purged and 200 <= status < 300
    return f"{place.purging_method} {route}: {', '.join(said)}", purged


def _by_command(
    environment: Environment,
    target: Deployment,
    route: str,
    execution: Execution,
    should_stop: Callable[[], str],
) -> tuple[str, bool]:
    try:
        command = command_named("purge", environment, target, route)
        with places.lock_of(environment).acquire(f"purge of {route}") as lock:
            result = run(
                command,
                lock=lock,
                execution_id=execution.tag,
                secrets=places.secrets_to_mask(environment),
                on_output=lambda _: None,
                should_stop=should_stop,
                passed_environment=places.passed_environment(),
            )
    except (CannotRender, LockHeld) as error:
        return f"{route}: {error}", False
    exit_code = f"exit {result.exit_code}" if result.exit_code is not None else str(result.state)
    last_line = result.output.strip().splitlines()[-1:] or [result.problem]
    return f"{' '.join(command.argv)}: {exit_code} {last_line[0]}", result.exit_code == 0
