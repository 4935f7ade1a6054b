"""The catalogue file of the demo: both environments of the archive, as an operator would have written it."""

import json
from pathlib import Path

from demo.accounts import ACCOUNTS, Account
from demo.places import PROJECT, Environment, repository

CHAT = "ROLLBOOK_DEMO_CHAT"
"""The variable with the address, as Apprise takes it, of the chat that is told; without it nobody is."""

HEAD = """\
# Written at each start of the demo; changes made here are lost. Your own catalogue: docs/configuration.md.

[services.archive]
title = "Article archive"
team = "Archive team"
contact = "#archive-oncall, +49 30 000000"
{tell}
# Going back is the same command with an earlier version.
[services.archive.commands.deploy]
argv = {deploy}
directory = {directory}
timeout = 120
environment = ["PATH"]
[services.archive.commands.rollback]
argv = {deploy}
directory = {directory}
timeout = 120
environment = ["PATH"]
# Every version is a tag of this repository.
[services.archive.commands.check_artifact]
argv = {artifact}
directory = {directory}
timeout = 10
environment = ["PATH"]
# What a version changes in the readers' database stands in its source, and what that holds in the database.
[services.archive.commands.check_migrations]
argv = {migrations}
directory = {directory}
timeout = 10
environment = ["PATH"]

[services.archive.checklist.serving_version]
path = "/version"

[services.archive.checklist.cache_headers]
routes = [
    {{ path = "/", expect = "shared", lifetime = [30, 300] }},
    {{ path = "/articles", expect = "shared", lifetime = [30, 300] }},
    {{ path = "/articles/library-json", expect = "shared", lifetime = [60, 3600] }},
    {{ path = "/login", expect = "private" }},
    {{ path = "/account", expect_logged_in = "private" }},
    {{ path = "/version", expect = "none" }},
]

[services.archive.checklist.logged_in_traffic]
login = {{ path = "/login", username_field = "username", password_field = "password" }}
personal = ["/account"]
anonymous = ["/", "/articles", "/articles/library-json"]
action = {{ page = "/account", path = "/bookmarks", fields = {{ slug = "library-json" }}, shows = "Kept articles" }}

[services.archive.checklist.purge]
affected = ["/articles"]
control = ["/", "/articles/library-json"]
generation = "X-Request-ID"

[services.archive.checklist.response_time]
samples = 30
routes = [
    {{ path = "/articles", budget_ms = 120 }},
    {{ path = "/articles/library-json", budget_ms = 120 }},
]

[services.archive.checklist.rollback_command]

[services.archive.checklist.permissions]
login = {{ path = "/login", username_field = "username", password_field = "password" }}
routes = [
    {{ path = "/account", expect = {{ nobody = "refused", {reader} = "allowed" }} }},
    {{ path = "/articles", expect = {{ nobody = "allowed" }} }},
]

[services.archive.checklist.secrets]
routes = ["/", "/articles", "/login"]

[services.archive.checklist.security_headers]
routes = ["/", "/articles", "/login"]
policy = {{ content-security-policy = "csp-implemented-with-no-unsafe" }}

[services.archive.checklist.upload_limits]
path = "/upload"
page = "/upload"
file_field = "note"
logged_in = true
login = {{ path = "/login", username_field = "username", password_field = "password" }}
limit_bytes = 1048576

[services.archive.checklist.logging]
route = "/login"
method = "POST"

[services.archive.checklist.configuration]
compare_with = "staging"
may_differ = ["environment", "edge_port", "session_key"]
"""

ENVIRONMENT = """
[services.archive.environments.{name}]
production = {production}
base_url = {url}
instances = [{instances}]
allow_private = true
[services.archive.environments.{name}.log]
file = {log}
[services.archive.environments.{name}.commands.read_configuration]
argv = ["bin/configuration"]
directory = {current}
timeout = 10
environment = ["PATH"]
[services.archive.environments.{name}.purging]
method = "command"
[services.archive.environments.{name}.commands.purge]
argv = ["bin/purge", "{{route}}"]
directory = {current}
timeout = 30
environment = ["PATH"]
"""

ACCOUNT = """\
[[services.archive.environments.{name}.accounts]]
name = {account}
username = {username}
password = {password}
marker = {marker}
"""


def catalogue_text(home: Path, environments: tuple[Environment, ...], *, tells: bool = False) -> str:
    """Return the catalogue, as TOML; `tells`: with the chat whose address is in the environment."""
    deploy = ["bin/deploy", f"--home={home}", "--environment={environment}", "--version={version}"]
    artifact = ["git", f"--git-dir={repository(home) / '.git'}", "rev-parse", "--verify", "--quiet", "{version}"]
    versions = ["--from={live_version}", "--to={version}"]
    migrations = ["bin/migrations", f"--home={home}", "--environment={environment}", *versions]
    parts = [
        HEAD.format(
            tell=f'tell = [{{ name = "chat", url = "env:{CHAT}" }}]\n' if tells else "",
            deploy=_list(deploy),
            directory=_text(PROJECT / "demo"),
            artifact=_list(artifact),
            migrations=_list(migrations),
            reader=ACCOUNTS[0].name,
        )
    ]
    for environment in environments:
        instances = (f"{{ name = {_text(each.name)}, url = {_text(each.url)} }}" for each in environment.instances)
        parts.append(
            ENVIRONMENT.format(
                name=environment.name,
                production=_boolean(environment.name == "production"),
                url=_text(environment.url),
                instances=", ".join(instances),
                current=_text(environment.current),
                log=_text(environment.shared / "log/requests.log"),
            )
        )
        parts.extend(_account(home, environment, account) for account in ACCOUNTS)
    return "".join(parts)


def _account(home: Path, environment: Environment, account: Account) -> str:
    return ACCOUNT.format(
        name=environment.name,
        account=_text(account.name),
        username=_text(f"file:{account.username_file(home)}"),
        password=_text(f"file:{account.password_file(home)}"),
        marker=_text(account.shown),
    )


def _text(value: object) -> str:
    """Quote a text; the basic strings of TOML and of JSON agree."""
    return json.dumps(str(value), ensure_ascii=False)


def _list(values: list[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


def _boolean(value: bool) -> str:
    return "true" if value else "false"
