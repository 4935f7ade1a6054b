"""Calls that are safe to repeat: one key of one actor makes one thing."""

import hashlib
from collections.abc import Callable
from typing import Protocol, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from pydantic import BaseModel

from releases.actor import Actor
from releases.display import hidden_character
from releases.errors import DO_NOT_RETRY, Invalid, Problem
from releases.models import IdempotencyKey


class Tagged(Protocol):
    pk: int

    @property
    def tag(self) -> str: ...


T = TypeVar("T", bound=Tagged)


def once(actor: Actor, key: str, asked: BaseModel | str, make: Callable[[], T], find: Callable[[int], T]) -> T:
    """Make the thing, or return what the same key made before.

    The key is written first, in the transaction of the thing itself: of two calls at once the second waits for the
    first and then finds its row. Raises Invalid when the key stands for another request.
    """
    if not key:
        with transaction.atomic():
            return make()
    _check_key(key)
    body = asked if isinstance(asked, str) else f"{type(asked).__name__} {asked.model_dump_json()}"
    digest = hashlib.sha256(body.encode()).hexdigest()
    owner = actor.user.username if actor.user else actor.name
    with transaction.atomic():
        row = _claim(owner, key, digest)
        if row is not None:
            made = make()
            IdempotencyKey.objects.filter(pk=row.pk).update(made=made.tag)
            return made
    known = _known(owner, key, digest, find)
    assert known is not None, "a key that could not be inserted exists"
    return known


def _claim(owner: str, key: str, digest: str) -> IdempotencyKey | None:
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(
                actor=owner, key=key, body_digest=digest, made="", created_at=timezone.now()
            )
    except IntegrityError:
        return None


def _known(owner: str, key: str, digest: str, find: Callable[[int], T]) -> T | None:
    row = IdempotencyKey.objects.filter(actor=owner, key=key).first()
    if row is None:
        return None
    if row.body_digest != digest:
        raise Invalid(
            Problem(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request.",
                "a new key for a new request, or the same request again",
                field="Idempotency-Key",
                got=key,
                retry=DO_NOT_RETRY,
            )
        )
    return find(int(row.made.rpartition("-")[2]))


def _check_key(key: str) -> None:
    limit = settings.IDEMPOTENCY_KEY_LIMIT
    if len(key) > limit or hidden_character(key) or not key.isprintable():
        raise Invalid(
            Problem(
                "bad_idempotency_key",
                f"The Idempotency-Key has {len(key)} characters or holds control characters.",
                f"1-{limit} printable characters",
                field="Idempotency-Key",
                got=key,
            )
        )
