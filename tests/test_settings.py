"""What the settings make of the environment."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

READ = "import json; from config.settings import DATABASES; print(json.dumps(DATABASES['default']['OPTIONS']))"


def options(query: str) -> dict[str, Any]:
    """Return the options of the connections to a database with such an address, as a new process reads them."""
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://rollbook:x@127.0.0.1/rollbook{query}",
        "ROLLBOOK_SECRET_KEY": "a key for tests only",
    }
    read = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(read.stdout)
    return found


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("", {}),
        ("?sslmode=verify-full&sslrootcert=/etc/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}),
        ("?options=-c%20jit%3Don", {"options": "-c jit=on"}),
    ],
)
def test_what_the_address_of_the_database_asks_for_is_asked_for(query: str, more: dict[str, str]) -> None:
    """A dropped `sslmode` would be a connection that anybody on the way may read."""
    assert options(query) == {"connect_timeout": 5, "options": "-c jit=off"} | more
