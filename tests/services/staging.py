"""A second place of the little service where releases are deployed and rehearsed by Rollbook itself."""

import sys

from tests.little_service import LittleService

STAGING = """
[services.archive.commands.deploy]
argv = ["{python}", "{switch}", "--version={{version}}", "{file}"]
directory = "{home}"
timeout = 60
grace = 1

[services.archive.environments.staging]
base_url = "{url}"
instances = [{{ name = "web-1", url = "{url}" }}]
allow_private = true
purging = {{ method = "PURGE" }}
"""

COPYING = """
[services.archive.commands.copy_configuration]
argv = ["{python}", "-c", "import pathlib, sys; pathlib.Path('copied').touch(); sys.exit({exit_code})"]
directory = "{home}"
timeout = 10
"""


def add_staging(service: LittleService, text: str = STAGING, **more: object) -> None:
    """Append a part to the service's catalogue file."""
    url = service.server.url_for("").rstrip("/")
    with service.catalogue.open("a") as file:
        facts = {"python": sys.executable, "switch": service.home / "switch.py", "file": service.home / "version"}
        file.write(text.format(home=service.home, url=url, **facts, **more))
