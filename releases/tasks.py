"""The Celery tasks: an id in, one service call. Each is a claim on a row, so running one twice does nothing twice."""

from collections.abc import Callable

from celery import Task, shared_task
from django.conf import settings

from releases.services import checklists, commands, deploying, probing, rehearsing, rolling_back

Work = Callable[[int], None]


def act(work: Work) -> "Task[[int], None]":
    """Make a task of the `act` queues, whose limits are longer than any command's."""
    return shared_task(soft_time_limit=settings.ACT_SOFT_LIMIT, time_limit=settings.ACT_HARD_LIMIT)(work)


def probe(work: Work) -> "Task[[int], None]":
    """Make a task of the `probe` queues."""
    return shared_task(soft_time_limit=settings.PROBE_SOFT_LIMIT, time_limit=settings.PROBE_HARD_LIMIT)(work)


@act
def run_rollback(rollback_id: int) -> None:
    rolling_back.run_rollback(rollback_id)


@act
def continue_rollback(rollback_id: int) -> None:
    rolling_back.continue_rollback(rollback_id)


@act
def settle_lost(rollback_id: int) -> None:
    rolling_back.settle_lost(rollback_id)


@act
def run_deployment(deployment_id: int) -> None:
    deploying.run_deployment(deployment_id)


@act
def settle_lost_deployment(deployment_id: int) -> None:
    deploying.settle_lost_deployment(deployment_id)


@act
def continue_rehearsal(rehearsal_id: int) -> None:
    rehearsing.continue_rehearsal(rehearsal_id)


@act
def render_deploy(rendered_id: int) -> None:
    commands.render_deploy(rendered_id)


@act
def look_at_way_back(environment_id: int) -> None:
    commands.look_at_way_back(environment_id)


@act
def render_target(deployment_id: int) -> None:
    commands.render_target(deployment_id)


@probe
def begin_run(run_id: int) -> None:
    checklists.begin_run(run_id)


@probe
def run_probe(probe_run_id: int) -> None:
    probing.run_probe(probe_run_id)
