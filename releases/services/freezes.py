"""Lifting a freeze: a person, with a reason."""

from django.db import transaction
from django.utils import timezone

from releases import book
from releases.actor import Actor
from releases.book import Tag
from releases.display import utc_text
from releases.intake import LiftSpec
from releases.models import Freeze
from releases.services.permissions import require
from releases.services.retrying import retried


@retried
def lift_freeze(freeze: Freeze, spec: LiftSpec, *, actor: Actor) -> bool:
    """Lift the freeze if it is still on; return whether this call did."""
    require(
        actor, "lift_freeze", scope="freezes:write", service=freeze.environment.service.key, on=str(freeze.environment)
    )
    with transaction.atomic():
        lifted = Freeze.objects.filter(pk=freeze.pk, lifted_at=None).update(
            lifted_at=timezone.now(), lifted_by=actor.name, lift_reason=spec.reason
        )
        if lifted:
            book.record(
                Tag.FREEZE_LIFTED,
                actor,
                about=freeze.rollback.tag if freeze.rollback else "",
                environment=freeze.environment,
                reason=spec.reason,
                before=as_frozen(freeze),
                after={"lifted_by": actor.name},
            )
    return bool(lifted)


def as_frozen(freeze: Freeze) -> dict[str, str]:
    """Return what a freeze said while it was on, for the book."""
    return {
        "frozen_by": freeze.frozen_by,
        "frozen_at": utc_text(freeze.frozen_at),
        "frozen_because": freeze.reason,
    }
