"""What tests of the commands share: a terminal, and the workers and the service of the verbs' tests."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.services.conftest import little_service, production, workers

__all__ = ["little_service", "production", "workers"]

Terminal = Callable[..., str]
"""Runs a command and returns what it printed."""


@pytest.fixture
def terminal() -> Terminal:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out, no_color=True)
        return out.getvalue().strip()

    return run


@pytest.fixture
def refusal(terminal: Terminal) -> Terminal:
    """Run a command that must fail, and return what it says."""

    def run(*arguments: str) -> str:
        with pytest.raises(CommandError) as refused:
            terminal(*arguments)
        assert refused.value.returncode == 1
        return str(refused.value)

    return run
