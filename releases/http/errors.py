"""How a request can fail: each is one plain sentence, without secrets."""


class DoorError(Exception):
    """A request that got no usable answer. `str()` of it is one plain sentence without secrets."""


class RequestRefused(DoorError):
    """The request was not made: nothing has been sent."""


class InvalidUrl(RequestRefused):
    """The address or the request itself is not one that HTTP can carry."""


class AddressRefused(RequestRefused):
    """The host is, or resolves to, an address that must not be connected to from here."""


class NameNotResolved(DoorError):
    """The host name has no address."""


class CouldNotConnect(DoorError):
    """No connection to any of the host's addresses."""


class TlsFailed(CouldNotConnect):
    """Connected, but the other side could not prove who it is, or speaks no acceptable TLS."""


class DeadlineReached(DoorError):
    """The time was up."""

    def __init__(self, sentence: str, phase: str) -> None:
        super().__init__(sentence)
        self.phase = phase
        """`resolving`, `connecting`, `TLS handshake`, `sending`, `waiting for the first byte` or `reading`."""


class ConnectionLost(DoorError):
    """The other side closed or reset the connection before the answer was complete."""


class InvalidAnswer(DoorError):
    """What came back is not a valid HTTP answer."""


class TooLarge(InvalidAnswer):
    """Header fields or body exceed their limits."""


class TooManyRedirects(InvalidAnswer):
    """More redirects in a row than allowed."""


def reason(error: OSError | None) -> str:
    """Return what the system says of a failure."""
    if error is None:
        return "no address"
    return error.strerror or str(error) or type(error).__name__
