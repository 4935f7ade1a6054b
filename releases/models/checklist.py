"""Checklist runs, the answers of their probes, and the findings."""

from django.db import models
from django.db.models import Q

from releases.models.execution import Lease
from releases.models.fields import state_field
from releases.models.release import Deployment
from releases.models.service import Environment
from releases.states import OPEN_PROBE, OPEN_RUN, Effect, Level, ProbeStatus, Purpose, Regression, RunStatus, Verdict


class ChecklistRun(models.Model):
    """One run of the checklist in an environment, with the settings as they were when it was made."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="checklist_runs")
    deployment = models.ForeignKey(
        Deployment, on_delete=models.PROTECT, null=True, blank=True, related_name="checklist_runs"
    )
    purpose = state_field(Purpose)
    status = state_field(RunStatus, RunStatus.QUEUED)
    settings = models.JSONField(default=dict)
    """What the probes were told: checklist settings by probe key and the addresses, as of the start."""
    expected_version = models.CharField(max_length=100, blank=True)
    compared_with = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    wave = models.PositiveSmallIntegerField(default=0)
    requested_by = models.CharField(max_length=150, blank=True)
    """Who asked for it to be run again; empty where Rollbook itself did."""
    partial = models.BooleanField(default=False)
    """Only some of the probes were asked again: nothing is compared with this run as a whole."""
    verdict = state_field(Verdict, blank=True)
    regression = state_field(Regression, blank=True)
    tainted = models.BooleanField(default=False)
    """The serving version was not the same before and after: nothing is compared with this run."""
    given_up = models.CharField(max_length=200, blank=True)
    """Why it was ended before its probes had answered."""
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    knocked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(status=RunStatus.RUNNING.value),
                name="checklist_run_one_running_per_environment",
            )
        ]
        indexes = [
            models.Index(fields=["environment", "-id"], name="checklist_run_newest_of_env"),
            models.Index(
                fields=["id"],
                condition=Q(status__in=[status.value for status in OPEN_RUN]),
                name="checklist_run_open",
            ),
            models.Index(fields=["deployment", "-id"], name="checklist_run_newest_of_depl"),
        ]

    def __str__(self) -> str:
        return f"{self.tag} {self.purpose} of {self.environment}"

    @property
    def tag(self) -> str:
        return f"C-{self.pk}"


class ProbeRun(Lease):
    """One probe's answer in a checklist run."""

    run = models.ForeignKey(ChecklistRun, on_delete=models.CASCADE, related_name="probes")
    key = models.CharField(max_length=40)
    effect = state_field(Effect)
    wave = models.PositiveSmallIntegerField()
    repeat = models.BooleanField(default=False)
    """The second look at the serving version, after all other probes."""
    status = state_field(ProbeStatus, ProbeStatus.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    verdict = state_field(Verdict, blank=True)
    regression = state_field(Regression, blank=True)
    skipped = models.CharField(max_length=300, blank=True)
    figures = models.JSONField(default=dict)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    doing = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    knocked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["wave", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "key", "repeat"], name="probe_run_once_per_run")]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(status__in=[status.value for status in OPEN_PROBE]),
                name="probe_run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.run_id}"


class Finding(models.Model):
    """One sentence of a probe's answer."""

    probe_run = models.ForeignKey(ProbeRun, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=60)
    """The stable id of the sentence within its probe."""
    subject = models.TextField()
    """A route, an instance: what the sentence is about. Whole, since it is compared between runs."""
    level = state_field(Level)
    sentence = models.TextField()
    hint = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)
    already_failing = models.BooleanField(default=False)
    """It failed in the baseline too."""

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.sentence

    @property
    def identity(self) -> str:
        """The same in every run: see `releases.probes.base.Finding.identity`."""
        return f"{self.kind} {self.subject}"
