"""From a host name to a connected socket, to an address that was checked first."""

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence

from releases.addresses import IpAddress, refused_because
from releases.http.errors import AddressRefused, CouldNotConnect, NameNotResolved, reason
from releases.http.exchange import Exchange

MOST_ADDRESSES_TRIED = 4

Resolver = Callable[[str, int], Sequence[str]]
"""From host name and port to every IP address of it; raises OSError when there is none."""


def system_resolver(host: str, port: int) -> list[str]:
    """Return every address that the machine's resolver knows for a host."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def connect(host: str, port: int, exchange: Exchange, resolver: Resolver, *, allow_private: bool) -> socket.socket:
    """Connect to the first address of a host that lets us, once all of them were found to be allowed.

    Raises AddressRefused, NameNotResolved, CouldNotConnect or DeadlineReached.
    """
    addresses = _resolve(resolver, host, port, exchange)
    for address in addresses:
        if why := refused_because(address, allow_private):
            raise AddressRefused(f"{exchange.place} leads to {address}, {why}, which is not allowed here")
    failure: OSError | None = None
    tried = addresses[:MOST_ADDRESSES_TRIED]
    for number, address in enumerate(tried):
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            # An address that swallows everything must leave time for the next one.
            connection.settimeout(exchange.time_left("connecting") / (len(tried) - number))
            connection.connect((str(address), port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
    if isinstance(failure, TimeoutError):
        raise exchange.deadline_reached("connecting")
    raise CouldNotConnect(f"no connection to {exchange.place}: {reason(failure)}")


def _resolve(resolver: Resolver, host: str, port: int, exchange: Exchange) -> list[IpAddress]:
    """Return the addresses of a host; the deadline holds although the system's resolver knows none."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # A daemon: it may outlive the request by as long as the system's resolver takes, and holds nothing meanwhile.
    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        found = answers.get(timeout=exchange.time_left("resolving"))
    except queue.Empty:
        raise exchange.deadline_reached("resolving") from None
    if isinstance(found, Exception) or not found:
        why = reason(found) if isinstance(found, OSError) else "no address"
        raise NameNotResolved(f"the name {host} could not be resolved: {why}")
    try:
        return [ipaddress.ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]
    except ValueError:
        raise NameNotResolved(f"the name {host} resolved to something that is no address") from None
