"""Which services and environments somebody's board shows: their own or all, of every environment or of one."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest

from releases.models import Environment, Service, User

MINE, ALL = "mine", "all"
Key = tuple[tuple[int, ...] | None, str]
"""The services that a board shows, None for all, and the key of the only environments."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown, as the address has it or as the person has chosen before."""

    show: str
    """`mine` or `all`."""
    environment: str
    """Key of the only environments that are shown; empty: all."""
    own: tuple[int, ...]
    """The person's services."""

    @property
    def only(self) -> tuple[int, ...] | None:
        """The services that are shown; None where all are."""
        return self.own if self.show == MINE else None

    @property
    def key(self) -> Key:
        """What two people share whose boards show the same."""
        return self.only, self.environment

    @property
    def query(self) -> dict[str, str]:
        """What the address of the live region says, so that it need not be looked up who has which services."""
        return {"show": self.show, "environment": self.environment}


def chosen(request: HttpRequest) -> Chosen:
    """Read what the address asks for; without a word of it, a person sees their own services where they named some."""
    assert isinstance(request.user, User), "a page for signed-in people"
    own = tuple(request.user.services.filter(listed=True).order_by("pk").values_list("pk", flat=True))
    asked = request.GET.get("show", "")
    show = asked if asked in (MINE, ALL) and own else MINE if own else ALL
    return Chosen(show, _environment(request), own)


def key_of(request: HttpRequest) -> Key:
    """Return what `chosen` has for a key; a board of all services asks often, and reads nothing for it."""
    return (None, _environment(request)) if request.GET.get("show") == ALL else chosen(request).key


def _environment(request: HttpRequest) -> str:
    return request.GET.get("environment", "")[:40]


def services_of(only: Sequence[int] | None) -> list[Service]:
    found = Service.objects.filter(listed=True)
    return list(found if only is None else found.filter(pk__in=only))


def environments_of(only: Sequence[int] | None, environment: str) -> QuerySet[Environment]:
    found = Environment.objects.filter(listed=True, service__listed=True)
    found = found if only is None else found.filter(service__in=only)
    return found.filter(key=environment) if environment else found


def environment_keys() -> list[str]:
    """Return the keys of all environments, production first."""
    rows = Environment.objects.filter(listed=True, service__listed=True).order_by("-production", "key")
    return list(dict.fromkeys(rows.values_list("key", flat=True)))
