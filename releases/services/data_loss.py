"""What a rollback loses has to be accepted by whoever presses, as the page named it."""

from typing import Any

from releases.errors import SAFE, Invalid, Moved, Problem
from releases.intake import RollbackSpec
from releases.migration_report import loss_digest
from releases.models import MigrationReport


def accepted_losses(spec: RollbackSpec, report: MigrationReport | None) -> list[str]:
    """Return what is lost and was accepted; nothing where nothing is lost.

    Raises Conflict (`losses_changed`) for a loss that was not shown, and Invalid (`data_loss_not_accepted`)
    where the box that names it is not ticked.
    """
    losses = report.losses if report else []
    unseen = [loss for loss in losses if loss_digest(loss) not in spec.losses]
    if unseen:
        raise Moved(
            Problem(
                "losses_changed",
                f"It was not shown that going back loses data: {'; '.join(unseen)}.",
                "a press that was shown what is lost, and accepts it",
                field="accept_data_loss",
                retry="after a fresh look",
            )
        )
    if losses and not spec.accept_data_loss:
        raise Invalid(
            Problem(
                "data_loss_not_accepted",
                f"Going back loses data, and that was not accepted: {'; '.join(losses)}.",
                "the box that says so, ticked; in the API accept_data_loss, on the command line --accept-data-loss",
                field="accept_data_loss",
                retry=SAFE,
            )
        )
    return losses


def shown_at_press(report: MigrationReport | None) -> dict[str, Any] | None:
    """Return what the page knew of the migrations in between, to be kept with the press."""
    if report is None:
        return None
    return {
        "migrations": report.migrations,
        "answered_at": report.answered_at.isoformat() if report.answered_at else "",
        "answered_on": report.answered_on,
        "problem": report.problem,
        "host": report.host,
        "looked_at": report.looked_at.isoformat(),
    }
