"""What migrations make of rows that are there; drills/test_migrations.py has the tables."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from releases.models import Deployment
from tests import factory


@pytest.mark.django_db
def test_deployments_of_before_get_the_owner_of_their_release(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("releases.migrations.0033_deployment_owner")
    monkeypatch.setattr(migration, "BATCH", 2)
    environment = factory.environment()
    for version, owner in (("1.0", "Ana"), ("1.1", "Ben"), ("1.2", "Cho")):
        factory.release(environment.service, version, owner)
        factory.deployed(environment, version)
    Deployment.objects.update(owner="")
    migration.take_over(apps, connection.schema_editor())
    assert list(Deployment.objects.order_by("pk").values_list("owner", flat=True)) == ["Ana", "Ben", "Cho"]
