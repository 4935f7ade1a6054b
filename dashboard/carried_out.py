"""The page of what Rollbook carries out step by step: a deployment of its own, or a rehearsal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard import lane_picture, marks
from dashboard.live import token_of
from dashboard.permits import may, who_may
from releases.models import Environment
from releases.queries.rollback_page import events_about
from releases.queries.step_lanes import lanes_of_steps
from releases.queries.steps import Step

TAIL_LINES = 20
TAIL_CHARACTERS = 4000
"""How much of a running command's output is shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page says of it."""

    tag: str
    environment: Environment
    word: str
    heading: str
    versions: str
    """What changes, `2026.11.4 → 2026.11.5`."""
    detail: str
    by: str
    at: datetime
    ended_at: datetime | None
    steps: Sequence[Step]
    open: bool
    live_address: str
    stop_address: str
    stop_label: str
    """Empty where there is nothing left to stop."""
    release: int
    deployment: int | None
    confirm_address: str = ""
    """Where it can be stopped and rolled back in one press; empty where that is not possible now."""

    @property
    def title(self) -> str:
        return f"{marks.glyph(self.word)} {self.heading} · {self.tag} {self.environment}"

    @property
    def token(self) -> str:
        """What changes whenever something on the page does."""
        outputs = [(step.execution.pk, len(step.execution.output)) for step in self.steps if step.execution]
        seen = [(step.word, step.says) for step in self.steps]
        return token_of(repr((self.word, self.heading, self.detail, self.stop_label, seen, outputs)))


def show(request: HttpRequest, shown: Shown, too_late: str = "") -> HttpResponse:
    """Answer the whole page."""
    return render(request, "carried_out.html", _context(request, shown) | {"too_late": too_late})


def show_live(request: HttpRequest, shown: Shown) -> HttpResponse:
    """Answer what changes; 204 when it is as the reader's, which `v` names."""
    if request.GET.get("v", "") == shown.token:
        return HttpResponse(status=204)
    return render(request, "_carried_out_live.html", _context(request, shown) | {"live": True})


def tail(output: str) -> str:
    """Return the last lines of a command's output."""
    return "\n".join(output.rstrip("\n").split("\n")[-TAIL_LINES:])[-TAIL_CHARACTERS:]


def _context(request: HttpRequest, shown: Shown) -> dict[str, object]:
    now = timezone.now()
    lanes = lanes_of_steps(
        shown.tag,
        shown.word,
        shown.by,
        shown.at,
        shown.steps,
        events_about(shown.tag),
        until=now if shown.open else shown.ended_at,
        on=shown.open,
    )
    return {
        "at": now,
        "w": shown,
        "lanes": lanes,
        "lane_picture": lane_picture.picture(lanes, now, timezone.get_current_timezone()),
        "tail": tail,
        "live": False,
        "may_deploy": may(request, "deploy", shown.environment.service.key),
        "who_may_deploy": who_may("deploy"),
        "may_roll_back": may(request, "roll_back", shown.environment.service.key),
    }
