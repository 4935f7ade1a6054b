"""The book: one append-only, hash-chained line per thing that happened.

`hash = sha256(previous ‖ seq ‖ sha256(payload))`, each as text, so that an export can show an event of another
service by its digest alone. The head row is locked by the writer, so call `record` last in a transaction.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from releases.actor import Actor
from releases.models import BookHead, Environment, Event, Service

GENESIS = "0" * 64


class Tag(StrEnum):
    """What can happen, as `subject:action`."""

    CATALOGUE_SYNCED = "catalogue:synced"
    """The operator applied a catalogue file; details name what changed."""
    RELEASE_REGISTERED = "release:registered"
    RESULT_CONFIRMED = "release:result_confirmed"
    """Somebody said whether an expected result came true that no probe can tell; details name it."""
    RELEASE_DEPLOYED_AGAIN = "release:deployed_again"
    """Although it is marked bad; the reason is the answer to *what changed?*, details keep the mark."""
    RELEASE_MARKED_BAD = "release:marked_bad"
    RELEASE_UNMARKED_BAD = "release:unmarked_bad"
    """The rollback that marked it was cancelled before anything ran, or a person took the mark off, with a reason."""
    DEPLOYMENT_STARTED = "deployment:started"
    DEPLOYMENT_CLAIMED = "deployment:claimed"
    """A worker begins the deploy command that Rollbook runs; details name it."""
    DEPLOYMENT_REFUSED = "deployment:refused"
    """The worker would not start it: permission gone, frozen meanwhile, or not the command that was shown."""
    DEPLOYMENT_CANCELLED = "deployment:cancelled"
    DEPLOYMENT_STOP_REQUESTED = "deployment:stop_requested"
    DEPLOYMENT_FINISHED = "deployment:finished"
    DEPLOYMENT_FAILED = "deployment:failed"
    DEPLOYMENT_DESPITE_FREEZE = "deployment:despite_freeze"
    """It ended while its environment was frozen; details keep the freeze."""
    CHECKLIST_SETTLED = "checklist:settled"
    CHECKLIST_REQUESTED = "checklist:requested"
    """Somebody had it, or some of its probes, run again."""
    FINDING_ACCEPTED = "finding:accepted"
    ACCEPTANCE_WITHDRAWN = "finding:acceptance_withdrawn"
    REHEARSAL_REQUESTED = "rehearsal:requested"
    REHEARSAL_REFUSED = "rehearsal:refused"
    REHEARSAL_STOP_REQUESTED = "rehearsal:stop_requested"
    REHEARSAL_STEP_ENDED = "rehearsal:step_ended"
    """One of its commands ended; details name the step, exit code and digests."""
    REHEARSAL_DONE = "rehearsal:done"
    """Its receipt: outcome, what each checklist said."""
    EXECUTION_LOST = "execution:lost"
    """The worker of a deploy command or of a rehearsal's step stopped reporting; nothing is run again."""
    ENVIRONMENT_FROZEN = "environment:frozen"
    FREEZE_LIFTED = "environment:freeze_lifted"
    ROLLBACK_PRESSED = "rollback:pressed"
    DATA_LOSS_ACCEPTED = "rollback:data_loss_accepted"
    """Whoever pressed accepted that data is lost, as the page named it; details keep what it said of the migrations."""
    ROLLBACK_JOINED = "rollback:joined"
    """Somebody at a terminal asked for the same one, and takes the steps that no worker takes."""
    ROLLBACK_LOCK_OVERRIDDEN = "rollback:lock_overridden"
    """Somebody has it run although a command still holds the lock; details name the holder."""
    ROLLBACK_CLAIMED = "rollback:claimed"
    ROLLBACK_REFUSED = "rollback:refused"
    """The worker would not start it: permission gone, or the command is not the one that was shown."""
    ROLLBACK_CANCELLED = "rollback:cancelled"
    ROLLBACK_STOP_REQUESTED = "rollback:stop_requested"
    ROLLBACK_COMMAND_ENDED = "rollback:command_ended"
    ROLLBACK_COMMAND_LOST = "rollback:command_lost"
    ROLLBACK_PURGED = "rollback:purged"
    ROLLBACK_DONE = "rollback:done"
    ROLLBACK_VERIFY_REQUESTED = "rollback:verify_requested"
    """It ended without an answer, and somebody had it measured again; details keep what it said before."""
    READINESS_TURNED_RED = "readiness:turned_red"
    """A rollback would not work now, as the sweep saw twice in a row; details name what is red."""
    READINESS_TURNED_READY = "readiness:turned_ready"
    EXECUTION_REPORTED_LATE = "execution:reported_late"
    """A worker that had been given up reported after all; no status changed."""
    BOOK_EXPORTED = "book:exported"
    """Somebody took events out of Rollbook, as a file; details name the question and the form."""
    NOTE_ADDED = "note:added"
    """About a release or a rollback; details hold the text, and what it corrects."""
    PERMISSION_DENIED = "permission:denied"
    """The first of a minute at once; `further` counts those that came after it in that minute."""
    PERSON_CREATED = "person:created"
    """Or given a new password by a command; details name the group."""
    GROUP_GIVEN = "person:group_given"
    """Somebody was put in a group, for a service or for all."""
    GROUP_TAKEN = "person:group_taken"
    ACCOUNT_CLOSED = "person:account_closed"
    """They sign in no more; details name what ended with it."""
    ACCOUNT_OPENED = "person:account_opened"
    PASSWORD_LINK_MADE = "person:password_link_made"
    """A link with which they choose a password, once."""
    PASSWORD_CHOSEN = "person:password_chosen"
    TOKEN_CREATED = "token:created"
    TOKEN_REVOKED = "token:revoked"
    SESSIONS_ENDED = "session:ended"
    """A person ended sessions of their own elsewhere; details name the devices."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first place where the chain does not hold."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a walk along the chain has come: the last event that holds."""

    seq: int = 0
    hash: str = GENESIS


def canonical(payload: dict[str, Any]) -> bytes:
    """Return the one JSON text of a payload. Floats are refused: databases do not keep their spelling."""
    _refuse_floats(payload)
    return _json(payload)


def chain_hash(previous: str, seq: int, payload_digest: str) -> str:
    return hashlib.sha256(f"{previous}{seq}{payload_digest}".encode()).hexdigest()


def record(
    action: Tag,
    actor: Actor,
    *,
    about: str = "",
    service: Service | None = None,
    environment: Environment | None = None,
    reason: str = "",
    **details: Any,
) -> Event:
    """Append one event in the transaction of the caller, and return it."""
    event = entry(action, actor, about=about, service=service, environment=environment, reason=reason, **details)
    append([event])
    return event


def entry(
    action: Tag,
    actor: Actor,
    *,
    about: str = "",
    service: Service | None = None,
    environment: Environment | None = None,
    reason: str = "",
    **details: Any,
) -> Event:
    """Return an event that is not in the book yet: `append` gives it its place."""
    if environment is not None:
        service = environment.service
    at = timezone.now()
    service_key, environment_key = service.key if service else "", environment.key if environment else ""
    payload = {
        "at": at.isoformat(),
        "action": action.value,
        "actor": actor.name,
        "groups": actor.groups,
        "via": actor.via,
        "object": about,
        "service": service_key,
        "environment": environment_key,
        "reason": reason,
        "request_id": actor.request_id,
        "origin": actor.origin,
        "details": details,
    }
    return Event(
        at=at,
        action=action.value,
        actor=actor.name,
        service=service_key,
        environment=environment_key,
        object_tag=about,
        payload=payload,
        payload_digest=hashlib.sha256(canonical(payload)).hexdigest(),
    )


def append(events: Sequence[Event]) -> None:
    """Append events in this order, in the transaction of the caller, which holds the head of the book from here on."""
    with transaction.atomic(savepoint=False):
        head = _locked_head()
        seq, last = head.seq, head.hash or GENESIS
        for event in events:
            seq += 1
            event.seq, event.previous = seq, last
            event.hash = last = chain_hash(last, seq, event.payload_digest)
        Event.objects.bulk_create(events)
        BookHead.objects.filter(pk=1).update(seq=seq, hash=last)


class Anchored(Protocol):
    """A head that was kept outside the database."""

    @property
    def seq(self) -> int: ...
    @property
    def hash(self) -> str: ...
    @property
    def at(self) -> datetime: ...


def verify(anchors: Sequence[Anchored] = ()) -> Flaw | None:
    """Walk the whole chain and return its first flaw, or None when it holds up to the head and every anchor agrees.

    Events that are written meanwhile lie behind the head that was read, and are left for the next time.
    """
    kept: dict[int, list[Anchored]] = {}
    for anchor in anchors:
        kept.setdefault(anchor.seq, []).append(anchor)
    newest, head = ends()
    reached = Reached()
    for event in events_up_to(max(newest, head.seq)):
        if flaw := _flaw_of(event, reached):
            return flaw
        for anchor in kept.pop(event.seq, []):
            if anchor.hash != event.hash:
                return Flaw(event.seq, f"it is not the one that was anchored on {anchor.at:%Y-%m-%dT%H:%M:%SZ}")
        reached = Reached(event.seq, event.hash)
    if flaw := _flaw_at_the_end(head, reached):
        return flaw
    if kept:
        first = kept[min(kept)][0]
        what = f"the book ends at {reached.seq}, but event {first.seq} was anchored on {first.at:%Y-%m-%dT%H:%M:%SZ}"
        return Flaw(reached.seq + 1, what)
    return None


def walk_on(reached: Reached, limit: int) -> tuple[Reached, bool, Flaw | None]:
    """Walk so many events further; return how far the chain holds, whether that is the head, and the first flaw."""
    newest, head = ends()
    if max(newest, head.seq) < reached.seq:
        what = f"event {reached.seq} had been checked, now the book ends at {max(newest, head.seq)}: its tail was cut"
        return reached, False, Flaw(max(newest, head.seq) + 1, what)
    events = list(Event.objects.filter(seq__gt=reached.seq, seq__lte=max(newest, head.seq)).order_by("seq")[:limit])
    for event in events:
        if flaw := _flaw_of(event, reached):
            return reached, False, flaw
        reached = Reached(event.seq, event.hash)
    if len(events) == limit:
        return reached, False, None
    flaw = _flaw_at_the_end(head, reached)
    return reached, flaw is None, flaw


def ends() -> tuple[int, BookHead]:
    """Return the number of the newest event and the head, read in this order: a sound head is never behind it."""
    newest = Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    return newest, BookHead.objects.filter(pk=1).first() or BookHead()


def events_up_to(seq: int) -> Iterator[Event]:
    """Yield the events in order, few at a time, so that a long book needs no more memory than a short one."""
    reached = 0
    while events := list(Event.objects.filter(seq__gt=reached, seq__lte=seq).order_by("seq")[:1000]):
        yield from events
        reached = events[-1].seq


def _locked_head() -> BookHead:
    """Return the head, locked until the transaction ends; on SQLite whoever writes is alone from the beginning."""
    locked = BookHead.objects.select_for_update(no_key=True).filter(pk=1)
    if (head := locked.first()) is not None:
        return head
    BookHead.objects.bulk_create([BookHead(pk=1)], ignore_conflicts=True)
    return locked.get()


def _json(payload: Any) -> bytes:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="surrogatepass")


def _flaw_of(event: Event, reached: Reached) -> Flaw | None:
    """Say what is wrong with the event that comes next."""
    if event.seq != reached.seq + 1:
        return Flaw(reached.seq + 1, f"event {reached.seq + 1} is missing")
    digest = hashlib.sha256(_json(event.payload)).hexdigest()
    if digest != event.payload_digest or not _columns_match(event):
        return Flaw(event.seq, "its content was changed")
    if event.previous != reached.hash or event.hash != chain_hash(reached.hash, event.seq, digest):
        return Flaw(event.seq, "it does not follow from the event before it")
    return None


def _flaw_at_the_end(head: BookHead, reached: Reached) -> Flaw | None:
    if (head.seq, head.hash or GENESIS) == (reached.seq, reached.hash):
        return None
    return Flaw(reached.seq + 1, f"the book ends at {reached.seq}, its head says {head.seq}")


def _columns_match(event: Event) -> bool:
    payload = event.payload if isinstance(event.payload, dict) else {}
    return (event.action, event.actor, event.service, event.environment, event.object_tag, event.at.isoformat()) == (
        payload.get("action"),
        payload.get("actor"),
        payload.get("service"),
        payload.get("environment"),
        payload.get("object"),
        payload.get("at"),
    )


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r}: the book keeps no floats; write a text or an integer with its unit")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
