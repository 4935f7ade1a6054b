"""Releases and their deployments."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from releases.models.execution import Execution
from releases.models.fields import state_field
from releases.models.service import Environment, Service
from releases.states import DeploymentKind, DeploymentStatus, Expected, Regression, Verdict

NOT_FINISHED = ~Q(status=DeploymentStatus.FINISHED.value)
NO_DEPLOYMENT = ~Q(kind=DeploymentKind.DEPLOYMENT.value)
"""Of a deployment's row, for the few that are so. SQLite takes an index of them only where a statement repeats its
condition as it stands."""


class Release(models.Model):
    """A version of a service with its record: owner, expected result and rollback note in one place."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="releases")
    version = models.CharField(max_length=100)
    owner = models.CharField(max_length=150)
    expected_result = models.TextField()
    rollback_note = models.TextField()
    affected_routes = models.JSONField(default=list)
    change_url = models.URLField(max_length=500, blank=True)
    assumptions = models.TextField(blank=True)
    change_size = models.CharField(max_length=80, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    """Of the oldest commit in it that no release before had, as whoever registered it said; null: not known."""
    registered_by = models.CharField(max_length=150)
    registered_at = models.DateTimeField()
    bad_since = models.DateTimeField(null=True, blank=True)
    bad_reason = models.TextField(blank=True)
    bad_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "version"], name="release_version_unique_per_service")
        ]
        indexes = [
            models.Index(fields=["service", "-id"], name="release_newest_of_service"),
            models.Index(fields=["owner", "-id"], name="release_newest_of_owner"),
            models.Index(fields=["version", "-id"], name="release_newest_of_version"),
            models.Index(fields=["registered_at"], name="release_registered"),
            models.Index(fields=["-id"], condition=Q(bad_since__isnull=False), name="release_newest_bad"),
        ]

    def __str__(self) -> str:
        return f"{self.service.key} {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("release", args=[self.pk])

    @property
    def tag(self) -> str:
        return f"R-{self.pk}"

    @property
    def bad(self) -> bool:
        return self.bad_since is not None


class Deployment(models.Model):
    """A release placed in an environment at a time. A rollback is one too, from the moment it is claimed."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="deployments")
    owner = models.CharField(max_length=150)
    """The release's, who stays the same; here as well, so that an owner's deployments are read in their order."""
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="deployments")
    kind = state_field(DeploymentKind, DeploymentKind.DEPLOYMENT)
    status = state_field(DeploymentStatus, DeploymentStatus.STARTED)
    replaced = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """What was live when this one started."""
    baseline = models.ForeignKey(
        "releases.ChecklistRun", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    verify_run = models.ForeignKey(
        "releases.ChecklistRun", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """The latest settled checklist run that judged this deployment."""
    verdict = state_field(Verdict, blank=True)
    regression = state_field(Regression, blank=True)
    accepted = models.BooleanField(default=False)
    """Everything that kept its verdict from a pass was accepted by a lead, and nothing is worse than before."""
    accepted_until = models.DateTimeField(null=True, blank=True)
    """When the first of these acceptances ends; none where they hold for the release."""
    expected = state_field(Expected, blank=True)
    """What became of the release's expected result here; empty until a checklist or a person has said anything."""
    response_time = models.JSONField(null=True, blank=True)
    """Of its newest checklist, what stands for it in lists: route, place, n, p95_ms, budget_ms; null: not measured."""
    despite_freeze = models.BooleanField(default=False)
    during_rollback = models.CharField(max_length=40, blank=True)
    """Tag of the rollback that was on when this was reported as finished: that one's checklist measures what serves."""
    reported_by = models.CharField(max_length=150)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who had Rollbook run the deploy command; none where its start and finish are reported."""
    seen_digest = models.CharField(max_length=64, blank=True)
    """Digest of the command that the page showed; empty when no worker had rendered one."""
    execution = models.OneToOneField(
        Execution, on_delete=models.PROTECT, null=True, blank=True, related_name="deployment"
    )
    """The command that Rollbook ran for it, from its claim on."""
    detail = models.TextField(blank=True)
    """One sentence on what it waits for, or why it ended as it did."""
    stop_requested_by = models.CharField(max_length=150, blank=True)
    knocked_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["environment", "-id"], name="deployment_newest_of_env"),
            models.Index(fields=["release", "-id"], name="deployment_newest_of_release"),
            models.Index(fields=["owner", "-id"], name="deployment_newest_of_owner"),
            models.Index(fields=["started_at"], name="deployment_started"),
            models.Index(
                fields=["environment", "finished_at"],
                condition=Q(status=DeploymentStatus.FINISHED.value),
                name="deployment_finished_in_env",
            ),
            models.Index(fields=["verdict", "-id"], name="deployment_newest_of_verdict"),
            models.Index(
                fields=["kind", "-id"],
                condition=NO_DEPLOYMENT,
                name="deployment_newest_of_kind",
            ),
            models.Index(
                fields=["status", "-id"],
                condition=NOT_FINISHED,
                name="deployment_newest_unfinished",
            ),
            models.Index(fields=["finished_at"], name="deployment_by_finish"),
            models.Index(
                fields=["finished_at"],
                condition=Q(expected=Expected.TO_CONFIRM.value),
                name="deployment_to_confirm",
            ),
            models.Index(
                fields=["id"],
                condition=Q(status=DeploymentStatus.STARTED.value, requester__isnull=False),
                name="deployment_run_here_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tag} {self.release}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.owner = self.release.owner
        super().save(*args, **kwargs)

    @property
    def tag(self) -> str:
        return f"D-{self.pk}"

    @property
    def run_here(self) -> bool:
        """Whether Rollbook runs its deploy command, rather than a pipeline that reports it."""
        return self.requester_id is not None

    @property
    def verified(self) -> bool:
        """Whether it finished and its checklist passed, or what did not pass was no regression and was accepted."""
        return self.status == DeploymentStatus.FINISHED and (self.verdict == Verdict.PASS or self.stands_accepted)

    @property
    def stands_accepted(self) -> bool:
        """Whether a lead's acceptances cover, now, everything that kept its verdict from a pass."""
        return self.accepted and (self.accepted_until is None or self.accepted_until > timezone.now())
