"""People who use Rollbook, and the tokens of pipelines."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from releases.models.service import Service

NAME_LIMIT = 100
"""Characters of a person's name that are kept; columns for it hold 150, for what is said beside it."""


class User(AbstractUser):
    """A person, or a pipeline that acts through tokens."""

    time_zone = models.CharField(max_length=64, blank=True)
    """The zone they chose; empty: the one that their browser names."""
    services = models.ManyToManyField(Service, blank=True, related_name="+")
    """Theirs: the ones that their board shows first."""

    @property
    def name(self) -> str:
        """The name that the book keeps; two people may share it, so nothing is looked up by it."""
        return (self.get_full_name() or self.username)[:NAME_LIMIT]


class ApiToken(models.Model):
    """A token of a pipeline. Only its SHA-256 is kept; the token has 256 random bits, so that suffices."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
