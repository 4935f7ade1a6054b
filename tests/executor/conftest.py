"""What the tests of the executor share."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executor.bench import Bench, is_alive


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench; whatever a test left running there is ended afterwards."""
    bench = Bench(tmp_path)
    yield bench
    for path in tmp_path.glob("*.pid"):
        text = path.read_text().strip()
        if text.isdigit() and is_alive(int(text)):
            os.kill(int(text), signal.SIGKILL)


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """Every run ends its keeper."""
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("keeper")] == []
