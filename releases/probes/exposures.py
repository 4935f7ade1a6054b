"""What must not be readable from outside: well-known files with what they look like inside, and marks of debug pages.

Pure. A file counts only when its content is what its name promises, so that a site that answers 200 to everything is
not a page of false alarms.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector

LONGEST_LINE = 4_000
"""Characters of a line that are looked at."""
MOST_LINES = 20_000
MOST_MATCHES = 20
ALIKE = 0.9
"""From this similarity on two answers are the same page with another address in it."""
COMPARED = 5_000
"""Characters of two answers that are compared."""

_SETTING = re.compile(r"^(export\s+)?[A-Z][A-Z0-9_]{2,}\s*=\s*\S", re.MULTILINE)


def _holds(*patterns: str) -> Callable[[bytes], bool]:
    compiled = [re.compile(pattern.encode(), re.IGNORECASE | re.MULTILINE) for pattern in patterns]
    return lambda body: any(pattern.search(body) for pattern in compiled)


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda body: body.startswith(prefixes)


def _settings(body: bytes) -> bool:
    return b"<html" not in body[:500].lower() and bool(_SETTING.search(body.decode("latin-1")))


_SQL_DUMP = _holds(r"^(CREATE TABLE|INSERT INTO|-- MySQL dump|-- PostgreSQL database dump)")
_ARCHIVE = _starts(b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")

FILES: Mapping[str, Callable[[bytes], bool]] = {
    "/.env": _settings,
    "/.env.production": _settings,
    "/.git/HEAD": _holds(r"\A(ref: refs/|[0-9a-f]{40}\s*\Z)"),
    "/.git/config": _holds(r"^\[core\]"),
    "/.svn/entries": _holds(r"\A\d+\s*$"),
    "/.hg/requires": _holds(r"^(revlogv1|dotencode|store)$"),
    "/.DS_Store": _starts(b"\x00\x00\x00\x01Bud1"),
    "/.htpasswd": _holds(r"^[^:\s<>]{1,60}:(\$apr1\$|\$2[aby]\$|\{SHA\}|[./0-9A-Za-z]{13}$)"),
    "/.ssh/id_rsa": _holds(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "/backup.sql": _SQL_DUMP,
    "/dump.sql": _SQL_DUMP,
    "/database.sql": _SQL_DUMP,
    "/backup.zip": _ARCHIVE,
    "/backup.tar.gz": _ARCHIVE,
    "/db.sqlite3": _starts(b"SQLite format 3\x00"),
    "/settings.py": _holds(r"^(SECRET_KEY|DATABASES|INSTALLED_APPS)\s*="),
    "/config.py.bak": _holds(r"^[A-Z_]{3,}\s*="),
    "/docker-compose.yml": _holds(r"^services:"),
    "/phpinfo.php": _holds(r"<title>phpinfo\(\)"),
    "/wp-config.php.bak": _holds(r"DB_PASSWORD"),
    "/server-status": _holds(r"Apache Server Status for"),
    "/actuator/env": _holds(r'"propertySources"'),
    "/debug/pprof/": _holds(r"<title>/debug/pprof"),
    "/console": _holds(r"Werkzeug Debugger|Interactive Console"),
    "/__debug__/": _holds(r"djDebug|django-debug-toolbar"),
}
"""Well-known paths, each with whether a body is really what the path promises."""

DEBUG_PAGE = re.compile(
    r"You're seeing this error because you have <code>DEBUG = True</code>|Werkzeug Debugger|"
    r"<div id=\"djDebug\"|Whoops, looks like something went wrong|Symfony Exception|"
    r"Action Controller: Exception caught|\"debug_toolbar\"",
    re.IGNORECASE,
)
STACK_TRACE = re.compile(
    r"Traceback \(most recent call last\)|^\s+at [\w.$<>]+\([\w./-]+\.(?:java|js|ts|kt):\d+(?::\d+)?\)|"
    r"^\s+at .{1,200}\(.{1,200}\.js:\d+:\d+\)|goroutine \d+ \[running\]|Fatal error: Uncaught .{1,200} in /|"
    r"System\.[\w.]+Exception: ",
    re.MULTILINE,
)
LISTING = re.compile(
    r"<title>\s*(Index of /|Directory listing for /|Directory listing of)|<h1>Index of /", re.IGNORECASE
)
SOURCE_MAP = re.compile(r"//[#@]\s*sourceMappingURL=([^\s'\"*]{1,500})\s*(?:\*/)?\s*\Z")
SCRIPT = re.compile(r"<script[^>]{0,300}\ssrc\s*=\s*[\"']?([^\"'\s>]{1,500})", re.IGNORECASE)

PLUGINS: tuple[type[RegexBasedDetector], ...] = (
    ArtifactoryDetector,
    AWSKeyDetector,
    AzureStorageKeyDetector,
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    GitLabTokenDetector,
    NpmDetector,
    OpenAIDetector,
    PrivateKeyDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SquareOAuthDetector,
    StripeDetector,
)
"""The detectors of `detect-secrets` that know their secret by its form. Those that go by entropy or by words such as
"password" would take every CSRF token and every login form for one; none of these asks the network."""


@cache
def _detectors() -> tuple[RegexBasedDetector, ...]:
    return tuple(plugin() for plugin in PLUGINS)


def secrets_in(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield (type, line number, redacted match) of each secret in a text, at most MOST_MATCHES."""
    found = 0
    for number, line in enumerate(text.splitlines()[:MOST_LINES], start=1):
        for detector in _detectors():
            for match in sorted(set(detector.analyze_string(line[:LONGEST_LINE]))):
                yield str(detector.secret_type), number, redacted(str(match))
                found += 1
                if found >= MOST_MATCHES:
                    return


def redacted(text: str) -> str:
    """Return the first two characters of a secret and its length."""
    return f"{text[:2]}… ({len(text)} characters)"


def is_map(body: bytes) -> bool:
    """Whether a body is a source map (ECMA-426 section 8)."""
    return b'"mappings"' in body and body.lstrip()[:1] in (b"{", b")")


def alike(one: str, other: str) -> bool:
    """Whether two pages are the same but for what changes with the address."""
    first, second = one[:COMPARED], other[:COMPARED]
    if not first or not second:
        return first == second
    matcher = difflib.SequenceMatcher(None, first.split(), second.split(), autojunk=False)
    return matcher.quick_ratio() >= ALIKE
