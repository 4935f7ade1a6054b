"""People who use Rollbook, and the tokens of pipelines."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property

from releases.groups import GROUPS
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

    @property
    def tag(self) -> str:
        return f"U-{self.pk}"

    @cached_property
    def held(self) -> list[tuple[str, str]]:
        """The groups they are in, each with the key of the one service that it holds for; empty: for all."""
        return list(self.memberships.values_list("group", Coalesce("service__key", Value(""))))

    def may(self, permission: str, service: str = "") -> bool:
        """Whether they hold a permission for a service by its key; without one, for all of them."""
        if not self.is_active or self.is_superuser:
            return self.is_active
        return any(permission in GROUPS.get(group, ()) and of in ("", service) for group, of in self.held)

    def may_somewhere(self, permission: str) -> bool:
        """Whether they hold a permission for at least one service."""
        return self.may(permission) or any(self.may(permission, of) for _, of in self.held)


class Membership(models.Model):
    """A person in a group, for all services or for one."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    group = models.CharField(max_length=20)
    """A key of `releases.groups.GROUPS`."""
    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    """The only service that it holds for; none: for all."""
    since = models.DateTimeField()
    given_by = models.CharField(max_length=150)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "group", "service"], name="membership_once_per_service"),
            models.UniqueConstraint(
                fields=["user", "group"], condition=Q(service=None), name="membership_once_for_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} of {self.service.key}" if self.service else self.group


class ApiToken(models.Model):
    """A token of a pipeline. Only its SHA-256 is kept; the token has 256 random bits, so that suffices."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    """The only service for which it may do more than read; none: all."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def tag(self) -> str:
        return f"T-{self.pk}"
