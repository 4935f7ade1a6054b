"""What people are told, and that they are told once: rows, written with the fact itself. `telling` sends them."""

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from releases.models import ChecklistRun, Deployment, Environment, Finding, Message, Rollback
from releases.queries.readiness import ReadinessItem, queue
from releases.states import Level, Regression, Verdict

TEXT_LIMIT = 1500
BROKER_AWAY = "the broker does not answer"
GATHERING = timedelta(seconds=5)
"""How long a message waits for those of other environments with which it is sent."""


def tell_red(deployment: Deployment, run: ChecklistRun) -> None:
    """Tell that what is live fails its checklist, once for each deployment. In the caller's transaction."""
    environment = deployment.environment
    if environment.live_id != deployment.pk or not environment.receivers:
        return
    release = deployment.release
    found = _worst_findings(run)
    regression = "" if run.regression != Regression.NO else " Nothing of it is worse than before."
    _tell(
        deployment,
        f"{deployment.tag} {Verdict.FAIL}",
        f"fail {environment} {release.version} ({release.owner})",
        f"{found}{regression}",
        reverse("confirm", args=[environment.service.key, environment.key], query={"seen": deployment.pk}),
    )


def tell_not_ready(environment: Environment, red: Sequence[ReadinessItem], *, turn: int) -> None:
    """Tell that a rollback would not work any more, and what to do, once for each turn. In the caller's transaction.

    A broker that is away is away for every environment: that is told by itself, and sent together with theirs.
    """
    live = environment.live
    if live is None or not environment.receivers:
        return
    path = reverse("confirm", args=[environment.service.key, environment.key], query={"seen": live.pk})
    here = [item for item in red if item.key != queue.KEY]
    if here:
        title = f"way back not ready {environment} {live.release.version}"
        _tell(live, f"{live.tag} not ready {turn}", title, _says(here), path)
    for item in red:
        if item.key == queue.KEY:
            title = f"{BROKER_AWAY} {environment} {live.release.version}"
            _tell(live, f"{live.tag} queue {turn}", title, _says([item]), path, together=BROKER_AWAY)


def _says(red: Sequence[ReadinessItem]) -> str:
    return "\n".join(f"{item.key}: {item.says.rstrip('.')}. {item.what_to_do}".rstrip() for item in red)


def tell_outcome(rollback: Rollback) -> None:
    """Tell how a rollback ended, once for each outcome. In the caller's transaction."""
    if not rollback.environment.receivers:
        return
    versions = f"{rollback.undone.release.version} → {rollback.target.release.version}"
    _tell(
        rollback,
        f"{rollback.tag} {rollback.outcome}",
        f"{rollback.outcome} {rollback.environment} {versions} ({rollback.tag})",
        f"{rollback.detail} Pressed by {rollback.requested_by}.",
        rollback.get_absolute_url(),
    )


def _tell(about: Deployment | Rollback, fact: str, title: str, text: str, path: str, *, together: str = "") -> None:
    environment = about.environment
    due_at = timezone.now() + (GATHERING if together else timedelta(0))
    Message.objects.bulk_create(
        [
            Message(
                environment=environment,
                fact=fact,
                about=about.tag,
                receiver=receiver,
                title=title[:200],
                text=text[:TEXT_LIMIT],
                path=path,
                together=together,
                due_at=due_at,
            )
            for receiver in environment.receivers
        ],
        ignore_conflicts=True,
    )


def _worst_findings(run: ChecklistRun) -> str:
    """Return the first failing finding, new ones before old ones, and how many more there are."""
    found = Finding.objects.filter(probe_run__run=run, level=Level.FAIL).order_by("already_failing", "pk")
    sentences = list(found.values_list("sentence", flat=True)[:101])
    if not sentences:
        return "Its checklist fails."
    more = f" (+{len(sentences) - 1} more)" if len(sentences) > 1 else ""
    return f"{sentences[0][:400]}.{more}"
