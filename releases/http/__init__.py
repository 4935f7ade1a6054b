"""The one door to the network: every request that Rollbook's probes make goes through it.

A `Door` ends every request by the wall clock, bounds everything that a server may send, and connects only to the very
address that it has checked. Nothing else in the project imports httpx or httpcore.

The failures, from the general to the particular (each is one plain sentence):

    DoorError
      RequestRefused          nothing was sent
        InvalidUrl
        AddressRefused        the name leads to an address that is not allowed here
      NameNotResolved
      CouldNotConnect
        TlsFailed
      DeadlineReached         `phase` says what it was waiting for
      ConnectionLost          cut off before the answer was complete
      InvalidAnswer           not HTTP, or not framed as HTTP demands
        TooLarge
        TooManyRedirects
"""

from releases.http.connecting import Resolver, system_resolver
from releases.http.deadline import Deadline
from releases.http.door import MOST_REDIRECTS, REDIRECTS, Door, shared_tls
from releases.http.errors import (
    AddressRefused,
    ConnectionLost,
    CouldNotConnect,
    DeadlineReached,
    DoorError,
    InvalidAnswer,
    InvalidUrl,
    NameNotResolved,
    RequestRefused,
    TlsFailed,
    TooLarge,
    TooManyRedirects,
)
from releases.http.exchange import Limits
from releases.http.messages import Response, Timings, Upload

__all__ = [
    "MOST_REDIRECTS",
    "REDIRECTS",
    "AddressRefused",
    "ConnectionLost",
    "CouldNotConnect",
    "Deadline",
    "DeadlineReached",
    "Door",
    "DoorError",
    "InvalidAnswer",
    "InvalidUrl",
    "Limits",
    "NameNotResolved",
    "RequestRefused",
    "Resolver",
    "Response",
    "Timings",
    "TlsFailed",
    "TooLarge",
    "TooManyRedirects",
    "Upload",
    "shared_tls",
    "system_resolver",
]
