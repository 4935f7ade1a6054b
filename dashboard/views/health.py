"""Whether this process is up and reaches its database. Says nothing else to anybody."""

from collections.abc import Sequence

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from releases.queries.workers import hosts_of

_hosts: Sequence[str] = ()


def act_hosts() -> Sequence[str]:
    """Return the hosts of the workers that run commands, as this process last saw them: no database is asked."""
    return _hosts


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    global _hosts
    try:
        _hosts = hosts_of("act")
    except Error:
        return HttpResponse("the database does not answer\n", content_type="text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")
