"""Registering a release: the one function behind the form, the API and the command."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.errors import DO_NOT_RETRY, Conflict, Problem
from releases.intake import ReleaseSpec
from releases.models import Release, Service
from releases.services.idempotency import once
from releases.services.lookups import listed_service
from releases.services.permissions import require


def register_release(spec: ReleaseSpec, *, actor: Actor, key: str = "") -> Release:
    """Write the release and its event. Raises Denied, NotFound, or Conflict when the version is taken."""
    require(actor, "register_release", scope="releases:write")
    service = listed_service(spec.service)
    return once(actor, key, spec, lambda: _register(spec, service, actor), lambda pk: Release.objects.get(pk=pk))


def _register(spec: ReleaseSpec, service: Service, actor: Actor) -> Release:
    try:
        with transaction.atomic():
            release = Release.objects.create(
                service=service,
                **spec.model_dump(exclude={"service"}),
                registered_by=actor.name,
                registered_at=timezone.now(),
            )
    except IntegrityError:
        existing = Release.objects.get(service=service, version=spec.version)
        raise Conflict(
            Problem(
                "version_exists",
                f"{service.key} {spec.version} is already registered, as {existing.tag} by {existing.registered_by}.",
                "a version that is not registered yet",
                field="version",
                got=spec.version,
                retry=DO_NOT_RETRY,
            ),
            made=existing,
        ) from None
    book.record(
        Tag.RELEASE_REGISTERED, actor, about=release.tag, service=service, **spec.model_dump(exclude={"service"})
    )
    return release
