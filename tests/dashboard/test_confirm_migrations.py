"""The confirm page where migrations lie between what is live and the target."""

from typing import Any

import pytest
from django.test import Client

from releases import knocks
from releases.migration_report import NO_COMMAND, loss_digest
from releases.models import Deployment, Environment, MigrationReport, RenderedCommand, Rollback
from tests import factory
from tests.dashboard.pages import polled
from tests.dashboard.test_confirm import PAGE, form, text

pytestmark = pytest.mark.django_db

Story = tuple[Environment, Deployment, Deployment]
BOX = f"I accept that {factory.LOSS} are lost."


@pytest.fixture(autouse=True)
def knocked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What was knocked for; nobody comes to the door."""
    sent: list[tuple[str, str, int]] = []
    monkeypatch.setattr(knocks, "_send", lambda task, queue, row_id: sent.append((task, queue, row_id)))
    monkeypatch.setattr(knocks, "broker_answers", lambda: True)
    return sent


@pytest.fixture
def story() -> Story:
    place, target, live = factory.story()
    place.command_names = ["check_migrations", "rollback"]
    place.save()
    factory.rendered(place, target)
    return place, target, live


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(factory.on_call())
    return client


def next_look(response: Any) -> str:
    """Return the address at which the page looks again."""
    found = polled(response)
    assert found is not None
    return found[0]


def content(response: Any) -> str:
    return str(response.content.decode())


def test_a_loss_is_named_in_the_one_box_to_tick(browser: Client, story: Story) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    page = browser.get(PAGE)
    assert BOX in text(page)
    assert content(page).count('type="checkbox"') == 2  # the other one is the purge's
    assert 'name="accept_data_loss" value="yes" required' in content(page)


def test_without_the_tick_nothing_is_done_and_the_loss_is_named(browser: Client, story: Story) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    sent = form(live, target, digest=factory.DIGEST, losses=loss_digest(factory.LOSS))
    answer = browser.post(PAGE, sent)
    assert answer.status_code == 422
    assert f"that was not accepted: {factory.LOSS}. Expected" in text(answer)
    assert "Safe to try again." in text(answer)
    assert "seen by 3 users" in content(answer)
    assert not Rollback.objects.exists()


def test_with_the_tick_it_goes_back_and_the_page_of_the_rollback_keeps_it(browser: Client, story: Story) -> None:
    """C25"""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    sent = form(live, target, digest=factory.DIGEST, losses=loss_digest(factory.LOSS), accept_data_loss="yes")
    answer = browser.post(PAGE, sent, follow=True)
    assert Rollback.objects.get().at_press["accepted_losses"] == [factory.LOSS]
    assert f"Accepted as lost: {factory.LOSS}." in text(answer)
    assert "data-losing 0007_orders" in text(answer)


def test_a_loss_that_is_new_since_the_page_was_shown_gets_a_fresh_page(browser: Client, story: Story) -> None:
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    answer = browser.post(PAGE, form(live, target, digest=factory.DIGEST, accept_data_loss="yes"))
    assert answer.status_code == 409
    assert BOX in text(answer)
    assert 'name="accept_data_loss" value="yes" required' in content(answer)
    assert " checked> <span>I accept" not in content(answer)


def test_an_irreversible_migration_is_shown_with_what_to_do_and_asks_for_no_tick(browser: Client, story: Story) -> None:
    _, target, live = story
    factory.migrations(
        target,
        live,
        {"name": "0005_split", "kind": "irreversible", "what_to_do": "Restore the backup of last night."},
        {"name": "0004_merge", "kind": "irreversible"},
    )
    page = browser.get(PAGE)
    assert "irreversible 0005_split Restore the backup of last night." in text(page)
    assert "irreversible 0004_merge The earlier version cannot live with it" in text(page)
    assert "accept_data_loss" not in content(page)


def test_none_is_said_only_where_the_command_said_so(browser: Client, story: Story) -> None:
    _, target, live = story
    factory.migrations(target, live)
    assert "Migrations none Between 2026.11.3 and 2026.11.4, asked on worker-1" in text(browser.get(PAGE))


def test_what_nobody_could_say_yet_is_not_known(browser: Client, story: Story) -> None:
    _, target, live = story
    factory.migrations(target, live, problem="check_migrations did not end within 10 s.")
    page = text(browser.get(PAGE))
    assert "Migrations not known check_migrations did not end within 10 s. Between" in page


def test_what_was_said_before_stays_with_its_age_when_a_look_fails(browser: Client, story: Story) -> None:
    """C25: the box stays too, and a tick in it."""
    _, target, live = story
    factory.migrations(target, live, factory.LOSING)
    address = next_look(browser.get(PAGE))
    factory.migrations(target, live, factory.LOSING, problem="check_migrations did not end within 10 s.")
    page = browser.get(PAGE)
    assert BOX in text(page)
    said = "Migrations not known now check_migrations did not end within 10 s. Said before, on worker-1 0 s ago"
    assert said in text(page)
    assert "data-losing 0007_orders loses" in text(page)
    fresh = content(browser.get(address))
    assert "not known now" in fresh
    assert 'id="losses"' not in fresh


def test_none_that_nobody_can_say_again_is_no_none(browser: Client, story: Story) -> None:
    _, target, live = story
    report = factory.migrations(target, live)
    MigrationReport.objects.filter(pk=report.pk).update(problem="check_migrations did not end within 10 s.")
    page = content(browser.get(PAGE))
    section = page[page.index('id="migrations"') :]
    assert "not known now" in section
    assert section.index("Said before") < section.index(">none<")


def test_a_catalogue_without_the_command_is_said_plainly(browser: Client, story: Story) -> None:
    place, _, _ = story
    place.command_names = ["rollback"]
    place.save()
    assert f"Migrations not known {NO_COMMAND}." in text(browser.get(PAGE))


def test_the_open_page_gets_the_box_when_a_loss_becomes_known_and_keeps_a_tick_otherwise(
    browser: Client, story: Story
) -> None:
    _, target, live = story
    address = next_look(browser.get(PAGE))
    factory.migrations(target, live, factory.LOSING)
    fresh = browser.get(address)
    assert 'id="losses"' in content(fresh)
    assert BOX in text(fresh)
    assert "Going back would lose data" in text(fresh)
    RenderedCommand.objects.update(problems=["The working directory is gone."])  # something else has changed
    again = content(browser.get(next_look(fresh)))
    assert "The working directory is gone." in again
    assert 'id="losses"' not in again


def test_hostile_text_of_the_command_stays_text(browser: Client, story: Story) -> None:
    _, target, live = story
    factory.migrations(target, live, factory.LOSING | {"loses": "<script>alert(1)</script>"})
    page = content(browser.get(PAGE))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
