"""An archive run while the app is open: what it takes of memory, and how long the page waits for the app meanwhile.

The page itself begins it; at its end every chat is in the database and, as JSON and HTML, in the folder.
"""

from __future__ import annotations

import json
import time
from statistics import median

from tests.bench.child import Child
from tests.bench.figures import Figure, summary
from tests.bench.footprint import MIB, SETTLED
from tests.bench.starts import opened
from tests.rig.scene import Scene
from tests.standins.many import fill

THREADS, ITEMS = 5_000, 60
CALLS = 50
PAUSE = 1.0
LIMIT = 1_800.0
"""Seconds after which it is given up."""

_ARCHIVE = """(async () => {
  const { call, on } = await import(new URL("../common/bridge.js", document.baseURI).href);
  on("archive.progress", (told) => {
    if (told.finished) void call("bench.took", { milliseconds: [told.done, told.failed], what: "archived" });
  });
  await call("archive.start");
})();0"""


def measure(scene: Scene, threads: int = THREADS, items: int = ITEMS) -> list[Figure]:
    with opened(scene) as child:
        child.until("chat.ready")
        child.until("session.mint")
        with scene.api.world.lock:
            user = scene.api.snapshot()["sessions"][-1]["user"]
            fill(scene.api.world, user, threads, items)
        calm = [taken for _ in range(10) for taken in round_trips(child)]
        time.sleep(SETTLED)
        idle = child.memory()
        began = time.monotonic()
        order(child)
        peak, busy = idle, list[float]()
        while "archived" not in child.marks:
            if time.monotonic() - began > LIMIT:
                raise RuntimeError(f"the archive was not done after {LIMIT:.0f} s")
            busy += round_trips(child)
            peak = max(peak, child.memory())
            time.sleep(PAUSE)  # what is asked for here must not be what is weighed
        taken = time.monotonic() - began
        done, failed = child.values["archived"]
        if (done, failed) != (threads, 0):
            raise RuntimeError(f"{done} of {threads} chats were archived, {failed} failed")
    size = sum(path.stat().st_size for path in scene.profile.glob("archive.sqlite*"))
    told: dict[str, object] = {
        "chats": threads,
        "items of each": items,
        "archived and exported in (s)": round(taken, 1),
        "archive (MB)": round(size / 1e6, 1),
    }
    return [
        Figure(
            "memory while archiving", (peak - idle) / MIB, "MiB", 60.0, {**told, "idle (MiB)": round(idle / MIB, 1)}
        ),
        Figure(
            "bridge round trip while archiving",
            median(busy),
            "ms",
            10.0,
            {**told, "busy (ms)": summary(busy), "calm (ms)": summary(calm)},
        ),
    ]


def order(child: Child) -> None:
    """The page begins; it is heard of at its end."""
    assert child.process.stdin is not None
    child.process.stdin.write(f"js {json.dumps(_ARCHIVE)}\n".encode())
    child.process.stdin.flush()


def round_trips(child: Child) -> list[float]:
    taken: list[float] = child.ask(f"round-trips {CALLS}", "round_trips")
    return taken
