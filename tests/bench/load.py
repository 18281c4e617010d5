"""A load generator without dependencies: keep-alive connections on one thread each, bounded in time."""

import http.client
import statistics
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Result:
    """Requests per second, and milliseconds of the median and of the slowest twentieth."""

    per_second: float
    p50_ms: float
    p95_ms: float


def measure(url: str, *, cookie: str = "", seconds: float = 5.0, connections: int = 8) -> Result:
    """Ask for `url` as fast as the connections allow.  Raises RuntimeError for any answer but 200."""
    deadline = time.perf_counter() + seconds
    times: list[list[float]] = [[] for _ in range(connections)]
    failures: list[str] = []
    threads = [threading.Thread(target=_ask_until, args=(url, cookie, deadline, bucket, failures)) for bucket in times]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    if failures:
        raise RuntimeError(f"{url}: {failures[0]}")
    every = sorted(t for bucket in times for t in bucket)
    return Result(len(every) / elapsed, statistics.median(every) * 1000, every[int(len(every) * 0.95)] * 1000)


def _ask_until(url: str, cookie: str, deadline: float, times: list[float], failures: list[str]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port or 80, timeout=30)
    headers = {"Cookie": cookie} if cookie else {}
    while (start := time.perf_counter()) < deadline and not failures:
        connection.request("GET", parts.path or "/", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status} {body[:200]!r}")
        times.append(time.perf_counter() - start)
    connection.close()
