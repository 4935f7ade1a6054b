"""Groups of people and what they may do."""

import secrets

from django.db import transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.intake import ZoneSpec
from releases.models import Membership, Service, User
from releases.services.retrying import retried


@retried
def create_person(
    username: str, first_name: str, last_name: str, group: str, service: Service | None = None, *, actor: Actor
) -> str:
    """Make a person of a group, or give the one of that name a new password; return the password, kept nowhere."""
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user, _ = User.objects.get_or_create(
            username=username, defaults={"first_name": first_name, "last_name": last_name}
        )
        user.set_password(password)
        user.save(update_fields=["password"])
        add_to_group(user, group, service, given_by=actor.name)
        book.record(Tag.PERSON_CREATED, actor, about=user.tag, service=service, username=username, group=group)
    return password


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
