"""Whether an error means that the database is away for a while, rather than that we made a mistake."""

from django.db import InterfaceError, InternalError, OperationalError

READ_ONLY = "25006"
"""PostgreSQL's name for a write where nothing may be written, as on a standby."""


def database_away(error: BaseException | None) -> bool:
    """Whether the same request may work when the database answers, or takes writes, again."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", "") == READ_ONLY
    return isinstance(error, InterfaceError | OperationalError)
