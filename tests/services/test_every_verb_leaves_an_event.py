"""A verb without an event is noticed: the walk reads the source of the services, so a new one is met as well."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from releases.book import Tag

pytestmark = pytest.mark.once

RELEASES = Path(settings.BASE_DIR) / "releases"
NOT_VERBS = {"require", "require_scope", "note_denial", "once"}
"""They take an actor and leave the event to the verb that calls them, or are about a refusal."""
WRITES = {"record", "entry"}
"""What the book is written with; `book.append` gives the entries their places."""
MAKES = {
    "RELEASE_REGISTERED",
    "DEPLOYMENT_STARTED",
    "CHECKLIST_REQUESTED",
    "REHEARSAL_REQUESTED",
    "ROLLBACK_PRESSED",
    "NOTE_ADDED",
    "PERSON_CREATED",
    "PASSWORD_LINK_MADE",
    "TOKEN_CREATED",
}
"""There was nothing before; what is made stands in the details."""
TELLS = {
    "RELEASE_DEPLOYED_AGAIN",
    "DEPLOYMENT_DESPITE_FREEZE",
    "ROLLBACK_JOINED",
    "DATA_LOSS_ACCEPTED",
    "EXECUTION_REPORTED_LATE",
    "BOOK_EXPORTED",
    "PERMISSION_DENIED",
    "SESSIONS_ENDED",
    "PASSWORD_CHOSEN",
}
"""They change no state, or tell in other words what the event beside them changed; sessions that ended stand in the
details, and of a password the book keeps nothing."""


@cache
def functions() -> dict[str, ast.FunctionDef]:
    """Return every function of the services by name."""
    return {
        node.name: node
        for path in sorted((RELEASES / "services").glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


def verbs() -> list[str]:
    return [
        name
        for name, node in functions().items()
        if not name.startswith("_") and name not in NOT_VERBS and "actor" in [arg.arg for arg in node.args.kwonlyargs]
    ]


def called(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            name = call.func
            yield name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""


def records(name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a function reaches the book, itself or through functions of the services that it names."""
    if name in WRITES:
        return True
    if name in seen or name in NOT_VERBS or name not in functions():
        return False
    return any(records(each, seen | {name}) for each in called(functions()[name]))


@cache
def calls_of_the_book() -> list[ast.Call]:
    """Return every call that writes an event, anywhere in the domain."""
    return [
        call
        for path in sorted(RELEASES.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and {getattr(call.func, "attr", ""), getattr(call.func, "id", "")} & WRITES
    ]


def tags_in(call: ast.Call) -> set[str]:
    """Return the names of the tags that stand in a call."""
    return {
        named.attr
        for named in ast.walk(call)
        if isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name) and named.value.id == "Tag"
    }


def recorded_tags() -> set[str]:
    return set().union(*map(tags_in, calls_of_the_book()))


def without_before_and_after(calls: Iterable[ast.Call]) -> set[str]:
    """Return the tags of the calls that do not name both."""
    return {
        tag
        for call in calls
        if not {"before", "after"} <= {keyword.arg for keyword in call.keywords}
        for tag in tags_in(call)
    }


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_leaves_an_event(verb: str) -> None:
    assert records(verb), f"{verb} takes an actor and writes nothing into the book"


def test_every_tag_is_written_by_something() -> None:
    assert recorded_tags() == {tag.name for tag in Tag}


def test_whatever_changes_a_state_says_what_it_was_before_and_after() -> None:
    assert without_before_and_after(calls_of_the_book()) <= MAKES | TELLS


def test_nothing_is_excused_that_no_longer_needs_it() -> None:
    assert without_before_and_after(calls_of_the_book()) >= MAKES | TELLS


def test_the_walk_would_see_a_change_without_its_before() -> None:
    call = ast.parse("book.record(Tag.FREEZE_LIFTED, actor, after={})").body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert without_before_and_after([call.value]) == {"FREEZE_LIFTED"}


def test_the_walk_sees_the_verbs_and_would_see_one_without_an_event() -> None:
    assert {"press", "cancel", "stop", "register_release", "accept_finding", "lift_freeze", "add_note"} <= set(verbs())
    assert not records("listed_environment")


def test_what_happens_to_a_release_a_deployment_or_a_rollback_has_a_sentence() -> None:
    """The timeline would else show the bare tag."""
    source = (RELEASES / "queries" / "timeline.py").read_text()
    told = {tag for tag in Tag if tag.partition(":")[0] in ("release", "deployment", "rollback", "note")}
    assert {tag.name for tag in told if f"Tag.{tag.name}:" not in source} == set()
