"""What every request gets: an id that errors name, and the time zone of the person who looks."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard.zones import zone_of

GetResponse = Callable[[HttpRequest], HttpResponse]


def request_id(get_response: GetResponse) -> GetResponse:
    """Give the request an id; the answer carries it, and so does every error and every event."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.request_id = uuid.uuid4().hex[:12]  # type: ignore[attr-defined]
        response = get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


def time_zone(get_response: GetResponse) -> GetResponse:
    """Show times in the zone of whoever looks, for this request alone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_of(request).zone):
            return get_response(request)

    return middleware
