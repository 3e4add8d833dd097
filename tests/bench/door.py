"""The bridge as a page sees it, and the page server as the engine sees it."""

from __future__ import annotations

import http.client
import time
from statistics import median
from urllib.parse import urlsplit

from tests.bench.child import Child
from tests.bench.figures import Figure, summary
from tests.bench.starts import opened
from tests.rig.scene import Scene

CALLS = 300


def measure(scene: Scene, calls: int = CALLS) -> list[Figure]:
    """The median round trip of a method that does nothing, and of a page asked for on a fresh connection."""
    with Child("tests.bench.hello", [scene.engine], [f"?calls={calls}"], scene.environ) as bare:
        bare.until("round_trips")
        stock = bare.values["round_trips"]
    with opened(scene) as child:
        child.until("chat.ready")
        child.until("session.mint")
        ours = child.ask(f"round-trips {calls}", "round_trips")
        served = pages(child.ask("url", "url"), calls)
    return [
        Figure(
            "bridge round trip",
            median(ours),
            "ms",
            1.0,
            {"calls": calls, "ours (ms)": summary(ours), "pywebview's own (ms)": summary(stock)},
        ),
        Figure("a page served", median(served) * 1000, "ms", 5.0, {"times": calls, "ms": summary(served, 1000)}),
    ]


def pages(url: str, times: int) -> list[float]:
    """Seconds from connecting to the last byte, `times` times."""
    parts = urlsplit(url)
    taken: list[float] = []
    for _ in range(times):
        before = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
        connection.request("GET", parts.path, headers={"Host": parts.netloc})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        taken.append(time.perf_counter() - before)
        if answer.status != 200 or not body:
            raise RuntimeError(f"the page was answered with {answer.status}")
    return taken
