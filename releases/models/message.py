"""What people are told: one row per fact and receiver."""

from django.db import models

from releases.models.fields import state_field
from releases.models.service import Environment
from releases.states import MessageStatus


class Message(models.Model):
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="messages")
    fact = models.CharField(max_length=80)
    """What is told, such as `RB-118 restored`: each receiver is told of it once."""
    about = models.CharField(max_length=40, db_index=True)
    """Tag of the deployment or rollback."""
    receiver = models.CharField(max_length=40)
    """The receiver's name in the catalogue. Its address stays there."""
    title = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=200)
    """Page of Rollbook that the message leads to."""
    together = models.CharField(max_length=40, blank=True)
    """What several environments are told of at once: such messages to one address are sent as one."""
    status = state_field(MessageStatus, MessageStatus.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    """Also the fence: whoever raises it may send."""
    due_at = models.DateTimeField()
    """When it is sent, or tried again."""
    sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    """Why the last attempt failed; empty once it is sent."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "fact", "receiver"], name="message_once_per_receiver")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(status=MessageStatus.QUEUED.value), name="message_due")
        ]

    def __str__(self) -> str:
        return f"{self.fact} to {self.receiver}"
