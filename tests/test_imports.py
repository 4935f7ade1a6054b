"""Imports point one way: config → dashboard → releases, and inside releases from the faces down to the rows."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("config", "dashboard", "releases", "demo")
FACES = ("releases.api", "releases.tasks", "releases.sweep", "releases.anchoring", "releases.management")
"""What may call a verb."""


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> dict[str, set[str]]:
    """Return for each module of ours the full names that it imports anywhere, inside functions too."""
    return {
        module_of(path): set(names_in(path))
        for package in OURS
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.relative_to(ROOT).parts
    }


def names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def violations(importers: tuple[str, ...], *forbidden: str, except_for: tuple[tuple[str, str], ...] = ()) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, names in imports().items()
        if within(module, *importers)
        for name in sorted(names)
        if within(name, *forbidden) and not any(within(module, who) and within(name, what) for who, what in except_for)
    ]


def test_the_walk_sees_imports_inside_functions_too() -> None:
    assert "releases.triggers.install_after_migrate" in imports()["releases.apps"]


def test_the_domain_knows_nothing_of_the_face() -> None:
    assert violations(("releases",), "dashboard") == []


def test_the_domain_knows_of_the_project_only_the_celery_application() -> None:
    allowed = (("releases.knocks", "config.celery"), ("releases.management.commands.work", "config.celery"))
    assert violations(("releases",), "config", except_for=allowed) == []


def test_the_face_knows_nothing_of_the_project_package() -> None:
    assert violations(("dashboard",), "config") == []


def test_domain_and_face_know_nothing_of_the_demo_or_the_tests() -> None:
    assert violations(("dashboard", "releases"), "demo", "tests") == []


def test_only_the_embedded_default_starts_the_demo() -> None:
    assert violations(("config",), "demo", "tests", except_for=(("config.embedded", "demo"),)) == []


def test_verbs_know_nothing_of_who_calls_them() -> None:
    assert violations(("releases.services",), *FACES) == []


def test_only_the_faces_call_verbs() -> None:
    """`apps` makes the groups, and the index of what can be searched for, after a migrate."""
    others = tuple(
        module
        for module in imports()
        if within(module, "releases") and not within(module, *FACES, "releases.services") and module != "releases"
    )
    after_migrate = (("releases.apps", "releases.services.people"), ("releases.apps", "releases.services.passages"))
    assert violations(others, "releases.services", except_for=after_migrate) == []


@pytest.mark.parametrize(
    "below", ["models", "book", "states", "display", "errors", "intake", "fields", "catalogue", "executor"]
)
def test_what_lies_below_knows_neither_verbs_nor_queries(below: str) -> None:
    assert violations((f"releases.{below}",), "releases.services", "releases.queries", *FACES) == []


def test_queries_know_only_models_and_words() -> None:
    """Reads cross models; what they need of the workers' side is in the rows."""
    forbidden = ("releases.services", "releases.knocks", "releases.executor", "releases.http", "releases.catalogue")
    assert violations(("releases.queries",), *forbidden, *FACES) == []


WRITES = {
    "save", "create", "bulk_create", "update", "bulk_update", "update_or_create", "get_or_create", "delete",
    "select_for_update", "atomic",
}  # fmt: skip


def test_queries_write_nothing() -> None:
    written = [
        f"{module_of(path)}:{node.lineno} {node.func.attr}"
        for path in (ROOT / "releases/queries").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
        if node.func.attr != "update" or not isinstance(node.func.value, ast.Name)  # that of a plain set or dict
    ]
    assert written == []


def test_only_verbs_and_their_callers_open_a_transaction() -> None:
    """The book's `record` opens one inside its caller's; two commands make people and keep their secrets together."""
    openers = {
        module
        for module, names in imports().items()
        if within(module, "releases") and "django.db.transaction" in names and not within(module, "releases.services")
    }
    assert openers == {
        "releases.book",
        "releases.knocks",
        "releases.sweep",
        "releases.management.commands.make_demo_people",
        "releases.management.commands.make_first_person",
    }


def test_words_for_states_are_pure() -> None:
    assert violations(("releases.states",), "django", *OURS) == []


def test_probes_know_no_framework_no_rows_and_no_service_in_particular() -> None:
    forbidden = ("django", "celery", "kombu", "httpx", "httpcore", "config", "dashboard", "demo", "tests")
    assert violations(("releases.probes",), *forbidden) == []


def test_probes_know_of_the_domain_only_the_door_and_the_words() -> None:
    allowed = ("releases.probes", "releases.http", "releases.states", "releases.figures")
    found = [
        f"{module} imports {name}"
        for module, names in imports().items()
        if within(module, "releases.probes")
        for name in sorted(names)
        if within(name, "releases") and not within(name, *allowed)
    ]
    assert found == []


def test_one_door_leads_to_the_network() -> None:
    users = {module for module, names in imports().items() if any(within(name, "httpx", "httpcore") for name in names)}
    assert {module for module in users if not within(module, "demo", "releases.http")} == set()
    assert any(within(module, "releases.http") for module in users)


def test_the_domain_reads_no_html_and_no_request_outside_its_json_face() -> None:
    allowed = (("releases.api", "django.http"), ("releases.origin", "django.http"))
    forbidden = ("django.http", "django.template", "django.shortcuts", "django.forms", "jinja2", "django_htmx")
    assert violations(("releases",), *forbidden, except_for=allowed) == []


def test_there_are_imports_to_look_at() -> None:
    """A walk that found nothing would forbid nothing."""
    assert len(imports()) > 80
    assert within("releases.models.Release", "releases.models")
    assert not within("releases.models2", "releases.models")
