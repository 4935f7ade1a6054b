"""Which version every instance serves, by its own word."""

import json
import re
from typing import Self

from pydantic import Field, model_validator

from releases.http import DoorError, Response
from releases.probes.base import Answer, Context, Finding, FindingKind, Probe, Settings, regression_by_findings
from releases.probes.fields import OptionalFieldName
from releases.probes.places import Place, fields_for, share
from releases.probes.routes import Route, url_of
from releases.states import Effect, Level

SECONDS_PER_REQUEST = 4.0
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
EDGE = "edge"

WRONG_VERSION = FindingKind(
    "wrong_version",
    Level.FAIL,
    "{subject} serves {got}, not {expected}",
    "The deployment did not reach it, or it was not restarted. Look at it, and deploy again or roll back.",
)
MIXED_VERSIONS = FindingKind(
    "mixed_versions",
    Level.FAIL,
    "the instances do not serve the same version: {versions}",
    "Readers get one or the other by chance. Bring all instances to one version before judging anything else.",
)
EDGE_DIFFERS = FindingKind(
    "edge_differs",
    Level.FAIL,
    "the edge answers with version {got}, the instances serve {expected}",
    "The edge leads elsewhere, or has kept an old answer: make the version route uncacheable, or purge it.",
)
NO_VERSION = FindingKind(
    "no_version",
    Level.ERROR,
    "{subject} answered {status}, and {reason}",
    "Compare `path`, `field` and `header` of the probe's settings with what the service answers.",
)
COULD_NOT_ASK = FindingKind(
    "could_not_ask",
    Level.ERROR,
    "{subject} could not be asked: {reason}",
    "It is down, hangs, or cannot be reached from the worker.",
)


class ServingVersionSettings(Settings):
    """Where an instance says which version it serves."""

    path: Route = "/version"
    """Route that answers with the version."""
    field: str = Field(default="version", max_length=200)
    """Field of the JSON answer that holds the version, with dots for nested ones (`build.version`); empty when the
    whole text is the version."""
    header: OptionalFieldName = ""
    """Response header that holds the version, instead of the body."""
    edge: bool = True
    """Whether the edge is asked as well."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.header and "field" in self.model_fields_set and self.field:
            raise ValueError("the version is read from `field` or from `header`, not from both")
        return self


class ServingVersion(Probe[ServingVersionSettings]):
    """Ask every instance, and the edge, which version it serves."""

    key = "serving_version"
    title = "Serving version"
    group = "is it there"
    proves = "Every instance says that it serves the released version."
    cannot_see = "Whether the code behind that version string is the code that was released."
    effect = Effect.NONE
    deadline = 15.0
    kinds = (WRONG_VERSION, MIXED_VERSIONS, EDGE_DIFFERS, NO_VERSION, COULD_NOT_ASK)
    settings_model = ServingVersionSettings

    def measure(self, context: Context[ServingVersionSettings]) -> Answer:
        """Return findings, and as figures `versions` by instance and `edge`; what did not answer is absent."""
        places = [Place(one.name, one.url, False, fields_for(one, context.edge)) for one in context.instances]
        if context.settings.edge or not places:
            places.append(Place(EDGE, context.edge, True))
        findings: list[Finding] = []
        answers: list[str | None] = []
        for done, place in enumerate(places):
            context.progress(done, len(places), f"asking {place.name}")
            timeout = share(context.door.deadline, len(places) - done, SECONDS_PER_REQUEST)
            answers.append(self._version_at(place, timeout, context, findings))
        by_name = dict(zip((place.name for place in places), answers, strict=True))
        versions = {one.name: version for one in context.instances if (version := by_name[one.name]) is not None}
        edge = answers[-1] if len(answers) > len(context.instances) else None
        findings += _compare(versions, edge, context.expected_version)
        figures = {"versions": versions if context.instances else _known(edge), "edge": edge}
        return Answer(findings, figures, regression_by_findings(findings, context.before))

    def _version_at(
        self,
        place: Place,
        timeout: float,
        context: Context[ServingVersionSettings],
        findings: list[Finding],
    ) -> str | None:
        try:
            url = url_of(place.url, context.settings.path)
            response = context.door.request("GET", url, headers=place.fields, timeout=timeout)
        except DoorError as error:
            findings.append(Finding(COULD_NOT_ASK, place.name, {"reason": str(error)}))
            return None
        version, reason = read_version(response, context.settings)
        if reason:
            evidence = {"beginning": response.text[:200]}
            findings.append(Finding(NO_VERSION, place.name, {"status": response.status, "reason": reason}, evidence))
        return version


def read_version(response: Response, settings: ServingVersionSettings) -> tuple[str | None, str]:
    """Return (version, "") or (None, why there is none)."""
    if not 200 <= response.status < 300:
        return None, "that is no success"
    found, source = _named_value(response, settings)
    if found is None:
        return None, f"there is no {source}"
    text = found.strip()
    if not VERSION.fullmatch(text):
        return None, f"{source} holds {text[:60]!r}, which is no version"
    return text, ""


def _named_value(response: Response, settings: ServingVersionSettings) -> tuple[str | None, str]:
    if settings.header:
        return response.get(settings.header), f"header {settings.header}"
    if not settings.field:
        return response.text, "text"
    source = f"field {settings.field} in a JSON answer"
    try:
        value = json.loads(response.text)
    except (ValueError, RecursionError):
        return None, source
    for name in settings.field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value, source
    # A version such as 7 or 1.2 may be written as a number; anything else is none.
    return (str(value), source) if isinstance(value, int | float) and not isinstance(value, bool) else (None, source)


def _compare(versions: dict[str, str], edge: str | None, expected: str | None) -> list[Finding]:
    findings = []
    if expected is not None:
        findings += [
            Finding(WRONG_VERSION, name, {"got": version, "expected": expected})
            for name, version in versions.items()
            if version != expected
        ]
    different = sorted(set(versions.values()))
    if len(different) > 1:
        findings.append(Finding(MIXED_VERSIONS, "instances", {"versions": ", ".join(different)}))
    should = expected or (different[0] if len(different) == 1 else None)
    if edge is not None and should is not None and edge not in {should, *versions.values()}:
        findings.append(Finding(EDGE_DIFFERS, EDGE, {"got": edge, "expected": should}))
    return findings


def _known(edge: str | None) -> dict[str, str]:
    return {} if edge is None else {EDGE: edge}
