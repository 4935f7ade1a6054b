"""Secrets are references in the catalogue, and values only where they are used."""

from pathlib import Path

import pytest

from releases import secrets

pytestmark = pytest.mark.once


def test_a_secret_is_read_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    assert secrets.resolve("env:NAME", {"NAME": "hunter2"}) == "hunter2"
    assert secrets.resolve(f"file:{tmp_path}/secret") == "hunter2"


def test_only_one_line_break_at_the_end_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b" a\nb \r\n\r\n")
    assert secrets.resolve(f"file:{tmp_path}/secret") == " a\nb \r\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not set or empty"),
        (b"\n", "is not set or empty"),
        (b"hunter2\xff", "is not UTF-8 text"),
        (b"hunter2\x00", "holds a NUL byte"),
        (b"hunter2" * 10_000, "is larger than 65,536 bytes"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(secrets.SecretError, match=sentence) as error:
        secrets.resolve(f"file:{tmp_path}/secret")
    assert "hunter2" not in str(error.value)


def test_a_missing_secret_names_its_reference(tmp_path: Path) -> None:
    with pytest.raises(secrets.SecretError, match="The secret env:NAME is not set or empty"):
        secrets.resolve("env:NAME", {})
    with pytest.raises(secrets.SecretError, match=f"The secret file:{tmp_path}/x cannot be read: No such file"):
        secrets.resolve(f"file:{tmp_path}/x")


def test_a_secret_given_as_a_value_is_not_echoed() -> None:
    with pytest.raises(secrets.SecretError) as error:
        secrets.resolve("hunter2")
    assert "hunter2" not in str(error.value)
