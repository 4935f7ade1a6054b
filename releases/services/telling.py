"""Sending messages to people through Apprise, beside everything else: a receiver that is down delays only itself.

An attempt is claimed by raising the message's count, which also puts off the next one. A process that dies in between
therefore loses nothing; the message is sent a little later, in the worst case for a second time.
"""

import contextlib
import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from releases.catalogue import CatalogueError, UnknownPlace
from releases.http import Deadline
from releases.models import Message
from releases.secrets import SecretError, resolve
from releases.services import places
from releases.states import MessageStatus

log = logging.getLogger(__name__)

SECONDS_PER_MESSAGE = 15.0
"""What one receiver may take. Apprise bounds each read, not the whole."""
ATTEMPTS_LIMIT = 6
FIRST_PAUSE = timedelta(seconds=30)
"""Until the second attempt. Each further pause is twice as long: the last attempt comes after a quarter of an hour."""
MOST_AT_ONCE = 20
"""Attempts that may be on, those included that were given up and have not ended."""


class _Attempt(threading.Thread):
    """One attempt at one message, or at several that are sent as one.

    A daemon: a receiver that sends a byte now and then would hold Apprise for ever.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__(name=f"tell {messages[0].fact}", daemon=True)
        self.messages = messages
        self.problem = f"no answer within {SECONDS_PER_MESSAGE:g} s"
        """Why it failed, or nothing once the receiver has taken the message."""

    def run(self) -> None:
        title, text = _as_one(self.messages)
        try:
            self.problem = _notify(resolve(_reference(self.messages[0])), title, text)
        except (places.NoCatalogue, CatalogueError, UnknownPlace, SecretError) as error:
            self.problem = str(error)


_given_up: set[_Attempt] = set()


def send_due() -> int:
    """Send what is due, to all receivers at once; return how many attempts were made."""
    _given_up.difference_update([attempt for attempt in _given_up if not attempt.is_alive()])
    room = MOST_AT_ONCE - len(_given_up)
    due = Message.objects.filter(status=MessageStatus.QUEUED, due_at__lte=timezone.now())
    due = due.select_related("environment__service").order_by("due_at")
    messages = list(due[:room])
    if kinds := {message.together for message in messages} - {""}:  # all of them, since they are one attempt
        messages += due.filter(together__in=kinds).exclude(pk__in=[message.pk for message in messages])
    attempts = [_Attempt(group) for group in _sent_together([message for message in messages if _claim(message)])]
    for attempt in attempts:
        attempt.start()
    deadline = Deadline.after(SECONDS_PER_MESSAGE)
    for attempt in attempts:
        attempt.join(deadline.remaining())
        for message in attempt.messages:
            _write_down(message, attempt.problem)
        if attempt.is_alive():
            _given_up.add(attempt)
    return len(attempts)


def _sent_together(messages: Iterable[Message]) -> list[list[Message]]:
    """Group the messages that are sent as one: of one kind, and to one address."""
    groups: dict[object, list[Message]] = {}
    for message in messages:
        key: object = message.pk
        if message.together:
            with contextlib.suppress(places.NoCatalogue, CatalogueError, UnknownPlace):
                key = (message.together, _reference(message))
        groups.setdefault(key, []).append(message)
    return list(groups.values())


def _as_one(messages: Sequence[Message]) -> tuple[str, str]:
    """Return title and text of what is sent: the message itself, or one that names every environment."""
    first = messages[0]
    names = sorted({str(message.environment) for message in messages})
    if len(names) == 1:
        return first.title, f"{first.text}\n{settings.PUBLIC_URL}{first.path}"
    title = f"{first.together}: {len(names)} environments"
    return title, f"{first.text}\n{', '.join(names)}\n{settings.PUBLIC_URL}{reverse('board')}"


def _claim(message: Message) -> bool:
    """Take this attempt, and put off the next; return whether nobody else did."""
    message.due_at = timezone.now() + FIRST_PAUSE * 2**message.attempts
    claimed = Message.objects.filter(pk=message.pk, status=MessageStatus.QUEUED, attempts=message.attempts).update(
        attempts=F("attempts") + 1, due_at=message.due_at
    )
    message.attempts += 1
    return bool(claimed)


def _write_down(message: Message, problem: str) -> None:
    mine = Message.objects.filter(pk=message.pk, status=MessageStatus.QUEUED, attempts=message.attempts)
    if not problem:
        mine.update(status=MessageStatus.SENT, sent_at=timezone.now(), problem="")
        return
    log.warning("%s was not told %s: %s", message.receiver, message.fact, problem)
    last = message.attempts >= ATTEMPTS_LIMIT
    mine.update(status=MessageStatus.FAILED if last else MessageStatus.QUEUED, problem=problem)


def _reference(message: Message) -> str:
    """Return the reference to the receiver's address. Raises what reading the catalogue raises."""
    receivers = places.place(message.environment).receivers
    reference = next((one.url for one in receivers if one.name == message.receiver), None)
    if reference is None:
        raise UnknownPlace(f"The catalogue names no {message.receiver} here any more.")
    return reference


def _notify(address: str, title: str, text: str) -> str:
    """Return why a receiver did not take a message, or nothing."""
    import apprise  # half a second, which only the process that tells should spend

    receiver = apprise.Apprise()
    try:
        if not receiver.add(address):
            return "Apprise does not understand the address in its secret"
        taken = receiver.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:  # plugins of many authors
        return f"Apprise failed: {type(error).__name__}"
    return "" if taken else "it did not take the message"
