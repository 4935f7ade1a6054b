"""The world of a probe: a service with two instances, a cache in front of it, and what a checklist would hand it."""

import hashlib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from releases.http import Deadline, Door
from releases.probes import registry
from releases.probes.base import (
    Account,
    Answer,
    Before,
    CommandResult,
    Context,
    Instance as InstanceOf,
    Log,
    RehearsalFacts,
    RollbackFacts,
)
from releases.probes.purge_calls import PurgeRequest
from tests.probes.edge import configuration
from tests.probes.server import Instance, Switch, run_instance
from tests.probes.service import Lot, Service
from tests.rig.varnish import Varnish, run_varnish

Produced = set[tuple[str, str]]

NO_PROBLEMS = RollbackFacts(
    argv=("bin/deploy", "--version=1.4.1"),
    digest="0" * 64,
    target_version="1.4.1",
    problems=(),
    rehearsed_seconds_ago=3600.0,
    rehearsal_required=True,
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "finding(key, kind): the test makes this probe say this finding; checked")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session")
def instances() -> Iterator[Sequence[Instance]]:
    """Two real servers, for whatever service a test puts into them."""
    with run_instance() as first, run_instance() as second:
        yield (first, second)


@pytest.fixture(scope="session")
def edge_cache(instances: Sequence[Instance]) -> Iterator[Varnish]:
    """A real Varnish in front of them."""
    with run_varnish(configuration([instance.port for instance in instances])) as varnish:
        yield varnish


@pytest.fixture
def produced(request: pytest.FixtureRequest) -> Iterator[Produced]:
    """Collect what the test's probes said; a test marked with a finding has to have produced it."""
    said: Produced = set()
    yield said
    wanted = {tuple(mark.args) for mark in request.node.iter_markers("finding")}
    assert wanted <= said, f"marked with {sorted(wanted - said)}, but it was not said"


class EmptyLog:
    """A log to which nothing is written."""

    def new_text(self) -> str:
        return ""


@dataclass
class World:
    """One service at one place, and probes that are let loose on it."""

    service: Service
    edge: str
    instances: list[InstanceOf]
    accounts: tuple[Account, ...]
    produced: Produced
    switches: list[Switch]
    """What each instance runs, for tests that bring an application of their own."""
    before: Before | None = None
    expected_version: str | None = None
    purging: Any = "PURGE"
    purge_request: PurgeRequest = field(default_factory=PurgeRequest)
    run_command: Callable[[str, Mapping[str, str]], CommandResult] | None = None
    facts: RollbackFacts = NO_PROBLEMS
    rehearsal: RehearsalFacts | None = None
    """The newest rehearsal of the release."""
    rehearsing: str = ""
    tls: ssl.SSLContext | None = None
    """Whom the probe trusts; the machine's authorities when None."""
    seconds: float | None = None
    """Deadline; the probe's own when None."""
    log: Log | None = field(default_factory=EmptyLog)
    """The service's log, where it has one."""
    configuration: str | None = None
    """What the place's configuration command prints."""
    elsewhere: dict[str, Any] = field(default_factory=dict)
    """Kept configurations by environment."""
    said: list[str] = field(default_factory=list)
    """What the probe said while it measured."""

    def ask(self, key: str, **settings: Any) -> Answer:
        """Run a probe with these settings and return its answer."""
        probe = registry.get(key)
        seconds = probe.deadline if self.seconds is None else self.seconds
        with Door(allow_private=True, deadline=Deadline.after(seconds), tls=self.tls) as door:
            read = probe.settings_model.model_validate(settings)
            context = Context(
                service="shop",
                environment="staging",
                edge=self.edge,
                instances=tuple(self.instances),
                production=False,
                expected_version=self.expected_version,
                affected_routes=(),
                settings=read,
                accounts=self.accounts if probe.needs_accounts(read) else (),
                purging=self.purging,
                purge_calls=partial(self.purge_request.calls, self.edge),
                door=door,
                run_command=self.run_command or no_command,
                rollback_facts=lambda: self.facts,
                rehearsal_facts=lambda: self.rehearsal,
                rehearsing=self.rehearsing,
                before=self.before,
                progress=self._progress,
                open_log=lambda: self.log,
                read_configuration=lambda: self.configuration,
                configuration_of=self.elsewhere.get,
                keyed_digest=lambda value: hashlib.sha256(b"key" + value.encode()).hexdigest(),
            )
            answer = probe.measure(context)
        for finding in answer.findings:
            assert finding.kind in probe.kinds, f"{finding.kind.id} is not declared"
            assert finding.sentence
            self.produced.add((key, finding.kind.id))
        return answer

    def ask_again(self, key: str, **settings: Any) -> Answer:
        """Run a probe twice; the first answer is the baseline of the second."""
        self.remember(self.ask(key, **settings))
        return self.ask(key, **settings)

    def remember(self, answer: Answer) -> None:
        """Take an answer as the baseline of the next one."""
        self.before = Before(answer.verdict, answer.failing, answer.figures)

    def _progress(self, done: int, of: int, doing: str) -> None:
        assert 0 <= done < of
        self.said.append(doing)


def no_command(name: str, values: Mapping[str, str]) -> CommandResult:
    raise AssertionError(f"no probe was to run {name}")


@pytest.fixture
def world(
    request: pytest.FixtureRequest, instances: Sequence[Instance], edge_cache: Varnish, produced: Produced
) -> World:
    """A service drawn by lot for this test, behind the cache that behaves."""
    service = Service(Lot(request.node.nodeid))
    for instance, app in zip(instances, service.apps(len(instances)), strict=True):
        instance.switch.app = app
    return World(
        service=service,
        edge=edge_cache.url,
        instances=[InstanceOf(f"web-{number}", instance.url) for number, instance in enumerate(instances, 1)],
        accounts=tuple(Account(one.name, one.username, one.password, one.marker) for one in service.people),
        produced=produced,
        switches=[instance.switch for instance in instances],
    )


def kinds_of(answer: Answer) -> set[str]:
    """Return the ids of everything that an answer says."""
    return {finding.kind.id for finding in answer.findings}
