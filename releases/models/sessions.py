"""Where people are signed in."""

from django.contrib.sessions.models import Session
from django.db import models

from releases.models.people import User

USER_AGENT_LIMIT = 300
"""Characters of what a browser calls itself that are kept."""


class UserSession(models.Model):
    """What is known of one of Django's sessions, which it ends with: whose it is, on what, from where, since when."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    signed_in_at = models.DateTimeField(null=True, blank=True)
    """None: before sessions were kept."""
    last_seen_at = models.DateTimeField()
    """Late by `services.sessions.SEEN_EVERY` at most."""
    user_agent = models.CharField(max_length=USER_AGENT_LIMIT, blank=True)
    address = models.CharField(max_length=64, blank=True)
    """Where the last request that was kept came from."""

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["user", "-last_seen_at"], name="usersession_newest")]

    def __str__(self) -> str:
        return self.tag

    @property
    def tag(self) -> str:
        return f"S-{self.pk}"
