"""Who may do what."""

from django.db.models import Q

from releases.groups import groups_with
from releases.models import Membership, User

NAMED = 8
"""How many people a page names as those to ask."""


def people_who_may(permission: str, service: str) -> list[str]:
    """Return the names of people who hold a permission for a service; pipelines and closed accounts do not count."""
    here = Membership.objects.filter(
        Q(service=None) | Q(service__key=service), group__in=groups_with(permission), user__is_active=True
    ).values("user")
    people = User.objects.filter(pk__in=here).order_by("first_name", "username")
    return [person.name for person in people[:NAMED]]
