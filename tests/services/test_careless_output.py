"""A command that prints whatever it likes: what of it reaches rows, pages, the log and the exported book."""

import base64
import hashlib
import logging
import urllib.parse

import pytest
from django.apps import apps
from django.test import Client

from releases import book_export
from releases.models import Environment, Message, Rollback
from tests import factory
from tests.services.conftest import InlineWorkers, LittleService
from tests.services.test_run_rollback import press

SECRET = "p@ss/w0rd+hunter2=="
WRITTEN = [
    SECRET,
    urllib.parse.quote(SECRET, safe=""),
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(f"ada:{SECRET}".encode()).decode()[6:-4],
]
HOSTILE = (
    b"binary \x80\x81\xfe\xff NUL \x00 BEL \x07 red \x1b[31m clear \x1b[2J link \x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\"
    b" done\rrewritten \xe2\x80\xae\xd7\x90 mark \xe2\x80\x8f broken \xe2\x82 <img src=x onerror=alert(1)>"
    b"<script>alert(2)</script>\n"
)
CARELESS = """
import base64, os, sys, time, urllib.parse
out = sys.stdout.buffer
secret = os.environ["ARCHIVE_TOKEN"]
out.write({hostile!r})
for form in (secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode(),
             base64.b64encode(("ada:" + secret).encode()).decode(), "Authorization: Bearer " + secret):
    half = len(form) // 2
    for part in (form[:half], form[half:] + "\\n"):
        out.write(part.encode())
        out.flush()
        time.sleep(0.1)
open(sys.argv[2], "w").write(sys.argv[1].removeprefix("--version="))
"""


@pytest.fixture
def careless(little_service: LittleService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_TOKEN", SECRET)
    (little_service.home / "switch.py").write_text(CARELESS.format(hostile=HOSTILE))
    text = little_service.catalogue.read_text()
    little_service.catalogue.write_text(text.replace("grace = 1\n", 'grace = 1\nenvironment = ["ARCHIVE_TOKEN"]\n'))


@pytest.fixture
def ended(
    careless: None, production: Environment, workers: InlineWorkers, caplog: pytest.LogCaptureFixture
) -> Rollback:
    caplog.set_level(logging.INFO)
    Environment.objects.update(receivers=["chat"])
    rollback = press(production)
    workers.work()
    rollback.refresh_from_db()
    assert rollback.execution is not None
    assert rollback.execution.exit_code == 0, rollback.execution.output
    return rollback


def stored() -> str:
    """Return every row of every table as one text."""
    rows = [repr(row) for model in apps.get_models() for row in model._default_manager.values()]
    return "\n".join(rows)


def test_a_secret_reaches_neither_rows_nor_pages_nor_log_nor_export(
    ended: Rollback, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """B33: the configured one, its URL-encoded and base64 forms, and an Authorization header, each written in two."""
    client.force_login(factory.person("lee", "auditor"))
    pages = [client.get(address).content.decode() for address in ("/", f"/rollbacks/{ended.pk}")]
    export = "\n".join(book_export.export_lines(book_export.Filter()))
    log = "\n".join(record.getMessage() for record in caplog.get_records("setup"))
    assert ended.execution is not None
    assert ended.execution.output.count("[masked]") >= 5
    assert Message.objects.exists()
    for where, text in {"rows": stored(), "pages": "".join(pages), "log": log, "export": export}.items():
        assert text
        assert [form for form in WRITTEN if form in text] == [], where


def test_every_byte_is_shown_as_text_and_acts_on_nothing(ended: Rollback, client: Client) -> None:
    """B32, B34: binary, NUL, BEL, ANSI, links, rewritten lines, marks of direction, broken UTF-8, markup."""
    client.force_login(factory.person("lee", "auditor"))
    answer = client.get(f"/rollbacks/{ended.pk}")
    page = answer.content.decode()
    for shown in (
        "binary \\x80\\x81\\xfe\\xff NUL \\u0000 BEL \\u0007 red \\u001b[31m clear \\u001b[2J",
        "done\\u000drewritten \\u202eא mark \\u200f broken \\xe2\\x82",
        "&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(2)&lt;/script&gt;",
    ):
        assert shown in page
    assert [character for character in "\x00\x07\x1b\r\u202e\u200f" if character in page] == []
    assert "<img src=x" not in page
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_digest_is_that_of_the_raw_bytes(ended: Rollback) -> None:
    """B32"""
    forms = [
        SECRET,
        urllib.parse.quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"ada:{SECRET}".encode()).decode(),
        f"Authorization: Bearer {SECRET}",
    ]
    raw = HOSTILE + "".join(f"{form}\n" for form in forms).encode()
    assert ended.execution is not None
    assert ended.execution.output_bytes == len(raw)
    assert ended.execution.output_sha256 == hashlib.sha256(raw).hexdigest()
