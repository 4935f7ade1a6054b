"""Applying what the web may know of the catalogue."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from releases.catalogue import Catalogue, load
from releases.management.refusing import person_at_the_terminal
from releases.models import Environment, Event, Service
from releases.services.catalogue_sync import sync_catalogue
from tests import factory
from tests.services.conftest import InlineWorkers

pytestmark = pytest.mark.django_db

ARCHIVE = """
[services.archive]
title = "Article archive"
team = "Web team"
contact = "#web-oncall"

[services.archive.commands.rollback]
argv = ["/opt/secret-place/deploy", "--version={version}"]
directory = "/opt/secret-place"
timeout = 60

[services.archive.environments.production]
production = true
base_url = "https://archive.example.org"
instances = [{ name = "web-1", url = "http://10.0.0.1:8001" }]
allow_private = true

[[services.archive.environments.production.accounts]]
name = "reader-a"
username = "env:READER_A_NAME"
password = "file:/run/secrets/reader_a"
marker = "Ada Lovelace"

[services.archive.checklist.serving_version]
path = "/version"
"""
SEARCH = """
[services.search]
title = "Search"
team = "Search team"
contact = "#search"

[services.search.environments.production]
base_url = "https://search.example.org"
allow_private = true
instances = [{ name = "web-1", url = "http://10.0.0.3:8001" }]

[services.search.checklist.serving_version]
path = "/version"
"""


Read = Callable[[str], Catalogue]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str) -> Catalogue:
        file = tmp_path / "catalogue.toml"
        file.write_text(text)
        return load(file)

    return read


def sync(catalogue: Catalogue) -> list[str]:
    return [change.what for change in sync_catalogue(catalogue, actor=person_at_the_terminal())]


def test_what_the_file_names_is_made(read: Read) -> None:
    assert sync(read(ARCHIVE)) == ["service archive added", "environment archive/production added"]
    place = Environment.objects.get()
    assert (place.service.title, place.production, place.base_url) == (
        "Article archive",
        True,
        "https://archive.example.org",
    )
    assert place.instances == [{"name": "web-1", "url": "http://10.0.0.1:8001"}]
    assert place.checklist["serving_version"]["path"] == "/version"


def test_the_same_file_again_changes_nothing(read: Read) -> None:
    sync(read(ARCHIVE))
    assert sync(read(ARCHIVE)) == []
    assert Event.objects.count() == 1


def test_a_change_is_applied_and_named(read: Read) -> None:
    sync(read(ARCHIVE))
    changed = ARCHIVE.replace("#web-oncall", "#night-watch").replace("https://archive", "https://articles")
    assert sync(read(changed)) == [
        "service archive: contact changed",
        "environment archive/production: base_url changed",
    ]
    assert Service.objects.get().contact == "#night-watch"
    details = Event.objects.latest("seq").payload["details"]
    assert list(details["before"]) == ["archive contact", "archive/production base_url"]
    assert details["after"]["archive contact"] == "#night-watch"
    assert details["before"]["archive/production base_url"] != details["after"]["archive/production base_url"]


def test_the_book_keeps_what_changed_and_the_digest_of_the_file(read: Read) -> None:
    catalogue = read(ARCHIVE)
    sync(catalogue)
    details = Event.objects.get(action="catalogue:synced").payload["details"]
    assert details["digest"] == catalogue.digest
    assert details["changes"] == ["service archive added", "environment archive/production added"]


def test_what_the_file_no_longer_names_leaves_the_pages_and_keeps_its_history(read: Read) -> None:
    sync(read(ARCHIVE + SEARCH))
    deployment = factory.deployed(Environment.objects.get(service__key="search"), "1")
    assert sync(read(ARCHIVE)) == [
        "environment search/production no longer listed",
        "service search no longer listed",
    ]
    deployment.refresh_from_db()
    assert not deployment.environment.listed


def test_what_comes_back_has_its_history_again(read: Read) -> None:
    sync(read(ARCHIVE + SEARCH))
    before = Environment.objects.get(service__key="search").pk
    sync(read(ARCHIVE))
    assert sync(read(ARCHIVE + SEARCH)) == [
        "service search: listed changed",
        "environment search/production: listed changed",
    ]
    assert Environment.objects.get(service__key="search", listed=True).pk == before


def test_commands_directories_accounts_and_secrets_do_not_come_into_the_database(read: Read) -> None:
    sync(read(ARCHIVE))
    kept = f"{Service.objects.values()} {Environment.objects.values()} {Event.objects.values()}"
    for foreign in ("secret-place", "READER_A_NAME", "reader_a", "Ada Lovelace"):
        assert foreign not in kept


def test_the_commands_of_what_is_live_are_rendered_anew(
    read: Read, workers: InlineWorkers, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    sync(read(ARCHIVE + SEARCH))
    place = Environment.objects.get(service__key="archive")
    factory.deployed(place, "1")
    with django_capture_on_commit_callbacks(execute=True):
        sync(read(ARCHIVE + SEARCH))
    assert list(workers.knocked) == [("look_at_way_back", "act.archive.production", place.pk)]
