"""A pipeline that goes on while somebody rolls back: what it reports is kept, and what is measured is what counts."""

import pytest
from django.test import Client
from django.utils import timezone

from releases.intake import FinishSpec
from releases.models import Deployment, Environment, Rollback
from releases.services import rolling_back
from releases.services.deployments import finish_deployment
from releases.states import Outcome, RollbackStatus, Verdict
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService
from tests.services.test_run_rollback import press


@pytest.fixture
def begun(production: Environment, workers: InlineWorkers, little_service: LittleService) -> Rollback:
    """A rollback whose command has ended, and whose checklist was not begun."""
    rollback = press(production)
    rolling_back.run_rollback(rollback.pk)
    rollback.refresh_from_db()
    assert rollback.status != RollbackStatus.DONE
    return rollback


def report(place: Environment) -> Deployment:
    """Have the pipeline say that 2026.11.5, which it began before the press, is in place."""
    deployment = Deployment.objects.create(
        release=factory.release(place.service, "2026.11.5"),
        environment=place,
        replaced=place.live,
        reported_by="pipeline",
        started_at=timezone.now(),
    )
    finish_deployment(deployment.pk, FinishSpec(), actor=factory.actor(factory.lead("dora")))
    return deployment


def test_a_version_that_came_during_the_rollback_is_not_restored_and_never_turns_ok(
    production: Environment, begun: Rollback, workers: InlineWorkers, little_service: LittleService, client: Client
) -> None:
    """B26: the checklist compares with the rollback's target."""
    little_service.version = "2026.11.5"
    deployment = report(production)
    workers.work()
    begun.refresh_from_db()
    deployment.refresh_from_db()
    production.refresh_from_db()
    assert begun.outcome == Outcome.NOT_RESTORED
    assert "web-1 serves 2026.11.5" in begun.detail
    assert (deployment.during_rollback, deployment.verdict) == (begun.tag, Verdict.INCONCLUSIVE)
    assert production.live == deployment
    client.force_login(factory.person("lee", "auditor"))
    for address in ("/", "/s/archive/production/", deployment.release.get_absolute_url()):
        assert f"during rollback {begun.tag}" in client.get(address).content.decode(), address


def test_a_report_that_came_late_does_not_hide_that_the_target_serves(
    production: Environment, begun: Rollback, workers: InlineWorkers
) -> None:
    """B26"""
    report(production)
    workers.work()
    begun.refresh_from_db()
    production.refresh_from_db()
    assert begun.outcome == Outcome.RESTORED
    assert production.live == begun.deployment
