"""Which services a page is about: one that its address names, or all."""

from dataclasses import dataclass

from django.http import HttpRequest

from releases.models import Service


@dataclass(frozen=True, slots=True)
class ServiceChoice:
    """The service that was chosen, and what the form offers."""

    key: str
    """Empty: all services."""
    only: list[int] | None
    """Number of the chosen service; None for all."""
    options: list[tuple[str, str]]


def chosen_service(request: HttpRequest) -> ServiceChoice:
    """Read the choice; a service that the catalogue does not name counts as none."""
    numbers = dict(Service.objects.filter(listed=True).values_list("key", "pk"))
    key = request.GET.get("service", "")
    key = key if key in numbers else ""
    options = [("", "all services"), *((each, each) for each in numbers)]
    return ServiceChoice(key, [numbers[key]] if key else None, options)
