"""Something that a logged-in reader does: a form, filled in and sent."""

from collections.abc import Iterator

from pydantic import Field

from releases.probes.base import Finding, FindingKind, Settings
from releases.probes.reader import LoginFailed, Reader, form_with, shows
from releases.probes.routes import Route
from releases.states import Level

ACTION_FORM_MISSING = FindingKind(
    "action_form_missing",
    Level.FAIL,
    "{subject} has no form with the inputs {inputs}: answered {status}",
    "Open the page logged in. If its inputs were renamed, correct the probe's `action` settings.",
)
ACTION_FAILED = FindingKind(
    "action_failed",
    Level.FAIL,
    "the action on {subject} does not work: {reason}",
    "Do it by hand, logged in: a wrong CSRF token or a lost session shows only there.",
)
KINDS = (ACTION_FORM_MISSING, ACTION_FAILED)


class Action(Settings):
    """Something a logged-in reader does: a form of the service, filled in and sent."""

    page: Route
    """Page with the form; its hidden inputs (a CSRF token) are sent back with it."""
    path: Route | None = None
    """Where the form posts to; without it what the form itself says."""
    fields: dict[str, str] = Field(default_factory=dict, max_length=20)
    """Values of the form's inputs."""
    shows: str = Field(default="", max_length=200)
    """Text that the page after the action must show; empty when any success will do."""


def act(reader: Reader, action: Action, timeout: float) -> Iterator[Finding]:
    """Do an action once as a logged-in reader, and yield what went wrong. Raises a DoorError."""
    subject = action.page
    try:
        page, shown = reader.follow(action.page, timeout)
        form = form_with(set(action.fields), shown.text)
        if form is None:
            values = {"inputs": ", ".join(action.fields) or "(any)", "status": shown.status}
            yield Finding(ACTION_FORM_MISSING, subject, values)
            return
        _, answer = reader.submit(page, form, action.fields, action.path, timeout)
    except LoginFailed as error:
        yield Finding(ACTION_FAILED, subject, {"reason": str(error)})
        return
    if answer.status >= 400:
        yield Finding(ACTION_FAILED, subject, {"reason": f"the form was answered with {answer.status}"})
    elif action.shows and not shows(action.shows, answer):
        yield Finding(ACTION_FAILED, subject, {"reason": "the page after it does not show the expected text"})
