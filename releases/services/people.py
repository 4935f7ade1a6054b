"""People: who they are, in which groups, and how they get their password."""

import secrets
import unicodedata

from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import default_token_generator
from django.db import IntegrityError, transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, Denied, Exists, Problem
from releases.intake import CloseSpec, MembershipSpec, PersonSpec, ZoneSpec
from releases.models import ApiToken, Membership, Service, User
from releases.services.lookups import listed_service
from releases.services.permissions import require
from releases.services.retrying import retried
from releases.services.sessions import end_all_sessions

MANAGE = "manage_people"


@retried
def create_person(spec: PersonSpec, *, actor: Actor) -> str:
    """Make a person of a group, or give the one of that name a new password; return the password, kept nowhere."""
    service = listed_service(spec.service) if spec.service else None
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user, _ = User.objects.get_or_create(
            username=spec.username, defaults={"first_name": spec.first_name, "last_name": spec.last_name}
        )
        user.set_password(password)
        user.save(update_fields=["password"])
        end_all_sessions(user)
        _made(user, spec.group, service, actor)
    return password


@retried
def add_person(spec: PersonSpec, *, actor: Actor) -> User:
    """Add a person who has no password yet. Raises Conflict where there is one of that name."""
    _require(actor, "a new person")
    service = listed_service(spec.service) if spec.service else None
    try:
        with transaction.atomic():
            _lock(actor)
            if same := _of_the_same_name(spec.username):
                raise _exists(same)
            user = User(username=spec.username, first_name=spec.first_name, last_name=spec.last_name)
            user.set_unusable_password()
            user.save(force_insert=True)
            _made(user, spec.group, service, actor)
    except IntegrityError:  # somebody else added them at this very moment
        raise _exists(spec.username) from None
    return user


@retried
def give_group(user: User, spec: MembershipSpec, *, actor: Actor) -> bool:
    """Put a person in a group; return whether they were not in it."""
    _require(actor, user.tag)
    service = listed_service(spec.service) if spec.service else None
    with transaction.atomic():
        _lock(actor, user)
        added = add_to_group(user, spec.group, service, given_by=actor.name)
        if added:
            book.record(
                Tag.GROUP_GIVEN,
                actor,
                about=user.tag,
                service=service,
                username=user.username,
                group=spec.group,
                before={"given_by": ""},
                after={"given_by": actor.name},
            )
    return added


@retried
def take_group(membership: Membership, *, actor: Actor) -> bool:
    """Take a person out of a group; return whether this call did. Nobody loses by their own hand that they manage."""
    user = membership.user
    _require(actor, user.tag)
    with transaction.atomic():
        _lock(actor, user)
        if not Membership.objects.filter(pk=membership.pk).delete()[0]:
            return False
        if actor.user and actor.user.pk == user.pk and not User.objects.get(pk=user.pk).may(MANAGE):
            raise Conflict(_own("You would no longer manage people yourself."))
        book.record(
            Tag.GROUP_TAKEN,
            actor,
            about=user.tag,
            service=membership.service,
            username=user.username,
            group=membership.group,
            before={"given_by": membership.given_by},
            after={"given_by": ""},
        )
    return True


@retried
def close_account(user: User, spec: CloseSpec, *, actor: Actor) -> bool:
    """Let somebody sign in no more: their sessions and tokens end at once. Return whether this call did."""
    _require(actor, user.tag)
    if actor.user and actor.user.pk == user.pk:
        raise Conflict(_own("This is your own account."))
    with transaction.atomic():
        _lock(actor, user)
        if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            return False
        ended = list(ApiToken.objects.filter(user=user, revoked_at=None))
        ApiToken.objects.filter(pk__in=[token.pk for token in ended]).update(revoked_at=timezone.now())
        book.record(
            Tag.ACCOUNT_CLOSED,
            actor,
            about=user.tag,
            reason=spec.reason,
            username=user.username,
            sessions=end_all_sessions(user),
            tokens=[token.tag for token in ended],
            before={"account": "open"},
            after={"account": "closed"},
        )
    return True


@retried
def open_account(user: User, *, actor: Actor) -> bool:
    """Let somebody whose account was closed sign in again; their tokens stay revoked."""
    _require(actor, user.tag)
    with transaction.atomic():
        _lock(actor, user)
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            return False
        book.record(
            Tag.ACCOUNT_OPENED,
            actor,
            about=user.tag,
            username=user.username,
            before={"account": "closed"},
            after={"account": "open"},
        )
    return True


@retried
def make_password_link(user: User, *, actor: Actor) -> str:
    """Return the secret with which a person chooses a password, once and within `PASSWORD_RESET_TIMEOUT`."""
    _require(actor, user.tag)
    with transaction.atomic():
        fresh = _lock(actor, user)[user.pk]
        if not fresh.is_active:
            raise Conflict(
                Problem("account_closed", f"The account of {user.name} is closed.", "an account that is open")
            )
        book.record(Tag.PASSWORD_LINK_MADE, actor, about=user.tag, username=user.username)
    return default_token_generator.make_token(fresh)


def opens(user: User, secret: str) -> bool:
    """Whether a secret of `make_password_link` still lets this person choose a password."""
    return user.is_active and default_token_generator.check_token(user, secret)


@retried
def choose_password(user: User, password: str, *, actor: Actor) -> bool:
    """Set a person's password unless it was changed since `user` was read; their sessions end, this one too."""
    hashed = make_password(password)
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, password=user.password, is_active=True).update(password=hashed):
            return False
        end_all_sessions(user)
        book.record(Tag.PASSWORD_CHOSEN, actor, about=user.tag, username=user.username)
    user.password = hashed
    return True


def set_time_zone(user: User, spec: ZoneSpec) -> None:
    """Keep the zone in which a person reads times. It decides nothing, so the book does not hold it."""
    User.objects.filter(pk=user.pk).update(time_zone=spec.time_zone)


def choose_service(user: User, service: Service, *, mine: bool) -> None:
    """Keep whether a service is one of a person's own. It decides nothing, so the book does not hold it."""
    (user.services.add if mine else user.services.remove)(service)


def add_to_group(user: User, group: str, service: Service | None = None, *, given_by: str) -> bool:
    """Put a person in a group, for one service or for all; return whether they were not in it. No event of its own."""
    _, added = Membership.objects.get_or_create(
        user=user, group=group, service=service, defaults={"since": timezone.now(), "given_by": given_by}
    )
    return added


def _made(user: User, group: str, service: Service | None, actor: Actor) -> None:
    add_to_group(user, group, service, given_by=actor.name)
    book.record(Tag.PERSON_CREATED, actor, about=user.tag, service=service, username=user.username, group=group)


def _require(actor: Actor, on: str) -> None:
    require(actor, MANAGE, scope="people:write", service="", on=on)


def _lock(actor: Actor, *users: User) -> dict[int, User]:
    """Lock whoever acts and whom it is about, and look at the permission again.

    Of two people who take it from each other at once the second is refused, so that one is always left.
    """
    wanted = {user.pk for user in users} | ({actor.user.pk} if actor.user else set())
    rows = User.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    locked = {row.pk: row for row in rows}
    if actor.user and not locked[actor.user.pk].may(MANAGE):
        raise Denied(
            Problem(
                "permission_missing",
                f"{actor.name} does not manage people any more.",
                "somebody who does",
                retry=DO_NOT_RETRY,
            )
        )
    return locked


def _of_the_same_name(username: str) -> str:
    """Return the name of somebody who would be taken for this one; a database's own comparison knows only ASCII."""
    folded = _folded(username)
    return next((name for name in User.objects.values_list("username", flat=True) if _folded(name) == folded), "")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _exists(username: str) -> Conflict:
    return Exists(Problem("person_exists", f"Somebody is there as {username}.", "another user name", field="username"))


def _own(failed: str) -> Problem:
    return Problem("own_account", failed, "somebody else who manages people, to do it", retry=DO_NOT_RETRY)
