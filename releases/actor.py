"""Who does something, and from where: what the book keeps of them."""

from dataclasses import dataclass, field

from releases.models import User

WORKER = "Rollbook worker"
SWEEP = "Rollbook sweep"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a pipeline or a part of Rollbook itself, with the request that they came by."""

    name: str
    via: str
    """`web`, `api`, `command line`, `worker` or `sweep`."""
    user: User | None = None
    request_id: str = ""
    origin: str = ""
    """Address of the client as the trusted hop saw it."""
    scopes: frozenset[str] = field(default_factory=frozenset)
    only: str = ""
    """Key of the only service that their token is for; empty: for all."""

    def may(self, permission: str, service: str = "") -> bool:
        """Whether they hold a permission for a service by its key; someone at a terminal of the host holds all."""
        if self.user is None:
            return self.via == "command line"
        return self.user.may(permission, service)

    @property
    def groups(self) -> list[str]:
        """Return the groups they are in now, as the book keeps them: `lead`, or `on-call of archive`."""
        if self.user is None:
            return []
        held = [f"{group} of {service}" if service else group for group, service in self.user.held]
        return sorted(held) + (["superuser"] if self.user.is_superuser else [])


def worker() -> Actor:
    return Actor(name=WORKER, via="worker")


def sweep() -> Actor:
    return Actor(name=SWEEP, via="sweep")
