"""Groups of people and what they may do."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import connection

from releases.models import User
from releases.services.permissions import GROUPS


def make_groups() -> None:
    """Make the groups and give each exactly the permissions listed in `permissions.GROUPS`."""
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(Permission.objects.filter(content_type__app_label="releases", codename__in=codenames))


def make_groups_after_migrate(**_: Any) -> None:
    """Have the groups in place after every `migrate`, once the tables and permissions are there."""
    if Group.objects.model._meta.db_table in connection.introspection.table_names():
        make_groups()


def add_to_group(user: User, name: str) -> None:
    make_groups()
    user.groups.add(Group.objects.get(name=name))
