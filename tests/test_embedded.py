"""The embedded default: its broker, its supervisor's configuration, and the whole of it from start to end."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from configparser import RawConfigParser
from pathlib import Path

import pytest

from config.embedded import __main__ as launcher, place, supervisor
from config.embedded.broker import Broker as BrokerServer
from config.embedded.place import Refusal
from config.embedded.programs import Program
from config.embedded.ready import wait_for_all
from tests.rig.brokers import Broker, run_embedded_broker
from tests.rig.ports import accepts, free_block, free_port
from tests.rig.processes import ROOT, bare_environment
from tests.rig.rollbook import OFFSETS, STOP_SECONDS, run_rollbook
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.once


# --- The broker -------------------------------------------------------------------------------------------------------


def test_the_broker_sends_each_answer_at_once() -> None:
    """The setting is private to the pinned fakeredis, so what counts is the socket that it accepted."""
    seen: list[int] = []
    with BrokerServer(0) as server:

        class Watched(server.RequestHandlerClass):  # type: ignore[name-defined, misc]
            def setup(self) -> None:
                super().setup()
                seen.append(self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        server.RequestHandlerClass = Watched
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            with socket.create_connection(server.server_address[:2], timeout=5) as client:  # type: ignore[arg-type]
                client.sendall(b"*1\r\n$4\r\nPING\r\n")
                assert client.recv(100) == b"+PONG\r\n"
        finally:
            server.shutdown()
            thread.join(timeout=5)
    assert seen
    assert all(seen)


def test_the_broker_runs_the_scripts_that_celery_needs(embedded_broker: Broker) -> None:
    """Kombu restores unacknowledged messages with locks that are Lua scripts."""
    with embedded_broker.client() as client:
        assert client.eval("return redis.call('incrby', KEYS[1], ARGV[1])", 1, "counter", 2) == 2
        script = client.register_script("return redis.call('get', KEYS[1])")
        assert script(keys=["counter"]) == b"2"


def test_the_broker_stays_connected_after_an_error(embedded_broker: Broker) -> None:
    """fakeredis as shipped hangs up after "no such script", which loses the first message after each start."""
    with socket.create_connection(("127.0.0.1", embedded_broker.port), timeout=5) as client:
        client.sendall(b"*3\r\n$7\r\nEVALSHA\r\n$40\r\n" + b"0" * 40 + b"\r\n$1\r\n0\r\n")
        assert client.recv(200).startswith(b"-NOSCRIPT ")
        client.sendall(b"*1\r\n$4\r\nPING\r\n")
        assert client.recv(100) == b"+PONG\r\n"


def test_the_broker_is_not_reachable_from_other_machines(embedded_broker: Broker) -> None:
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    port = f":{embedded_broker.port:04X}"
    addresses = [
        line.split()[1] for line in listening.splitlines() if line.split()[3] == "0A" and port in line.split()[1]
    ]
    assert addresses == [f"0100007F{port}"]


def test_the_broker_ends_cleanly_although_clients_are_connected(tmp_path: Path) -> None:
    with run_embedded_broker(tmp_path) as broker, broker.client() as client:
        client.ping()
        broker.process.terminate()
        assert broker.process.wait(timeout=5) == 0


def test_a_broker_whose_port_is_taken_says_so(embedded_broker: Broker) -> None:
    argv = [sys.executable, "-m", "config.embedded.broker", str(embedded_broker.port)]
    second = subprocess.run(argv, cwd=ROOT, env=bare_environment(), capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert second.stderr == f"The broker cannot listen on 127.0.0.1:{embedded_broker.port}: Address already in use.\n"


# --- What forbids a start ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0", "65500", "-1", "80a", "8e3", "٨٠٠٠", "1" * 5000])
def test_a_port_that_is_no_port_is_named_with_what_is_expected(text: str) -> None:
    with pytest.raises(Refusal, match=r"must be a number from 1 to 65423: set it"):
        place.read_place({"PORT": text})


def test_a_home_that_cannot_be_written_is_named_with_its_variable() -> None:
    with pytest.raises(Refusal, match=r"cannot write to /dev/null/var .* set ROLLBOOK_HOME to a directory that is"):
        place.claim_home(Path("/dev/null/var"))


def test_a_home_has_one_rollbook_at_a_time(tmp_path: Path) -> None:
    with (
        place.claim_home(tmp_path / "home"),
        pytest.raises(Refusal, match=rf"already runs in .* \(process {os.getpid()}\): stop that one"),
    ):
        place.claim_home(tmp_path / "home")
    place.claim_home(tmp_path / "home").close()


def test_the_secret_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = place.secret_key_file(tmp_path)
    key = path.read_text()
    assert len(key.strip()) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert place.secret_key_file(tmp_path).read_text() == key


def test_an_own_catalogue_takes_no_ports_for_the_demo(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.touch()
    with_demo = place.read_place({"PORT": "8000"})
    without = place.read_place({"PORT": "8000", "ROLLBOOK_CATALOGUE": str(catalogue), "REDIS_URL": "redis://elsewhere"})
    assert set(with_demo.ports) == {8000, 8009, 8100, 8101, 8102, 8110, 8111, 8112}
    assert set(without.ports) == {8000}


# --- Who signs in first -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("own", "people"), [(False, "make_demo_people"), (True, "make_first_person")])
def test_the_people_of_the_demo_are_only_for_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool, people: str
) -> None:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.touch()
    given = {"ROLLBOOK_HOME": str(tmp_path)} | ({"ROLLBOOK_CATALOGUE": str(catalogue)} if own else {})
    done: list[str] = []
    monkeypatch.setattr(launcher, "step", lambda argv, environment: done.append(argv[2]))
    launcher.prepare_data(place.read_place(given), catalogue)
    assert done == ["migrate", "sync_catalogue", people]


def test_the_greeting_names_the_first_person(tmp_path: Path) -> None:
    (tmp_path / "passwords.txt").write_text("lead one-two\n")
    said = launcher.greeting(place.read_place({"ROLLBOOK_HOME": str(tmp_path)}), seeding=False)
    assert "sign in as lead     one-two" in said
    assert "more people" not in said


def test_the_greeting_names_nobody_where_every_person_was_made_by_hand(tmp_path: Path) -> None:
    said = launcher.greeting(place.read_place({"ROLLBOOK_HOME": str(tmp_path)}), seeding=False)
    assert "Rollbook is up" in said
    assert "sign in as" not in said
    assert "passwords.txt" not in said


# --- The supervisor ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/a b/python", "/100%/x", "/a #b", "/a ;b", "/it's", '/"x"', "/%(ENV_HOME)s", "/ü"])
def test_any_path_survives_the_three_readers_of_a_command(path: str) -> None:
    text = f"[program:x]\ncommand={supervisor.quoted(path)} end\n"
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    assert shlex.split(parser["program:x"]["command"] % {"ENV_HOME": "expanded"}) == [path, "end"]


def test_a_program_gets_exactly_its_environment(tmp_path: Path) -> None:
    """Whatever characters its values have, and nothing of what its supervisor knows."""
    (tmp_path / "run").mkdir()
    environment = {"ONE": "quotes \" and ' and, comma", "TWO": "100 % #;\nline", "PATH": os.environ["PATH"]}
    argv = [sys.executable, "-c", "import json, os; print(json.dumps([dict(os.environ), os.getcwd()]))"]
    plan = {"x": {"argv": argv, "environment": environment, "directory": str(tmp_path), "pause": 0}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    done = subprocess.run(
        [sys.executable, str(supervisor.CHILD), str(tmp_path / "plan.json"), "x"],
        env={"SECRET": "not for you"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    seen, directory = json.loads(done.stdout)
    seen.pop("LC_CTYPE", None)  # Python's own, PEP 538
    assert seen == environment
    assert directory == str(tmp_path)


def test_every_program_ends_with_its_group_and_is_started_again() -> None:
    text = supervisor.configuration(
        [Program("broker", ["x"], {}), Program("web", ["x"], {}), Program("s", [], {}, once=True)]
    )
    parser = RawConfigParser()
    parser.read_string(text)
    for name in ("broker", "web", "s"):
        section = parser[f"program:{name}"]
        assert section["stopasgroup"] == section["killasgroup"] == "true"
        assert int(section["stdout_logfile_backups"]) > 0
    assert parser["program:web"]["autorestart"] == "true"
    assert parser["program:s"]["autorestart"] == "unexpected"
    # The broker is in a group of its own, which ends last.
    assert int(parser["group:first"]["priority"]) < int(parser["group:rollbook"]["priority"])


def test_who_does_not_answer_in_time_is_named() -> None:
    told: list[str] = []
    questions = {"broker": lambda: True, "web": lambda: False}
    reason = wait_for_all(questions, seconds=0.2, given_up=lambda: "", tell=told.append)
    assert told == ["broker"]
    assert reason == "the web did not answer within 0 s"


def test_waiting_ends_when_a_program_cannot_live() -> None:
    reason = wait_for_all({"web": lambda: False}, seconds=60, given_up=lambda: "web ended again and again", tell=print)
    assert reason == "web ended again and again"


# --- The whole --------------------------------------------------------------------------------------------------------


CATALOGUE = """
[services.wiki]
title = "Wiki"
team = "Web team"
contact = "#web-oncall"

[services.wiki.commands.rollback]
argv = ["/bin/true", "{version}"]
directory = "/"
timeout = 10
grace = 1

[services.wiki.environments.production]
base_url = "http://127.0.0.1:9/"
allow_private = true
"""
"""An own one, so that no demo has to come up too; the story in `browser/` starts that."""


def test_it_starts_restarts_what_died_ends_on_ctrl_c_and_keeps_its_data(tmp_path: Path) -> None:
    home, block = tmp_path / "home with blank and 100%", free_block(OFFSETS)
    (tmp_path / "catalogue.toml").write_text(CATALOGUE)
    own = {"ROLLBOOK_CATALOGUE": str(tmp_path / "catalogue.toml")}
    with run_rollbook(home, block, tmp_path / "first", own) as rollbook:
        rollbook.wait_until_up()
        assert rollbook.answers()
        assert f"http://127.0.0.1:{block}/" in rollbook.said()
        password = rollbook.password("lead")
        assert password in rollbook.said()

        refused = subprocess.run(
            [sys.executable, "-m", "config.embedded"],
            cwd=ROOT,
            env=bare_environment() | {"PORT": str(block), "ROLLBOOK_HOME": str(tmp_path / "other")},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert refused.returncode == 1
        assert re.fullmatch(
            rf"Port {block} \(the dashboard\) is taken: .* set PORT to another number.*\n", refused.stderr
        )

        killed = next(pid for pid, arguments in rollbook.processes().items() if "config.embedded.broker" in arguments)
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda: any(
                "config.embedded.broker" in arguments and pid != killed
                for pid, arguments in rollbook.processes().items()
            ),
            20,
            "the killed broker was started again",
        )
        wait_until(lambda: accepts(block + 9), 20, "the new broker listens")

        assert rollbook.end(signal.SIGINT) == 0
        assert rollbook.processes() == {}
        assert "Everything has ended" in rollbook.said()

    key = (home / "secret_key").read_text()
    with run_rollbook(home, block, tmp_path / "second", own) as rollbook:
        rollbook.wait_until_up()
        assert password in rollbook.said()
        assert (home / "secret_key").read_text() == key
        # The launcher itself killed: nobody is left to end the others, so they end by themselves.
        assert rollbook.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: not rollbook.processes(), STOP_SECONDS, lambda: f"all ended: {rollbook.processes()}")


def test_told_to_end_while_it_starts_it_leaves_nothing(tmp_path: Path) -> None:
    with run_rollbook(tmp_path / "home", free_block(OFFSETS), tmp_path / "output") as rollbook:
        wait_until(lambda: "prepares its data" in rollbook.said(), 20, "the start began")
        assert rollbook.end(signal.SIGTERM) == 0
        assert rollbook.processes() == {}


def test_a_redis_that_does_not_answer_is_named(tmp_path: Path) -> None:
    port = free_port()
    refused = subprocess.run(
        [sys.executable, "-m", "config.embedded"],
        cwd=ROOT,
        env=bare_environment()
        | {
            "PORT": str(free_block(OFFSETS)),
            "ROLLBOOK_HOME": str(tmp_path),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        },
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("The Redis of REDIS_URL does not answer: start it, or unset REDIS_URL")


def test_what_an_earlier_start_restarted_says_nothing_about_this_one(tmp_path: Path) -> None:
    """Every deployment of the demo restarts its instances; a start after many of them must still come up."""
    log = tmp_path / supervisor.LOG
    for folder in (log.parent, tmp_path / supervisor.CONFIGURATION.parent):
        folder.mkdir(parents=True, exist_ok=True)
    log.write_text("INFO exited: staging-web-1 (terminated by SIGTERM; not expected)\n" * 9)
    running = supervisor.start(tmp_path, [])
    try:
        assert "staging-web-1" in Path(f"{log}.before").read_text()
        assert not log.exists() or "staging-web-1" not in log.read_text()
    finally:
        running.terminate()
        running.wait(timeout=STOP_SECONDS)
