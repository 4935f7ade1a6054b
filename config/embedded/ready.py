"""Whether the started programs answer. As a program, for health checks: `python -m config.embedded.ready act`."""

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

TRY_SECONDS = 2.0
"""Longest time that one question may take."""
PING_SECONDS = 0.5
"""Time that workers have to answer a ping."""


def broker_answers(url: str) -> bool:
    """Tell whether the broker at this `redis://` address answers a PING."""
    try:
        with Redis.from_url(url, socket_timeout=TRY_SECONDS, socket_connect_timeout=TRY_SECONDS) as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False


def page_answers(url: str) -> bool:
    """Tell whether an HTTP address of this machine answers 200, straight and without any proxy."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TRY_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_answers(broker_url: str, role: str) -> bool:
    """Tell whether a worker of this role, a node named `role-...@host`, answers the ping of Celery on this machine."""
    app = Celery("launcher", broker=broker_url, set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": TRY_SECONDS, "socket_connect_timeout": TRY_SECONDS}
    app.conf.broker_connection_retry = False
    try:
        replies = app.control.ping(timeout=PING_SECONDS) or []
    except (OperationalError, RedisError, OSError):
        return False
    finally:
        app.close()
    nodes = [node for reply in replies for node in reply]
    return any(node.startswith(f"{role}-") and node.endswith(f"@{socket.gethostname()}") for node in nodes)


def wait_for_all(
    questions: Mapping[str, Callable[[], bool]],
    *,
    seconds: float,
    given_up: Callable[[], str],
    tell: Callable[[str], None],
) -> str:
    """Ask one after the other until each answered, and call `tell` with its name.

    Returns an empty string, or why it is no use: what `given_up` said, or who was still silent after `seconds`.
    """
    deadline = time.monotonic() + seconds
    for name, answers in questions.items():
        while not answers():
            if reason := given_up():
                return reason
            if time.monotonic() > deadline:
                return f"the {name} did not answer within {seconds:.0f} s"
            time.sleep(0.1)
        tell(name)
    return ""


def main(what: str) -> int:
    """Ask once: an address that should answer 200, or the role of a worker. Returns the exit status."""
    if what.startswith("http://"):
        return 0 if page_answers(what) else 1
    return 0 if worker_answers(os.environ["REDIS_URL"], what) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
