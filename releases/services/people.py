"""Groups of people and what they may do."""

import secrets
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.intake import ZoneSpec
from releases.models import Service, User
from releases.services.permissions import GROUPS
from releases.services.retrying import retried


def make_groups() -> None:
    """Make the groups and give each exactly the permissions listed in `permissions.GROUPS`."""
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(content_type__app_label="releases", codename__in=codenames))


def make_groups_after_migrate(**_: Any) -> None:
    """Have the groups in place after every `migrate`, once the tables and permissions are there."""
    if Group.objects.model._meta.db_table in connection.introspection.table_names():
        make_groups()


@retried
def create_person(username: str, first_name: str, last_name: str, group: str, *, actor: Actor) -> str:
    """Make a person of a group, or give the one of that name a new password; return the password, kept nowhere."""
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user, _ = User.objects.get_or_create(
            username=username, defaults={"first_name": first_name, "last_name": last_name}
        )
        user.set_password(password)
        user.save(update_fields=["password"])
        add_to_group(user, group)
        book.record(Tag.PERSON_CREATED, actor, about=f"U-{user.pk}", username=username, group=group)
    return password


def set_time_zone(user: User, spec: ZoneSpec) -> None:
    """Keep the zone in which a person reads times. It decides nothing, so the book does not hold it."""
    User.objects.filter(pk=user.pk).update(time_zone=spec.time_zone)


def choose_service(user: User, service: Service, *, mine: bool) -> None:
    """Keep whether a service is one of a person's own. It decides nothing, so the book does not hold it."""
    (user.services.add if mine else user.services.remove)(service)


def add_to_group(user: User, name: str) -> None:
    make_groups()
    user.groups.add(Group.objects.get(name=name))
