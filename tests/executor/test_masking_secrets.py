"""Secrets never reach what is stored or shown, however they are written and however their bytes arrive."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings, strategies as st

from releases.executor import Masker
from releases.executor.capture import Capture
from releases.executor.masking import secrets_in
from tests.executor.bench import Bench

pytestmark = pytest.mark.once

SECRET = "p@ss wörd/+&="


def test_a_secret_in_the_output_is_masked(bench: Bench) -> None:
    """B33."""
    result = bench.run("/bin/echo", "the password is hunter2!", secrets=["hunter2!"])
    assert result.output == "the password is [masked]\n"


def test_a_secret_is_masked_in_live_output_too(bench: Bench) -> None:
    """B33: also the half of it that has arrived so far is not told."""
    go_on = bench.directory / "go-on"

    def on_output(text: str) -> None:
        bench.told.append(text)
        go_on.touch()

    script = "printf 'key: hunt'; until [ -e go-on ]; do sleep 0.02; done; echo er2-hunter2"
    result = bench.shell(script, secrets=["hunter2-hunter2"], on_output=on_output)
    assert "hunt" not in "".join(bench.told)
    assert result.output == "key: [masked]\n"


@pytest.mark.parametrize(
    "written",
    [
        SECRET.encode(),
        quote(SECRET).encode(),
        quote(SECRET, safe="").encode(),
        quote_plus(SECRET).encode(),
        quote(SECRET, safe="").lower().encode(),
        base64.b64encode(SECRET.encode()),
        base64.urlsafe_b64encode(SECRET.encode()),
        base64.b64encode(SECRET.encode()).rstrip(b"="),
        json.dumps(SECRET).encode(),
        json.dumps(SECRET, ensure_ascii=False).encode(),
    ],
)
def test_a_secret_is_masked_as_it_is_usually_written(written: bytes) -> None:
    """B33: plain, in a URL, in base64, in JSON."""
    masked = Masker([SECRET]).mask(b"before " + written + b" after")
    assert masked.replace(b'"', b"") == b"before [masked] after"


@pytest.mark.parametrize("user", ["a", "ab", "abc"])
def test_a_secret_inside_basic_credentials_is_masked(user: str) -> None:
    """B33: at every alignment of base64."""
    secret = "correct horse battery"
    masked = Masker([secret]).mask(base64.b64encode(f"{user}:{secret}".encode()))
    assert b"[masked]" in masked
    rest = masked.replace(b"[masked]", b"").removeprefix(base64.b64encode(f"{user}:".encode()).rstrip(b"=")[:-1])
    assert len(rest) <= 4, "nothing but the characters that the secret shares with what stands beside it"


def test_the_lines_of_a_long_key_are_masked_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
    masked = Masker([key]).mask(b"  MIIEvQIBADANBgkq\r\n  hkiG9w0BAQEFAASC\r\n")
    assert masked == b"  [masked]\r\n  [masked]\r\n"


def test_overlapping_secrets_leave_no_rest() -> None:
    masker = Masker(["hunter2", "hunter2-extra", "extra-long"])
    assert masker.mask(b"hunter2-extra-long") == b"[masked]"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (b"> Authorization: Bearer abc.def\n", b"> Authorization: [masked]\n"),
        (b'{"authorization": "Basic eDp5", "a": 1}', b'{"authorization": "[masked]", "a": 1}'),
        (b"Set-Cookie: session=1; HttpOnly\r\nx", b"Set-Cookie: [masked]\r\nx"),
        (b"pulling https://ada:pw@host/x", b"pulling https://ada:[masked]@host/x"),
        (b"listening on http://127.0.0.1:8000/", b"listening on http://127.0.0.1:8000/"),
    ],
)
def test_what_is_a_secret_by_its_place_is_masked(line: bytes, masked: bytes) -> None:
    """B33: nobody had to say that it is one."""
    assert Masker([]).mask(line) == masked


def test_a_secret_that_a_cut_goes_through_is_masked_on_both_sides() -> None:
    """B33: neither the kept beginning nor the kept end shows a part of it."""
    secret = "S3CR3T-" * 6
    for before in range(60):
        capture = Capture(Masker([secret]), limit=100)
        capture.feed(b"x" * before + secret.encode() + b"y" * 200 + secret.encode() + b"z" * before)
        assert "S3C" not in capture.text(final=True)
        assert "R3T" not in capture.text(final=True)


def test_the_beginning_of_a_secret_at_the_very_end_is_masked() -> None:
    """A command that was killed while it wrote it."""
    assert Masker(["hunter2-hunter2"]).mask(b"key hunter2-h") == b"key [masked]"


def test_one_byte_that_may_begin_a_secret_is_held_back_while_more_may_come() -> None:
    masker = Masker(["hunter2-hunter2"])
    assert masker.mask(b"key h", final=False) == b"key [masked]"
    assert masker.mask(b"key h") == b"key h"


def test_a_secret_that_is_too_short_to_mask_does_not_destroy_the_output() -> None:
    assert Masker(["", "a", "abc"]).mask(b"abracadabra abc") == b"abracadabra abc"


def test_secret_variables_that_are_passed_on_are_masked_by_themselves(bench: Bench) -> None:
    """B33: the value of an environment variable."""
    result = bench.run("/usr/bin/env", passed={"API_TOKEN": "tok-12345678", "LANG": "C"})
    assert "API_TOKEN=[masked]\n" in result.output
    assert "LANG=C\n" in result.output


def test_what_counts_as_a_secret_variable() -> None:
    environment = {
        "DATABASE_URL": "postgres://ada:s3cret@db/x",
        "DJANGO_SECRET_KEY": "0123456789",
        "USE_TOKENS": "true",
        "SSH_AUTH_SOCK": "/tmp/agent.sock",
        "BROKEN": "http://[x",
    }
    assert sorted(secrets_in(environment)) == ["0123456789", "s3cret"]


def test_a_problem_sentence_is_masked(bench: Bench) -> None:
    result = bench.run("bin/hunter2-hunter2", secrets=["hunter2-hunter2"])
    assert "hunter2" not in result.problem
    assert "[masked]" in result.problem


@settings(max_examples=150)
@given(
    secret=st.text(alphabet="abAB01-/%", min_size=4, max_size=12),
    pieces=st.lists(st.text(alphabet="abAB01-/% \n", max_size=20), max_size=6),
    chunk=st.integers(1, 9),
)
def test_no_secret_is_ever_shown_whole(secret: str, pieces: list[str], chunk: int) -> None:
    """Whatever stands around it and however it arrives, neither live nor at the end."""
    raw = secret.join(["", *pieces, ""]).encode()
    capture = Capture(Masker([secret]), limit=24)
    for begin in range(0, len(raw), chunk):
        capture.feed(raw[begin : begin + chunk])
        assert secret not in capture.text(final=False)
    assert secret not in capture.text(final=True).replace("[masked]", "\x00")
