"""How true the times of `response_time` are, beside a raw socket, `wrk` and `blackbox_exporter` in the same run.

    python -m bench.probes          medians of five runs against a server with known delays; about two minutes

Prints a table of errors (measured less true) in milliseconds and, for the goals, a ratio and whether it is kept:
one at a time p50 and p95 within 1 % of the truth at 50 ms; at 1 ms no more than 1.5 x the raw socket's error; no worse
than blackbox_exporter. Then what one worker process can do: requests per second, and its memory.
"""

import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from releases.http import Deadline, Door
from releases.probes.samples import percentile

RUNS = 5
SAMPLES = 100
DELAYS = (1, 50)
IN_FLIGHT = 10
PERCENTILES = (50, 95)
PACE = 0.002
"""Seconds between two requests, as the probe's default."""

Errors = dict[int, float]
"""Measured less true, in milliseconds, by percentile."""


def by_door(port: int, delay: int) -> list[float]:
    """Measure as the probe does: one request after another on a kept connection."""
    with Door(allow_private=True, deadline=Deadline.after(120)) as door:
        door.request("GET", f"http://127.0.0.1:{port}/0", keep=True)
        return [_paced(lambda: _total(door, port, delay)) for _ in range(SAMPLES)]


def _total(door: Door, port: int, delay: int) -> float:
    return door.request("GET", f"http://127.0.0.1:{port}/{delay}", keep=True).timings.total_ms


def by_socket(port: int, delay: int) -> list[float]:
    """Measure as bare as Python can."""
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b"GET /%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % delay

        def once() -> float:
            began = time.perf_counter()
            wire.sendall(request)
            wire.recv(65536)
            return (time.perf_counter() - began) * 1000

        return [_paced(once) for _ in range(SAMPLES)]


def _paced(once: Callable[[], float]) -> float:
    time.sleep(PACE)
    return once()


def by_wrk(port: int, delay: int) -> list[float]:
    """Measure with wrk, one connection. A script prints the percentiles, which stand for the samples."""
    script = "done = function(s, l, r) io.write('p', l:percentile(50), ' ', l:percentile(95), '\\n') end"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        argv = ["wrk", "-t1", "-c1", "-d3s", "-s", file.name, f"http://127.0.0.1:{port}/{delay}"]
        said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.search(r"p([\d.]+) ([\d.]+)", said)
    assert found is not None, said
    return [float(text) / 1000 for text in found.groups()]


def by_blackbox(exporter: int, port: int, delay: int) -> list[float]:
    """Measure with blackbox_exporter: its phases from sending on (`processing` and `transfer`); connecting is apart."""
    url = f"http://127.0.0.1:{exporter}/probe?module=http_2xx&target=http://127.0.0.1:{port}/{delay}"
    samples = []
    for _ in range(SAMPLES):
        time.sleep(PACE)
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        phases = dict(re.findall(r'probe_http_duration_seconds\{phase="(\w+)"\} (\S+)', text))
        samples.append((float(phases["processing"]) + float(phases["transfer"])) * 1000)
    return samples


def errors(samples: Sequence[float], delay: int) -> Errors:
    if len(samples) == len(PERCENTILES):
        return {percent: sample - delay for percent, sample in zip(PERCENTILES, samples, strict=True)}
    return {percent: percentile(list(samples), percent) - delay for percent in PERCENTILES}


def together(measure: Callable[[int, int], list[float]], port: int, delay: int) -> list[float]:
    """Measure in as many threads at once, each with a connection of its own."""
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.extend(measure(port, delay))) for _ in range(IN_FLIGHT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def medians(of: Sequence[Errors]) -> Errors:
    return {percent: statistics.median(each[percent] for each in of) for percent in PERCENTILES}


@contextmanager
def delayed() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-m", "bench.delayed"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def blackbox() -> Iterator[int]:
    """Run blackbox_exporter with one module, and yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "blackbox.yml")
        config.write_text("modules:\n  http_2xx:\n    prober: http\n    http:\n      preferred_ip_protocol: ip4\n")
        argv = ["prometheus-blackbox-exporter", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
            try:
                _until_it_accepts(port)
                yield port
            finally:
                process.terminate()


def _until_it_accepts(port: int) -> None:
    deadline = Deadline.after(10)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if deadline.reached:
                raise
            time.sleep(0.05)


def throughput(port: int) -> tuple[float, float]:
    """Return requests per second of one door on one connection, and this process's largest memory in MB."""
    with Door(allow_private=True, deadline=Deadline.after(60)) as door:
        began, count = time.perf_counter(), 2000
        for _ in range(count):
            door.request("GET", f"http://127.0.0.1:{port}/0", keep=True)
        seconds = time.perf_counter() - began
    return count / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    for program in ("wrk", "prometheus-blackbox-exporter"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed; on Debian: apt-get install {program}")
    with delayed() as port, blackbox() as exporter:
        tools: dict[str, Callable[[int], list[float]]] = {
            "response_time": lambda delay: by_door(port, delay),
            "raw socket": lambda delay: by_socket(port, delay),
            "wrk": lambda delay: by_wrk(port, delay),
            "blackbox_exporter": lambda delay: by_blackbox(exporter, port, delay),
            f"response_time, {IN_FLIGHT} in flight": lambda delay: together(by_door, port, delay),
            f"raw socket, {IN_FLIGHT} in flight": lambda delay: together(by_socket, port, delay),
        }
        print(
            f"{'error in ms, median of 5 runs':32}"
            + "".join(f"{f'{d} ms p{p}':>12}" for d in DELAYS for p in PERCENTILES)
        )
        found: dict[tuple[str, int], Errors] = {}
        for tool, measure in tools.items():
            for delay in DELAYS:
                found[tool, delay] = medians([errors(measure(delay), delay) for _ in range(RUNS)])
            print(f"{tool:32}" + "".join(f"{found[tool, d][p]:12.3f}" for d in DELAYS for p in PERCENTILES))
        _goals(found)
        rate, memory = throughput(port)
        print(
            f"one process: {rate:,.0f} requests/s one at a time, {memory:.0f} MB with everything that it measured with"
        )


def _goals(found: dict[tuple[str, int], Errors]) -> None:
    ours, raw, other = (
        {delay: found[tool, delay] for delay in DELAYS} for tool in ("response_time", "raw socket", "blackbox_exporter")
    )
    for percent in PERCENTILES:
        _goal(f"p{percent} at 50 ms: error / truth", ours[50][percent] / 50, 0.01)
        _goal(f"p{percent} at 1 ms: error / raw socket's", ours[1][percent] / raw[1][percent], 1.5)
        for delay in DELAYS:
            _goal(f"p{percent} at {delay} ms: error / blackbox's", ours[delay][percent] / other[delay][percent], 1.0)


def _goal(what: str, ratio: float, limit: float) -> None:
    print(f"{what:44} {ratio:7.3f}  limit {limit:g}  {'kept' if ratio <= limit else 'MISSED'}")


if __name__ == "__main__":
    main()
