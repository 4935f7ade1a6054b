"""The configuration of a place: read on the worker, kept without secrets, shown as a difference between releases."""

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from releases.models import Deployment, Environment, Finding, ProbeRun
from releases.probes.base import CannotRead
from releases.queries.configuration import ABSENT, NOT_COMPARABLE, OTHER_SECRET, SECRET, compared
from releases.services import places, reading
from releases.services.checklists import begin_run, make_run
from releases.services.probing import run_probe
from releases.services.sources import configuration_of, keyed_digest, read_configuration
from releases.states import ProbeStatus, Purpose, Verdict
from tests import factory
from tests.little_service import LittleService

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("workers")]


def add(service: LittleService, text: str) -> None:
    with service.catalogue.open("a") as file:
        file.write(text)


def by_file(service: LittleService, path: Path) -> None:
    add(service, f'\n[services.archive.environments.production.configuration]\nfile = "{path}"\n')


def by_command(service: LittleService, script: str, *, timeout: int = 5, passed: str = "") -> None:
    program = service.home / "configuration"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    add(
        service,
        '\n[services.archive.commands.read_configuration]\nargv = ["./configuration", "{environment}"]\n'
        f'directory = "{service.home}"\ntimeout = {timeout}\nenvironment = [{passed}]\n',
    )


def reason(place: Environment) -> str:
    with pytest.raises(CannotRead) as error:
        read_configuration(place)
    return str(error.value)


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_a_place_without_a_source_has_none(production: Environment) -> None:
    assert read_configuration(production) is None


def test_a_file_is_read_as_it_is(production: Environment, little_service: LittleService) -> None:
    file = little_service.home / ".env"
    file.write_bytes("A=ü\nPASSWORD=hunter2\nB=\xff".encode("latin-1").replace(b"\xfc", "ü".encode()))
    by_file(little_service, file)
    assert read_configuration(production) == "A=ü\nPASSWORD=hunter2\nB=\udcff"


def test_a_file_that_cannot_be_read_is_said(production: Environment, little_service: LittleService) -> None:
    file = little_service.home / ".env"
    by_file(little_service, file)
    assert reason(production) == f"{file} is not there, or is no file."
    os.mkfifo(file)
    assert reason(production) == f"{file} is not there, or is no file."
    file.unlink()
    file.write_bytes(b"x" * (reading.LARGEST + 1))
    assert reason(production) == "It is larger than 65,536 bytes."


def test_the_command_prints_it_and_is_asked_before_the_file(
    production: Environment, little_service: LittleService
) -> None:
    """What it says beside it, on standard error, is no configuration; nothing is masked, or digests would be alike."""
    by_file(little_service, little_service.home / "missing")
    by_command(little_service, 'echo warning >&2; echo "PLACE=$1"; echo "URL=https://ada:hunter2@example.org"')
    assert read_configuration(production) == "PLACE=production\nURL=https://ada:hunter2@example.org\n"


def test_the_command_gets_only_what_the_catalogue_passes_on(
    production: Environment, little_service: LittleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED", "1")
    monkeypatch.setenv("NOT_PASSED", "hunter2")
    by_command(little_service, 'echo "A=$PASSED$NOT_PASSED"', passed='"PASSED"')
    assert read_configuration(production) == "A=1\n"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo A=1; exit 3", "read_configuration ended with 3."),
        ("exec head -c 70000 /dev/zero", "read_configuration printed more than 65,536 bytes."),
        ("echo A=1; exec sleep 60", "read_configuration did not end within 1 s."),
        ("exec >&-; exec sleep 60", "read_configuration did not end within 1 s."),
        ("while :; do echo A=1; sleep 0.05; done", "read_configuration did not end within 1 s."),
    ],
    ids=["fails", "too much", "hangs", "closes its output and hangs", "drips"],
)
def test_a_command_that_gives_no_answer_is_said_and_gone(
    production: Environment, little_service: LittleService, script: str, says: str
) -> None:
    """B44, B45"""
    mark = little_service.home / "pid"
    by_command(little_service, f"echo $$ > {mark}\n{script}", timeout=1)
    began = time.monotonic()
    assert reason(production) == says
    assert time.monotonic() - began < 3
    assert not Path(f"/proc/{mark.read_text().strip()}").exists()


def test_what_the_command_leaves_running_keeps_nobody_waiting(
    production: Environment, little_service: LittleService
) -> None:
    by_command(little_service, f"sleep 60 &\necho $! > {little_service.home / 'pid'}\necho A=1")
    began = time.monotonic()
    assert read_configuration(production) == "A=1\n"
    assert time.monotonic() - began < 3


def test_a_command_that_cannot_start_is_said(production: Environment, little_service: LittleService) -> None:
    """B40"""
    by_command(little_service, "true")
    (little_service.home / "configuration").chmod(stat.S_IRUSR)
    assert "may not be executed" in reason(production)


def test_reading_takes_no_lock_of_the_environment(production: Environment, little_service: LittleService) -> None:
    by_command(little_service, "echo A=1")
    with places.lock_of(production).acquire("deploy"):
        assert read_configuration(production) == "A=1\n"


def test_a_catalogue_that_cannot_be_read_is_said(production: Environment, little_service: LittleService) -> None:
    little_service.catalogue.unlink()
    assert "cannot be read" in reason(production)


# --- Keeping ----------------------------------------------------------------------------------------------------------


def measured(place: Environment, **settings: Any) -> ProbeRun:
    """Run the probe in a place, as a worker does."""
    Environment.objects.filter(pk=place.pk).update(checklist={"configuration": settings})
    place.refresh_from_db()
    begin_run(make_run(place, purpose=Purpose.VERIFY).pk)
    row = ProbeRun.objects.filter(run__environment=place).latest("pk")
    run_probe(row.pk)
    row.refresh_from_db()
    return row


def test_two_places_are_compared_by_what_was_last_kept(production: Environment, little_service: LittleService) -> None:
    """B32: and no secret reaches a row."""
    add(
        little_service,
        '\n[services.archive.environments.staging]\nbase_url = "http://127.0.0.1:9"\nallow_private = true',
    )
    by_command(little_service, f". {little_service.home}/$1.env; echo LEVEL=$LEVEL; echo DB_PASSWORD=$PASSWORD")
    (little_service.home / "production.env").write_text("LEVEL=warning PASSWORD=hunter2")
    (little_service.home / "staging.env").write_text("LEVEL=warning PASSWORD=hunter2")
    staging = factory.environment(production.service, "staging")
    assert measured(staging, compare_with="production").verdict == Verdict.INCONCLUSIVE
    assert measured(production, compare_with="production").verdict == Verdict.PASS
    assert measured(staging, compare_with="production").verdict == Verdict.PASS
    (little_service.home / "staging.env").write_text("LEVEL=warning PASSWORD=hunter3")
    assert measured(staging, compare_with="production").verdict == Verdict.FAIL
    assert Finding.objects.latest("pk").sentence == "DB_PASSWORD differs from production (secret)"
    kept = json.dumps([*ProbeRun.objects.values_list("figures", flat=True)])
    assert "warning" in kept
    assert "hunter" not in kept


def test_only_the_newest_of_the_same_service_counts(production: Environment) -> None:
    assert configuration_of(production, "staging") is None
    other = factory.environment(factory.service("shop"), "staging")
    keep(factory.deployed(other, "1"), {"A": {"value": "of the shop"}})
    assert configuration_of(production, "staging") is None
    staging = factory.environment(production.service, "staging")
    keep(factory.deployed(staging, "1"), {"A": {"value": "old"}})
    keep(factory.deployed(staging, "2"), {"A": {"value": "new"}})
    keep(factory.deployed(staging, "3"), None)
    assert configuration_of(production, "staging") == {"A": {"value": "new"}}


def test_a_keyed_digest_tells_nothing_without_the_key(settings: Any) -> None:
    first = keyed_digest("hunter2")
    assert first == keyed_digest("hunter2") != keyed_digest("hunter3")
    settings.SECRET_KEY = "another key"
    assert keyed_digest("hunter2") != first


# --- The difference between two releases ------------------------------------------------------------------------------


def keep(deployment: Deployment, configuration: Any) -> Deployment:
    assert deployment.verify_run is not None
    ProbeRun.objects.create(
        run=deployment.verify_run,
        key="configuration",
        effect="none",
        wave=1,
        status=ProbeStatus.DONE,
        verdict=Verdict.PASS,
        figures={} if configuration is None else {"configuration": configuration},
    )
    return deployment


def test_the_difference_names_every_key_that_is_not_the_same(
    production: Environment, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = keep(
        factory.deployed(production, "1"),
        {
            "SAME": {"value": "1"},
            "REMOVED": {"value": "old"},
            "CHANGED": {"value": "60"},
            "PASSWORD": {"digest": "a" * 64},
            "SAME_PASSWORD": {"digest": "b" * 64},
            "OLD_TOKEN": {"digest": "c" * 64},
            "NOW_SECRET": {"value": "open"},
        },
    )
    now = keep(
        factory.deployed(production, "2"),
        {
            "SAME": {"value": "1"},
            "ADDED": {"value": "new"},
            "CHANGED": {"value": "90"},
            "PASSWORD": {"digest": "d" * 64},
            "SAME_PASSWORD": {"digest": "b" * 64},
            "NOW_SECRET": {"digest": "e" * 64},
        },
    )
    with django_assert_num_queries(1):
        assert compared(now, before) == [
            ("ADDED", ABSENT, "new"),
            ("CHANGED", "60", "90"),
            ("NOW_SECRET", NOT_COMPARABLE, NOT_COMPARABLE),
            ("OLD_TOKEN", SECRET, ABSENT),
            ("PASSWORD", SECRET, OTHER_SECRET),
            ("REMOVED", "old", ABSENT),
        ]


def test_there_is_no_difference_to_what_was_not_kept(production: Environment) -> None:
    before, now = factory.deployed(production, "1"), factory.deployed(production, "2")
    assert compared(now, before) is None
    keep(now, {"A": {"value": "1"}})
    assert compared(now, before) is None
    keep(before, None)
    assert compared(now, before) is None


def test_a_deployment_without_a_checklist_has_no_difference(production: Environment) -> None:
    before = factory.deployed(production, "1", verdict=None)
    now = keep(factory.deployed(production, "2"), {"A": {"value": "1"}})
    assert compared(now, before) is None
    assert compared(before, now) is None
