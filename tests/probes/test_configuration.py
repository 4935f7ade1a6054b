"""`configuration`: the same here as there, but for what is declared; secrets are compared and never kept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from releases.probes.base import Answer, CannotRead
from releases.probes.configuration import Configuration
from releases.states import Regression, Verdict
from tests.probes.conftest import World, kinds_of

KEY = "configuration"
HERE = "CACHE_SECONDS=60\nLOG_LEVEL=info\nDB_PASSWORD=hunter2\n"


def ask(world: World, text: str, **settings: Any) -> Answer:
    world.configuration = text
    return world.ask(KEY, **settings)


def elsewhere(world: World, text: str, **settings: Any) -> None:
    """Keep what the probe would keep of production."""
    world.elsewhere["production"] = ask(world, text, **settings).figures["configuration"]


def said(answer: Answer) -> dict[str, str]:
    return {f"{finding.kind.id} {finding.subject}": finding.sentence for finding in answer.findings}


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_where_no_source_is_named_it_does_not_apply(world: World) -> None:
    assert world.ask(KEY, compare_with="production").verdict is Verdict.SKIPPED


def test_without_a_place_to_compare_with_the_configuration_is_kept(world: World) -> None:
    answer = ask(world, HERE)
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    kept = answer.figures["configuration"]
    assert kept["CACHE_SECONDS"] == {"value": "60"}
    assert list(kept["DB_PASSWORD"]) == ["digest"]


@pytest.mark.finding(KEY, "cannot_read")
def test_what_cannot_be_read_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails:
        def __get__(self, *_: object) -> Any:
            raise CannotRead("read_configuration ended with 3.")

        def __set__(self, *_: object) -> None: ...

    monkeypatch.setattr(World, "configuration", Fails())
    answer = world.ask(KEY)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"cannot_read"})
    assert "ended with 3" in answer.findings[0].sentence
    assert "configuration" not in answer.figures


@pytest.mark.finding(KEY, "unreadable")
@pytest.mark.parametrize("text", ["", "A=1\nhunter2", '{"A": ["hunter2"]}', "A=hunter2\udcff"])
def test_what_is_no_flat_configuration_is_an_error_that_shows_nothing_of_it(world: World, text: str) -> None:
    answer = ask(world, text, compare_with="production")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.ERROR, {"unreadable"})
    assert "hunter2" not in str(said(answer))
    assert not answer.figures


# --- Comparing with another place -------------------------------------------------------------------------------------


def test_the_same_configuration_passes_in_whatever_form_and_order(world: World) -> None:
    elsewhere(world, json.dumps({"DB_PASSWORD": "hunter2", "LOG_LEVEL": "info", "CACHE_SECONDS": 60}))
    answer = ask(world, HERE, compare_with="production")
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])


@pytest.mark.finding(KEY, "missing_key")
@pytest.mark.finding(KEY, "extra_key")
@pytest.mark.finding(KEY, "different_value")
def test_every_difference_fails_and_is_shown(world: World) -> None:
    elsewhere(world, "CACHE_SECONDS=60\nLOG_LEVEL=warning\nNEW_SEARCH=on\n")
    answer = ask(world, "CACHE_SECONDS=60\nLOG_LEVEL=debug\nOLD_SEARCH=on\n", compare_with="production")
    assert answer.verdict is Verdict.FAIL
    assert said(answer) == {
        "missing_key NEW_SEARCH": "NEW_SEARCH is missing here; production has it",
        "extra_key OLD_SEARCH": "OLD_SEARCH is set here; production does not have it",
        "different_value LOG_LEVEL": 'LOG_LEVEL is "debug" here and "warning" in production',
    }


@pytest.mark.parametrize(
    ("key", "here", "there"),
    [
        ("DB_PASSWORD", "hunter2", "hunter3"),
        ("api_key", "hunter2", "hunter3"),
        ("SENTRY_DSN", "https://hunter2@sentry.example.org/1", "https://hunter3@sentry.example.org/1"),
        ("BROKER", "redis://:hunter2@cache:6379/0", "redis://:hunter3@cache:6379/0"),
        ("STORE", "host=db password=hunter2", "host=db password=hunter3"),
        ("UPLOADS", "https://store.example.org/?sig=hunter2", "https://store.example.org/?sig=hunter3"),
        ("CERTIFICATE", "'-----BEGIN RSA\nhunter2'", "'-----BEGIN RSA\nhunter3'"),
        ("SMTP", "Basic hunter2", "Basic hunter3"),
    ],
)
def test_a_secret_is_compared_and_neither_kept_nor_shown(world: World, key: str, here: str, there: str) -> None:
    """B32: neither in the findings nor in what is kept."""
    elsewhere(world, f"{key}={here}\n")
    assert ask(world, f"{key}={here}\n", compare_with="production").verdict is Verdict.PASS
    answer = ask(world, f"{key}={there}\n", compare_with="production")
    assert said(answer) == {f"different_value {key}": f"{key} differs from production (secret)"}
    assert "hunter" not in str(answer.figures) + str(answer.findings)


def test_further_keys_are_secret_where_the_settings_name_them_in_any_case(world: World) -> None:
    elsewhere(world, "License_No=hunter2\n")
    answer = ask(world, "License_No=hunter3\n", compare_with="production", secret=["license_*"])
    assert said(answer) == {"different_value License_No": "License_No differs from production (secret)"}
    assert "hunter3" not in str(answer.figures)


def test_a_value_that_is_secret_on_one_side_only_is_still_compared(world: World) -> None:
    elsewhere(world, "License_No=hunter2\n")
    assert ask(world, "License_No=hunter2\n", compare_with="production", secret=["license_*"]).verdict is Verdict.PASS


@pytest.mark.parametrize("value", ["x" * 300, "two\nlines", "zero\u200bwidth"], ids=["long", "lines", "invisible"])
def test_a_value_that_is_not_kept_whole_is_compared_whole(world: World, value: str) -> None:
    elsewhere(world, json.dumps({"MOTTO": value}))
    assert ask(world, json.dumps({"MOTTO": value}), compare_with="production").verdict is Verdict.PASS
    answer = ask(world, json.dumps({"MOTTO": value + "y"}), compare_with="production")
    assert kinds_of(answer) == {"different_value"}
    assert max(len(str(entry.get("value"))) for entry in answer.figures["configuration"].values()) <= 200


@pytest.mark.finding(KEY, "declared_difference")
def test_a_declared_difference_is_a_note(world: World) -> None:
    elsewhere(world, "HOST=archive.example.org\nTRACE_ID=1\nDB_PASSWORD=hunter3\n")
    text = "HOST=staging.example.org\nDEBUG_BAR=on\nDB_PASSWORD=hunter2\n"
    declared = ["HOST", "TRACE_*", "DEBUG_BAR", "DB_PASSWORD"]
    answer = ask(world, text, compare_with="production", may_differ=declared)
    assert (answer.verdict, kinds_of(answer)) == (Verdict.PASS, {"declared_difference"})
    assert set(said(answer).values()) == {
        'HOST is "staging.example.org" here and "archive.example.org" in production, as declared',
        "TRACE_ID is set only in production, as declared",
        "DEBUG_BAR is not set in production, as declared",
        "DB_PASSWORD differs from production (secret), as declared",
    }


def test_only_what_is_important_is_kept_and_compared(world: World) -> None:
    elsewhere(world, "CACHE_SECONDS=60\nHOSTNAME=web-1\nPWD=/srv\n")
    answer = ask(world, "CACHE_SECONDS=60\nHOSTNAME=web-9\n", compare_with="production", important=["CACHE_*"])
    assert (answer.verdict, list(answer.findings)) == (Verdict.PASS, [])
    assert list(answer.figures["configuration"]) == ["CACHE_SECONDS"]


@pytest.mark.finding(KEY, "nothing_to_compare_with")
def test_nothing_to_compare_with_is_inconclusive(world: World) -> None:
    answer = ask(world, HERE, compare_with="production")
    assert (answer.verdict, kinds_of(answer)) == (Verdict.INCONCLUSIVE, {"nothing_to_compare_with"})
    assert answer.figures["configuration"], "it is kept all the same, or neither place could ever begin"


def test_a_place_is_not_compared_with_itself(world: World) -> None:
    """The table of the service names one place, and holds there too."""
    assert ask(world, HERE, compare_with="staging").verdict is Verdict.PASS


# --- Comparing with the baseline --------------------------------------------------------------------------------------


@pytest.mark.finding(KEY, "changed_since_baseline")
def test_what_changed_since_the_baseline_is_noted_and_judges_nothing(world: World) -> None:
    world.remember(ask(world, "A=1\nB=2\nC=3\nDB_PASSWORD=hunter2\n"))
    answer = ask(world, "A=1\nB=3\nD=4\nDB_PASSWORD=hunter3\n")
    assert (answer.verdict, answer.regression) == (Verdict.PASS, Regression.NO)
    assert said(answer) == {
        "changed_since_baseline B": 'B was changed from "2" to "3" since the baseline',
        "changed_since_baseline C": "C was removed since the baseline",
        "changed_since_baseline D": "D was added since the baseline",
        "changed_since_baseline DB_PASSWORD": "DB_PASSWORD was changed (secret) since the baseline",
    }


def test_nothing_changed_says_nothing(world: World) -> None:
    world.configuration = HERE
    assert list(world.ask_again(KEY).findings) == []


@pytest.mark.parametrize("figures", [{}, {"configuration": "odd"}])
def test_a_baseline_that_kept_nothing_is_no_change(world: World, figures: Mapping[str, Any]) -> None:
    world.remember(Answer(figures=figures))
    assert list(ask(world, HERE).findings) == []


def test_a_difference_that_was_there_before_is_no_regression(world: World) -> None:
    elsewhere(world, "A=1\n")
    world.configuration = "A=2\n"
    assert world.ask_again(KEY, compare_with="production").regression is Regression.NO
    assert ask(world, "A=2\nB=1\n", compare_with="production").regression is Regression.YES


def test_what_fails_stands_before_what_is_only_noted(world: World) -> None:
    """Of many findings only the first hundred are kept."""
    elsewhere(world, "".join(f"DECLARED_{n}=1\n" for n in range(150)) + "A=1\n")
    text = "".join(f"DECLARED_{n}=2\n" for n in range(150)) + "A=2\n"
    answer = ask(world, text, compare_with="production", may_differ=["DECLARED_*"])
    assert answer.findings[0].identity == "different_value A"


def test_the_other_environment_is_named_by_its_key() -> None:
    for wrong in ("Production", "archive/production", "-x", "a b"):
        with pytest.raises(ValueError):
            Configuration.settings_model(compare_with=wrong)  # type: ignore[call-arg]
