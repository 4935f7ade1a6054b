"""Tokens of pipelines: made once, shown once, kept as a digest."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.display import utc_text
from releases.errors import Denied, Problem
from releases.intake import TokenSpec
from releases.models import ApiToken, User
from releases.services.idempotency import once
from releases.services.lookups import listed_service
from releases.services.retrying import retried

PREFIX = "rb_"
LAST_USE_PRECISION = timedelta(minutes=1)
"""`last_used_at` is written at most this often."""


def create_token(user: User, name: str, scopes: list[str], days: int | None, *, actor: Actor) -> str:
    """Make a token for all services and return its text, which is kept nowhere."""
    return make_token(user, TokenSpec(name=name, scopes=scopes, days=days), actor=actor)[1]


@retried
def make_token(user: User, spec: TokenSpec, *, actor: Actor, key: str = "") -> tuple[ApiToken, str]:
    """Make a token; return its row and its text, which is kept nowhere: empty where the same key made it before."""
    text = ""

    def make() -> ApiToken:
        nonlocal text
        text = PREFIX + secrets.token_urlsafe(32)
        row = ApiToken.objects.create(
            user=user,
            name=spec.name,
            digest=_digest(text),
            scopes=spec.scopes,
            service=service,
            expires_at=timezone.now() + timedelta(days=spec.days) if spec.days else None,
        )
        book.record(
            Tag.TOKEN_CREATED,
            actor,
            about=row.tag,
            service=service,
            user=user.username,
            name=spec.name,
            scopes=spec.scopes,
        )
        return row

    service = listed_service(spec.service) if spec.service else None
    return once(actor, key, spec, make, lambda pk: ApiToken.objects.get(pk=pk)), text


@retried
def revoke_token(token: ApiToken, *, actor: Actor) -> bool:
    """Make a token worthless from now on. Return whether this call did; a revoked one stays as it is."""
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            return False
        before = {
            "scopes": ", ".join(token.scopes),
            "ends": utc_text(token.expires_at) if token.expires_at else "",
            "last_used": utc_text(token.last_used_at) if token.last_used_at else "never",
        }
        book.record(
            Tag.TOKEN_REVOKED,
            actor,
            about=token.tag,
            user=token.user.username,
            name=token.name,
            before=before,
            after={"ends": "revoked"},
        )
    return True


def token_of(text: str) -> ApiToken:
    """Return the valid token with this text. Raises Denied (status 401) without saying which part was wrong."""
    row = ApiToken.objects.select_related("user", "service").filter(digest=_digest(text), revoked_at=None).first()
    now = timezone.now()
    if row is None or not row.user.is_active or (row.expires_at is not None and row.expires_at <= now):
        raise NotAuthenticated(
            Problem("not_authenticated", "The token is not valid.", "a token that was not revoked and has not expired")
        )
    if row.last_used_at is None or now - row.last_used_at > LAST_USE_PRECISION:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


class NotAuthenticated(Denied):
    status = 401
    title = "Authentication is missing"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
