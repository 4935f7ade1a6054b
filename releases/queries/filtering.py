"""Filters as queries: the deployments or releases that somebody wants to see, in branches that each follow an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from releases.models import NO_DEPLOYMENT, NOT_FINISHED, Deployment, Environment, Release, Rollback
from releases.queries.paging import NUMBER_LIMIT
from releases.states import DeploymentKind, DeploymentStatus, Outcome, Verdict
from releases.wanted import BAD, Wanted

M = TypeVar("M", bound=Model)

BRANCHES_LIMIT = 8
"""Environments whose rows are read one by one; with more of them it is quicker to walk through all rows."""
DISORDER = timedelta(hours=1)
"""How far the times of rows may lie from the order of their keys: a transaction may be slow, a clock may be set."""

ROLLBACKS_OWN = frozenset(set(Outcome)) - set(Verdict)
"""Outcomes that only a rollback has; `inconclusive` is a verdict too."""


class Known(NamedTuple):
    """An environment as a choice."""

    pk: int
    service: str
    key: str


@dataclass(frozen=True, slots=True)
class Places:
    """The environments there are, read once for the page's choices and for the query."""

    every: Sequence[Known]

    @property
    def services(self) -> list[str]:
        return list(dict.fromkeys(place.service for place in self.every))

    @property
    def environments(self) -> list[str]:
        return sorted({place.key for place in self.every})

    def matching(self, wanted: Wanted) -> list[int] | None:
        """Return the environments that the filters leave; None where they leave all."""
        if wanted.service is None and wanted.environment is None:
            return None
        return [
            place.pk
            for place in self.every
            if wanted.service in (None, place.service) and wanted.environment in (None, place.key)
        ]


def all_places() -> Places:
    """Return every environment, also those that the catalogue no longer names: their history stays."""
    every = Environment.objects.order_by("service__key", "-production", "key").values_list("pk", "service__key", "key")
    return Places([Known(*each) for each in every])


def deployments(wanted: Wanted, places: Sequence[int] | None, zone: tzinfo) -> list[QuerySet[Deployment]]:
    """Return the deployments that the filters leave, in branches by environment; `places` None means all."""
    rows = _within(Deployment.objects.all(), "started_at", wanted, zone)
    if wanted.kind:
        rows = rows.filter(_of_kind(wanted.kind))
    if wanted.owner:
        rows = rows.filter(owner=wanted.owner)
    if wanted.outcome:
        rows = rows.filter(_stands(wanted.outcome))
    if places is None:
        return [rows]
    if 0 < len(places) <= BRANCHES_LIMIT:
        return [rows.filter(environment=place) for place in places]
    return [rows.filter(environment__in=places)]


def releases(wanted: Wanted, zone: tzinfo) -> list[QuerySet[Release]]:
    """Return the releases that the filters leave. Environment and outcome are those of any deployment of theirs."""
    rows = _within(Release.objects.all(), "registered_at", wanted, zone)
    if wanted.service is not None:
        rows = rows.filter(service__key=wanted.service)
    if wanted.owner:
        rows = rows.filter(owner=wanted.owner)
    if wanted.outcome == BAD:
        rows = rows.filter(bad_since__isnull=False)
    deployed = Deployment.objects.filter(release=OuterRef("pk"))
    if wanted.environment is not None:
        deployed = deployed.filter(environment__key=wanted.environment)
    if wanted.outcome and wanted.outcome != BAD:
        deployed = deployed.filter(_stands(wanted.outcome))
    if wanted.environment is not None or wanted.outcome not in ("", BAD):
        rows = rows.filter(Exists(deployed))
    return [rows]


def _of_kind(kind: str) -> Q:
    return Q(kind=kind) if kind == DeploymentKind.DEPLOYMENT else NO_DEPLOYMENT & Q(kind=kind)


def _stands(word: str) -> Q:
    """Return which deployments stand so, as `standing` says it."""
    if word == BAD:
        return Q(release__bad_since__isnull=False)
    if word in set(DeploymentStatus):
        among = Q() if word == DeploymentStatus.FINISHED else NOT_FINISHED
        return among & Q(status=word) & ~Q(kind=DeploymentKind.ROLLBACK)
    ended_so = Rollback.objects.filter(outcome=word, deployment__isnull=False).values("deployment")
    of_rollback = Q(kind=DeploymentKind.ROLLBACK, pk__in=Subquery(ended_so))
    if word in ROLLBACKS_OWN:
        return of_rollback
    of_deployment = Q(verdict=word, status=DeploymentStatus.FINISHED) & ~Q(kind=DeploymentKind.ROLLBACK)
    return of_deployment | of_rollback if word in set(Outcome) else of_deployment


def _within(rows: QuerySet[M], field: str, wanted: Wanted, zone: tzinfo) -> QuerySet[M]:
    """Keep what lies between the days. Bounds of the keys let a walk begin and end where the days do."""
    since, until = wanted.since(zone), wanted.until(zone)
    if since is not None:
        # None that late: the comparison is with NULL, and there is nothing to find.
        rows = rows.filter(**{f"{field}__gte": since, "pk__gte": _first_key(rows.model, field, since - DISORDER)})
    if until is not None:
        beyond = Coalesce(_first_key(rows.model, field, until + DISORDER), NUMBER_LIMIT)
        rows = rows.filter(**{f"{field}__lt": until, "pk__lt": beyond})
    return rows


def _first_key(model: type[Model], field: str, moment: datetime) -> Subquery:
    """Return the key of the first row of that moment or later."""
    rows = model._default_manager.filter(**{f"{field}__gte": moment}).order_by(field)
    return Subquery(rows.values("pk")[:1])
