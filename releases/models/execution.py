"""Commands that we run, the leases of those who run them, and what workers say of themselves."""

from django.db import models
from django.db.models import Q

from releases.models.fields import state_field
from releases.models.service import Environment
from releases.states import CommandState, ExecutionKind, ExecutionStatus


class Lease(models.Model):
    """Held by the worker that does a piece of work.

    The heartbeat is a counter; no clocks are compared. The fence is raised at every claim and at every loss, and each
    write of the worker names the fence it was given, so a worker that was given up can no longer change the row.
    """

    heartbeat = models.PositiveBigIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Execution(Lease):
    """One run of one command: which, where, by whom, and what came of it."""

    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="executions")
    kind = state_field(ExecutionKind)
    status = state_field(ExecutionStatus, ExecutionStatus.EXECUTING)
    argv = models.JSONField(default=list)
    """For showing only: what the worker said it ran, secrets masked."""
    digest = models.CharField(max_length=64, blank=True)
    host = models.CharField(max_length=255, blank=True)
    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    time_limit = models.FloatField(default=0)
    """Seconds after which the command is stopped, grace included."""
    command = state_field(CommandState, CommandState.NOT_STARTED)
    exit_code = models.IntegerField(null=True, blank=True)
    stop_requested = models.CharField(max_length=200, blank=True)
    stop_reason = models.CharField(max_length=200, blank=True)
    problem = models.TextField(blank=True)
    output = models.TextField(blank=True)
    """Masked, made displayable and bounded."""
    output_bytes = models.PositiveBigIntegerField(default=0)
    output_sha256 = models.CharField(max_length=64, blank=True)
    output_truncated = models.BooleanField(default=False)
    left_behind = models.JSONField(default=list)
    """Processes that the command left running, as found when it ended."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=Q(status=ExecutionStatus.EXECUTING.value),
                name="execution_one_executing_per_environment",
            )
        ]
        indexes = [models.Index(fields=["environment", "-id"], name="execution_newest_of_env")]

    def __str__(self) -> str:
        return f"{self.tag} {self.kind} in {self.environment}"

    @property
    def tag(self) -> str:
        return f"E-{self.pk}"


class RenderedDeploy(models.Model):
    """A deploy command as the worker that would run it rendered it: what you saw is what runs."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="rendered_deploys")
    release = models.ForeignKey("releases.Release", on_delete=models.CASCADE, related_name="+")
    argv = models.JSONField(default=list)
    timeout = models.FloatField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    problems = models.JSONField(default=list)
    """Sentences; empty when the command would start."""
    host = models.CharField(max_length=255, blank=True)
    """Empty until a worker has looked."""
    rendered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "release"], name="rendered_deploy_one_per_release")
        ]

    def __str__(self) -> str:
        return f"{self.environment}: {' '.join(self.argv)}"


class RenderedCommand(models.Model):
    """A rollback command as the worker that would run it rendered it: what you saw is what runs."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="rendered_commands")
    target = models.ForeignKey("releases.Deployment", on_delete=models.CASCADE, related_name="+")
    argv = models.JSONField(default=list)
    directory = models.CharField(max_length=500, blank=True)
    timeout = models.FloatField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    problems = models.JSONField(default=list)
    """Sentences; empty when the command would start."""
    found = models.JSONField(default=list)
    """The same as (finding id, sentence) pairs, for the probe `rollback_command`."""
    artifact_found = models.JSONField(default=list)
    """What a worker last found about the target's artifact, as such pairs; empty when it is there."""
    looked = models.PositiveBigIntegerField(default=0)
    """Raised at the end of every whole look, artifact included; whoever asked for one waits until it has risen."""
    host = models.CharField(max_length=255)
    terminal = models.JSONField(default=list)
    """How a command line on that host begins: the variables it needs, its Python and its `manage.py`."""
    rendered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "target"], name="rendered_command_one_per_target")
        ]

    def __str__(self) -> str:
        return f"{self.environment}: {' '.join(self.argv)}"


class Worker(models.Model):
    """A worker process, as it last reported itself."""

    name = models.CharField(max_length=255, unique=True)
    role = models.CharField(max_length=10)
    """`act` or `probe`."""
    queues = models.JSONField(default=list)
    host = models.CharField(max_length=255)
    catalogue_digest = models.CharField(max_length=64)
    rollback_digests = models.JSONField(default=dict)
    """By queue, over the rollback command as its catalogue gives it, placeholders unfilled."""
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
