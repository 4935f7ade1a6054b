"""The way to the broker: Redis's, except that nonsense in a queue ends no worker."""

import logging
from typing import Any

from kombu.transport import redis

log = logging.getLogger(__name__)

NONSENSE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What taking a message apart raises where it is none: not JSON, not text, or not of a message's shape."""


class Channel(redis.Channel):
    """Drops what is no message and goes on. kombu lets the error end the worker, with every command that it runs."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except NONSENSE as error:
            log.error("dropped from the broker what is no message: %s", type(error).__name__)
            return True


class Transport(redis.Transport):
    Channel = Channel
