"""Refused actions of a minute, counted beside the book, so that a flood of them is a line or two in it."""

from django.db import models

from releases.models.people import User


class Denial(models.Model):
    """What one person or pipeline was refused in one minute. The first was an event at once; the sweep adds the sum."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    permission = models.CharField(max_length=60)
    """The permission or the scope that was missing."""
    minute = models.DateTimeField()
    actor = models.CharField(max_length=150)
    via = models.CharField(max_length=20)
    count = models.PositiveIntegerField(default=1)
    request_id = models.CharField(max_length=40, blank=True)
    origin = models.CharField(max_length=60, blank=True)
    """Request and address of the newest one."""

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "permission", "minute"], name="denial_once_per_minute")]

    def __str__(self) -> str:
        return f"{self.actor} {self.permission} {self.minute:%H:%M} × {self.count}"
