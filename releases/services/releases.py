"""Registering a release (one function behind form, API and command), and taking its bad mark off."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.display import utc_text
from releases.errors import DO_NOT_RETRY, Exists, Problem
from releases.intake import LiftSpec, ReleaseSpec
from releases.models import Environment, Release, Service
from releases.services.commands import look_soon
from releases.services.idempotency import once
from releases.services.lookups import listed_service
from releases.services.passages import keep_release
from releases.services.permissions import require
from releases.services.retrying import retried


@retried
def register_release(spec: ReleaseSpec, *, actor: Actor, key: str = "") -> Release:
    """Write the release and its event. Raises Denied, NotFound, or Conflict when the version is taken."""
    require(
        actor, "register_release", scope="releases:write", service=spec.service, on=f"{spec.service}/{spec.version}"
    )
    service = listed_service(spec.service)
    return once(actor, key, spec, lambda: _register(spec, service, actor), lambda pk: Release.objects.get(pk=pk))


@retried
def unmark_bad(release: Release, spec: LiftSpec, *, actor: Actor) -> bool:
    """Take the bad mark off a release, with a reason; return whether it bore one. Raises Denied."""
    require(actor, "lift_freeze", scope="freezes:write", service=release.service.key, on=release.tag)
    with transaction.atomic():
        mark = Release.objects.filter(pk=release.pk).values("bad_by", "bad_since", "bad_reason").get()
        before = mark | {"bad_since": utc_text(mark["bad_since"]) if mark["bad_since"] else ""}
        unmarked = Release.objects.filter(pk=release.pk, bad_since__isnull=False).update(
            bad_since=None, bad_reason="", bad_by=""
        )
        if unmarked:
            book.record(
                Tag.RELEASE_UNMARKED_BAD,
                actor,
                about=release.tag,
                service=release.service,
                reason=spec.reason,
                before=before,
                after=dict.fromkeys(before, ""),
            )
            for environment in Environment.objects.filter(service=release.service_id, listed=True):
                look_soon(environment)
    return bool(unmarked)


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
        raise Exists(
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
    keep_release(release)
    details = spec.model_dump(mode="json", exclude={"service"})
    book.record(Tag.RELEASE_REGISTERED, actor, about=release.tag, service=service, **details)
    return release
