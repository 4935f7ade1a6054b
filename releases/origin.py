"""Where a request came from, as far as a trusted hop says so."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address: what the outermost trusted proxy saw, else the peer.

    X-Forwarded-For can be written by anyone; only the entries that our own proxies added count, from the right.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = settings.TRUSTED_PROXIES
    if not hops:
        return peer
    added = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")][-hops:]
    try:
        return str(ipaddress.ip_address(added[0]))
    except ValueError:
        return peer
