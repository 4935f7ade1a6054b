"""Sending messages: by Apprise to a real receiver, bounded, tried again, and never with an address in a problem."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from releases.models import Environment, Message
from releases.services import telling
from releases.services.messages import BROKER_AWAY
from releases.services.telling import ATTEMPTS_LIMIT, send_due
from releases.states import MessageStatus
from tests import factory
from tests.hostile import dripping, hostile
from tests.rig.ports import free_port
from tests.services.conftest import LittleService

pytestmark = pytest.mark.django_db(transaction=True)

Queue = Callable[..., Message]


@pytest.fixture
def received(httpserver: HTTPServer) -> list[dict[str, str]]:
    """What the chat has received."""
    bodies: list[dict[str, str]] = []

    def take(request: Request) -> Response:
        bodies.append(request.get_json())
        return Response("")

    httpserver.expect_request("/chat", method="POST").respond_with_handler(take)
    return bodies


@pytest.fixture
def chat(
    production: Environment, little_service: LittleService, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Name a chat in the catalogue, and give it this address."""
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(
        text.replace("allow_private", 'tell = [{ name = "chat", url = "env:CHAT" }]\nallow_private')
    )

    def at(address: str) -> None:
        monkeypatch.setenv("CHAT", address)

    at(f"json://127.0.0.1:{httpserver.port}/chat")
    return at


@pytest.fixture
def queued(production: Environment, chat: Callable[[str], None]) -> Queue:
    def make(fact: str = "RB-1 restored", **fields: object) -> Message:
        given = {
            "environment": production,
            "fact": fact,
            "about": "RB-1",
            "receiver": "chat",
            "title": "restored archive/production",
            "text": "2026.11.3 serves <!channel> everywhere.",
            "path": "/rollbacks/1",
            "due_at": timezone.now(),
        }
        return Message.objects.create(**{**given, **fields})

    return make


@pytest.fixture(autouse=True)
def _nothing_hangs_afterwards() -> Iterator[None]:
    yield
    for attempt in telling._given_up:
        attempt.join(10)
    telling._given_up.clear()


def test_a_message_reaches_its_receiver_with_a_link(
    queued: Queue, received: list[dict[str, str]], settings: object
) -> None:
    settings.PUBLIC_URL = "https://rollbook.example.org"  # type: ignore[attr-defined]
    message = queued()
    assert send_due() == 1
    (body,) = received
    assert body["title"] == "restored archive/production"
    assert "2026.11.3 serves <!channel> everywhere." in body["message"]
    assert "https://rollbook.example.org/rollbacks/1" in body["message"]
    message.refresh_from_db()
    assert (message.status, message.problem) == (MessageStatus.SENT, "")
    assert message.sent_at is not None


def test_what_was_sent_is_not_sent_again(queued: Queue, received: list[dict[str, str]]) -> None:
    queued()
    assert [send_due(), send_due()] == [1, 0]
    assert len(received) == 1


def test_two_processes_send_a_message_once(queued: Queue, received: list[dict[str, str]]) -> None:
    """Both have read it as due; the one that raises its count sends it."""
    message = queued()
    stale = Message.objects.get()
    assert telling._claim(message)
    assert not telling._claim(stale)


def test_what_several_environments_are_told_of_at_once_is_one_message_to_one_address(
    queued: Queue, received: list[dict[str, str]], production: Environment, little_service: LittleService
) -> None:
    """B10: a broker that is away is away for all of them."""
    text = little_service.catalogue.read_text()
    first = text.index("[services.archive.environments.production]")
    one = text[first : text.index("[services.archive.checklist")]
    staging, other = (one.replace("production]", f"{key}]") for key in ("staging", "other"))
    little_service.catalogue.write_text(text + staging + other.replace('"chat"', '"mail"').replace(":CHAT", ":MAIL"))
    keys = ("production", "staging", "other")
    places = [production if key == "production" else factory.environment(production.service, key) for key in keys]
    for place, receiver in zip(places, ("chat", "chat", "mail"), strict=True):
        fact = f"D-{place.pk} queue 1"
        queued(fact, environment=place, receiver=receiver, together=BROKER_AWAY, title="one")
    queued("D-9 not ready 1", title="way back not ready")
    assert send_due() == 3, "one for both, one that is another fact, and one to an address that nobody gave"
    titles = sorted(body["title"] for body in received)
    assert titles == ["the broker does not answer: 2 environments", "way back not ready"]
    both = next(body["message"] for body in received if "environments" in body["title"])
    assert "archive/production, archive/staging" in both
    sent = Message.objects.filter(status=MessageStatus.SENT)
    assert {(message.fact, message.receiver) for message in sent} == {
        (f"D-{places[0].pk} queue 1", "chat"),
        (f"D-{places[1].pk} queue 1", "chat"),
        ("D-9 not ready 1", "chat"),
    }
    assert "MAIL" in Message.objects.get(receiver="mail").problem


def test_one_environment_alone_is_told_as_it_stands(queued: Queue, received: list[dict[str, str]]) -> None:
    queued(together=BROKER_AWAY, title="the broker does not answer archive/production 2026.11.4")
    assert send_due() == 1
    assert received[0]["title"] == "the broker does not answer archive/production 2026.11.4"


def test_more_than_fit_at_once_are_still_one_message(
    queued: Queue, received: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_AT_ONCE", 2)
    for number in range(5):
        queued(f"D-{number} queue 1", together=BROKER_AWAY)
    assert send_due() == 1
    assert len(received) == 1
    assert Message.objects.filter(status=MessageStatus.SENT).count() == 5


def test_a_receiver_that_is_down_is_tried_again_later(queued: Queue, chat: Callable[[str], None]) -> None:
    address = f"json://secret-token@127.0.0.1:{free_port()}/chat"
    chat(address)
    message = queued()
    assert send_due() == 1
    message.refresh_from_db()
    assert (message.status, message.attempts, message.problem) == (
        MessageStatus.QUEUED,
        1,
        "it did not take the message",
    )
    assert message.due_at - timezone.now() > timedelta(seconds=20)
    assert "secret-token" not in message.problem
    assert send_due() == 0


def test_after_the_last_attempt_it_is_failed_and_says_why(queued: Queue, chat: Callable[[str], None]) -> None:
    chat(f"json://127.0.0.1:{free_port()}/chat")
    message = queued(attempts=ATTEMPTS_LIMIT - 1)
    send_due()
    message.refresh_from_db()
    assert (message.status, message.attempts) == (MessageStatus.FAILED, ATTEMPTS_LIMIT)


def test_a_receiver_that_drips_is_given_up_and_keeps_no_other_waiting(
    queued: Queue,
    chat: Callable[[str], None],
    received: list[dict[str, str]],
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """B44: Apprise waits for each byte anew."""
    monkeypatch.setattr(telling, "SECONDS_PER_MESSAGE", 0.5)
    with hostile(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a", 0.1)) as server:
        chat(f"json://127.0.0.1:{server.port}/chat")
        slow = queued()
        send_due()
        slow.refresh_from_db()
        assert slow.problem == "no answer within 0.5 s"
        chat(f"json://127.0.0.1:{httpserver.port}/chat")
        queued("RB-2 restored")
        assert send_due() == 1
        assert len(received) == 1


def test_with_too_many_hanging_attempts_nothing_more_is_begun(
    queued: Queue, received: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(telling, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(telling, "SECONDS_PER_MESSAGE", 0.1)
    monkeypatch.setattr(telling, "_notify", lambda *_: str(let_go.wait(10)))
    queued()
    queued("RB-2 restored")
    assert [send_due(), send_due()] == [1, 0]
    let_go.set()


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("nonsense", "Apprise does not understand the address in its secret"),
        ("", "The secret env:CHAT is not set or empty."),
    ],
)
def test_an_address_that_is_none_is_told_without_showing_it(
    queued: Queue, chat: Callable[[str], None], address: str, problem: str
) -> None:
    chat(address)
    message = queued()
    send_due()
    message.refresh_from_db()
    assert message.problem == problem


def test_a_receiver_that_the_catalogue_no_longer_names_is_told(queued: Queue) -> None:
    message = queued(receiver="pager")
    send_due()
    message.refresh_from_db()
    assert message.problem == "The catalogue names no pager here any more."
