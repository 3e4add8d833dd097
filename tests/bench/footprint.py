"""What the app costs while it stands there: memory of the whole tree, wake-ups and processor time when idle."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from statistics import median

from tests.bench.child import Child
from tests.bench.figures import Figure, summary
from tests.bench.starts import opened
from tests.rig.scene import Scene

SETTLED = 3.0
"""Seconds after the load until memory is looked at."""
CALM = 8.0
"""Seconds until idleness is: the chat watches for being blanked for 5 s after it is ready."""
MIB = 1024 * 1024


def _hello(scene: Scene, query: str = "") -> Child:
    return Child("tests.bench.hello", [scene.engine], [query] if query else [], scene.environ)


def memory(scene: Scene, runs: int) -> list[Figure]:
    """Over the hello page, and over one that holds a frame of another origin, as every ChatKit page does."""
    frame = f"?frame={scene.component.origin}/deployments/chatkit/frame.html"
    kinds: dict[str, tuple[Callable[[], Child], str]] = {
        "hello": (lambda: _hello(scene), "loaded"),
        "hello with a frame": (lambda: _hello(scene, frame), "loaded"),
        "app": (lambda: opened(scene), "chat.ready"),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(runs):
        for name, (start, mark) in kinds.items():
            with start() as child:
                child.until(mark)
                time.sleep(SETTLED)
                taken[name].append(child.memory() / MIB)
    middle = {name: median(values) for name, values in taken.items()}
    return [
        Figure(
            "memory over the hello",
            middle["app"] - middle["hello"],
            "MiB",
            15.0,
            {
                "over a hello with a frame": round(middle["app"] - middle["hello with a frame"], 1),
                **{f"{name} (MiB)": summary(values) for name, values in taken.items()},
            },
        )
    ]


def idle(scene: Scene, seconds: float) -> list[Figure]:
    """Wake-ups of the threads that are ours, and what the whole process does beside the hello's."""
    with _hello(scene) as bare, opened(scene) as child:
        bare.until("loaded")
        child.until("chat.ready")
        child.until("session.mint")
        time.sleep(CALM)
        ours = {int(number): str(name) for number, name in child.ask("threads", "threads")}
        before, cpu = child.wake_ups(), child.cpu()
        bare_before, bare_cpu = bare.wake_ups(), bare.cpu()
        time.sleep(seconds)
        after, bare_after = child.wake_ups(), bare.wake_ups()
        woken = {number: after[number] - before.get(number, 0) for number in after}
        bare_woken = sum(bare_after[number] - bare_before.get(number, 0) for number in bare_after)
        by_name: dict[str, int] = {}
        for number, name in ours.items():
            with suppress(KeyError):
                by_name[name] = by_name.get(name, 0) + woken[number]
        return [
            Figure(
                "wake-ups of our threads, idle",
                sum(by_name.values()) / seconds,
                "a second",
                0.0,
                {"by thread": by_name, "seconds looked at": seconds},
            ),
            Figure(
                "wake-ups over the hello, idle",
                (sum(woken.values()) - bare_woken) / seconds,
                "a second",
                None,
                {
                    "of the main thread": round(woken.get(child.process.pid, 0) / seconds, 2),
                    "of the app": round(sum(woken.values()) / seconds, 2),
                    "of the hello": round(bare_woken / seconds, 2),
                },
            ),
            Figure(
                "processor over the hello, idle",
                ((child.cpu() - cpu) - (bare.cpu() - bare_cpu)) / seconds * 100,
                "%",
                None,
            ),
        ]
