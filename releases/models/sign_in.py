"""Failed attempts to sign in, counted so that guessing gets slow."""

from django.db import models


class SignInTries(models.Model):
    """How often signing in failed lately, for one account name, known device or address; there or not, all alike."""

    key = models.CharField(max_length=64, unique=True)
    """A digest, so that what somebody typed in the wrong field is kept nowhere."""
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:8]} × {self.count}"
