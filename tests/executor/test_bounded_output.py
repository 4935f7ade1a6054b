"""Whatever a command writes, memory stays bounded and what is shown acts on nothing."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from releases.executor.capture import Capture, displayable
from releases.executor.masking import Masker
from tests.executor.bench import Bench

pytestmark = pytest.mark.once

MIB = 1024 * 1024

MEASURED_RUN = """
import json, re, sys
from releases.catalogue import Command
from releases.executor import run

result = run(Command(("/bin/sh", "-c", sys.argv[1]), "/", 60), lock=None, execution_id="E-1",
             secrets=["a secret of some length"], on_output=lambda text: None, should_stop=lambda: "",
             passed_environment={})
print(json.dumps({"bytes": result.output_bytes, "kept": len(result.output), "truncated": result.truncated,
                  "output": result.output[:20000], "exit": result.exit_code, "sha256": result.output_sha256,
                  # Not ru_maxrss, which begins with what the parent had.
                  "memory": int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])}))
"""


def run_measured(script: str) -> dict[str, object]:
    """Run a command in a process of its own and return what came of it and how much memory that took, in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED_RUN, script], cwd=Path.cwd(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_gigabyte_of_output_is_cut_counted_and_does_not_fill_the_memory() -> None:
    """B30."""
    answer = run_measured("yes | head -c 1G")
    assert (answer["exit"], answer["bytes"], answer["truncated"]) == (0, 1024 * MIB, True)
    assert int(str(answer["memory"])) < 200 * 1024
    assert int(str(answer["kept"])) < 70_000
    assert "[truncated at 65536 bytes, command continued: 1073676288 bytes are not kept]" in str(answer["output"])


def test_one_line_of_100_megabytes_is_cut_too() -> None:
    """B31."""
    answer = run_measured("head -c 100M /dev/zero | tr '\\0' a")
    assert (answer["bytes"], answer["truncated"]) == (100 * MIB, True)
    assert int(str(answer["memory"])) < 200 * 1024
    assert int(str(answer["kept"])) < 70_000


def test_the_beginning_and_the_end_of_long_output_are_kept(bench: Bench) -> None:
    result = bench.python("print('BEGIN'); print('x' * 200_000); print('END')")
    assert result.truncated
    assert result.output.startswith("BEGIN\n")
    assert result.output.endswith("END\n")
    assert "command continued" in result.output
    assert result.output_bytes == 200_011


def test_output_up_to_the_limit_is_kept_whole() -> None:
    capture = Capture(Masker([]), limit=100)
    capture.feed(b"a" * 100)
    assert (capture.truncated, capture.text(final=True)) == (False, "a" * 100)
    capture.feed(b"b")
    assert capture.truncated
    assert capture.text(final=True) == (
        "a" * 25 + "\n[truncated at 100 bytes, command continued: 1 bytes are not kept]\n" + "a" * 74 + "b"
    )


@pytest.mark.parametrize("chunk", [1, 3, 7, 64, 100_000])
def test_chunks_make_no_difference(chunk: int) -> None:
    raw = "".join(f"Zeile {number} mit ä und €\n" for number in range(9000)).encode()
    capture = Capture(Masker(["Zeile 8999"]), limit=1000)
    for begin in range(0, len(raw), chunk):
        capture.feed(raw[begin : begin + chunk])
    whole = Capture(Masker(["Zeile 8999"]), limit=1000)
    whole.feed(raw)
    assert capture.text(final=True) == whole.text(final=True)
    assert (capture.total, capture.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())


@pytest.mark.parametrize("shift", range(4))
def test_a_cut_does_not_break_a_character(shift: int) -> None:
    capture = Capture(Masker([]), limit=100)
    capture.feed(b"x" * shift + "€".encode() * 200)
    assert "\\x" not in capture.text(final=True)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"a\x00b", "a\\u0000b"),
        (b"\x1b[31mred\x1b[0m", "\\u001b[31mred\\u001b[0m"),
        (b"\x07bell", "\\u0007bell"),
        (b"\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "\\u001b]8;;http://evil\\u001b\\click\\u001b]8;;\\u001b\\"),
        (b"100%\rall is well", "100%\\u000dall is well"),
        (b"windows\r\nlines\r\n", "windows\nlines\n"),
        ("user\u202etxt.exe".encode(), "user\\u202etxt.exe"),
        ("zero\u200bwidth\ufeff".encode(), "zero\\u200bwidth\\ufeff"),
        (b"broken \xff\xfe \xe2\x82", "broken \\xff\\xfe \\xe2\\x82"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        (b"\xc2\x9b31m", "\\u009b31m"),
        ("Grüße\n\tzwei".encode(), "Grüße\n\tzwei"),
        (b"<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ],
)
def test_any_bytes_become_text_that_acts_on_nothing(raw: bytes, shown: str) -> None:
    """B32, B34: control characters are visible; markup stays text for the page to escape."""
    assert displayable(raw) == shown


def test_every_byte_value_can_be_shown_and_stored(bench: Bench) -> None:
    """B32: the digest is that of the raw bytes, the text holds no NUL and no lone surrogate."""
    raw = bytes(range(256)) * 8
    result = bench.python("import sys; sys.stdout.buffer.write(bytes(range(256)) * 8)")
    assert result.output_sha256 == hashlib.sha256(raw).hexdigest()
    assert "\x00" not in result.output
    result.output.encode()
