"""Beginning again after another transaction was in the way: what is done again, how often, and by which functions."""

import ast
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import DataError, OperationalError, transaction
from django.utils import timezone

from releases.errors import Busy
from releases.models import Denial, Service
from releases.services import retrying
from releases.services.retrying import in_the_way, retried
from tests import factory

SERVICES = Path(settings.BASE_DIR) / "releases" / "services"


def database_error(cause: BaseException) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def deadlock() -> OperationalError:
    return database_error(psycopg.errors.DeadlockDetected("deadlock detected"))


def sqlite_error(code: int) -> OperationalError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = code
    return database_error(cause)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    made: list[int] = []
    monkeypatch.setattr(retrying, "_pause", made.append)
    return made


def failing(*errors: Exception) -> Callable[[], str]:
    left = list(errors)

    @retried
    def verb() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return verb


@pytest.mark.django_db(transaction=True)
class TestOutsideATransaction:
    def test_what_was_in_the_way_twice_is_done_the_third_time(self, pauses: list[int]) -> None:
        """B19"""
        assert failing(deadlock(), deadlock())() == "done"
        assert pauses == [1, 2]

    def test_the_third_time_is_the_last(self, pauses: list[int]) -> None:
        """B19"""
        with pytest.raises(Busy) as refused:
            failing(deadlock(), deadlock(), deadlock())()
        assert refused.value.status == 503
        assert pauses == [1, 2]

    @pytest.mark.parametrize(
        "error",
        [
            OperationalError("server closed the connection unexpectedly"),
            database_error(psycopg.errors.AdminShutdown("terminating connection")),
            sqlite_error(sqlite3.SQLITE_FULL),
            DataError("not a matter of another transaction"),
        ],
        ids=str,
    )
    def test_any_other_error_is_raised_at_once(self, error: Exception, pauses: list[int]) -> None:
        """What became of a transaction whose connection broke is not known, so it must not be done again."""
        with pytest.raises(type(error)):
            failing(error)()
        assert pauses == []

    def test_what_waited_for_long_is_not_begun_again(self, monkeypatch: pytest.MonkeyPatch, pauses: list[int]) -> None:
        """SQLite has waited for the lock for twenty seconds when it says so; a click should not wait for a minute."""
        monkeypatch.setattr(retrying, "PATIENCE", -1)
        with pytest.raises(Busy):
            failing(sqlite_error(sqlite3.SQLITE_BUSY))()
        assert pauses == []

    def test_the_rows_that_it_was_given_are_as_they_were_given(self) -> None:
        service, new = factory.service(), Denial(user=factory.on_call(), permission="deploy", minute=timezone.now())
        seen = []

        @retried
        def rename(row: Service, *, denial: Denial) -> None:
            seen.append((row.title, denial.pk, denial._state.adding))
            with transaction.atomic():
                row.title = f"{row.title}!"
                row.save()
                denial.save()
                if len(seen) == 1:
                    raise deadlock()

        rename(service, denial=new)
        assert seen == [("Archive", None, True)] * 2
        assert Service.objects.get().title == "Archive!"
        assert Denial.objects.count() == 1


@pytest.mark.django_db
def test_inside_a_transaction_of_the_caller_nothing_is_done_again(pauses: list[int]) -> None:
    """What the caller read and wrote before would be missing."""
    with pytest.raises(OperationalError, match="deadlock"):
        failing(deadlock())()
    assert pauses == []


@pytest.mark.parametrize(
    ("error", "is_in_the_way"),
    [
        (database_error(psycopg.errors.SerializationFailure("could not serialize access")), True),
        (deadlock(), True),
        (sqlite_error(sqlite3.SQLITE_BUSY), True),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), True),
        (sqlite_error(sqlite3.SQLITE_READONLY), False),
        (OperationalError("no cause"), False),
    ],
)
def test_what_counts_as_another_transaction_in_the_way(error: OperationalError, is_in_the_way: bool) -> None:
    assert in_the_way(error) is is_in_the_way


# --- Every verb is one of them: the source of the services is read, so that a new one is met as well. ----------------

Name = tuple[str, str]
"""Module and function."""

EFFECTS = {"run", "run_leased", "acquire", "acquired", "purge_routes", "measure", "request", "notify", "sleep"}
"""What is no reading or writing of rows: commands and their lock, requests, messages to people."""


@cache
def functions() -> dict[Name, ast.FunctionDef]:
    return {
        (path.stem, node.name): node
        for path in sorted(SERVICES.glob("*.py"))
        if path.stem != "retrying"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


@cache
def calls(name: Name) -> frozenset[str]:
    """Return the names of what a function calls, or hands on to be called."""
    walked = list(ast.walk(functions()[name]))
    called = [call.func for call in walked if isinstance(call, ast.Call)]
    names = [node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in called]
    return frozenset(names)


def may_mean(module: str, called: str) -> list[Name]:
    """Return the functions that a call in a module may mean: a private one is of the same module."""
    return [name for name in functions() if name[1] == called and (name[0] == module or not called.startswith("_"))]


def is_retried(name: Name) -> bool:
    return "retried" in [getattr(decorator, "id", "") for decorator in functions()[name].decorator_list]


def opening() -> list[Name]:
    """Return the functions that open a transaction."""
    return [name for name in functions() if calls(name) & {"atomic", "once"}]


def covered(name: Name, seen: frozenset[Name] = frozenset()) -> bool:
    """Whether a function is done again itself, or as a part of everything that calls it."""
    if is_retried(name):
        return True
    callers = [
        caller for caller in functions() if name in [one for each in calls(caller) for one in may_mean(caller[0], each)]
    ]
    return bool(callers) and all(covered(caller, seen | {name}) for caller in callers if caller not in seen)


def reached(name: Name, seen: frozenset[Name] = frozenset()) -> set[str]:
    """Return every name that a function calls, itself or through other functions of the services."""
    further = [one for each in calls(name) for one in may_mean(name[0], each) if one not in seen]
    return set(calls(name)).union(*(reached(one, seen | {name, *further}) for one in further))


@pytest.mark.parametrize("name", opening(), ids=".".join)
def test_whatever_opens_a_transaction_is_done_again_when_another_was_in_the_way(name: Name) -> None:
    """B19"""
    assert covered(name), f"{'.'.join(name)} opens a transaction; it, or whatever calls it, should be @retried"


@pytest.mark.parametrize("name", [name for name in functions() if is_retried(name)], ids=".".join)
def test_what_is_done_again_reads_and_writes_rows_and_does_nothing_else(name: Name) -> None:
    """B19: a command that was run once must not be run by a second attempt at writing down how it ended."""
    assert reached(name) & EFFECTS == set()


def test_the_walk_sees_what_it_looks_for() -> None:
    assert {("pressing", "press"), ("rolling_back", "_record_end"), ("idempotency", "once")} <= set(opening())
    assert covered(("pressing", "_press"))
    assert not covered(("rolling_back", "run_rollback"))
    assert {"run_leased", "purge_routes"} <= reached(("rolling_back", "run_rollback"))
