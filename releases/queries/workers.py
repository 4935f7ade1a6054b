"""Which hosts the workers run on."""

from collections.abc import Sequence

from releases.models import Worker

HOSTS_LIMIT = 10


def hosts_of(role: str) -> Sequence[str]:
    """Return the hosts where workers of a role have reported themselves, the latest first."""
    names = Worker.objects.filter(role=role).order_by("-seen_at").values_list("host", flat=True)[:100]
    return list(dict.fromkeys(names))[:HOSTS_LIMIT]
