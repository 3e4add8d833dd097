"""What the agent stack takes: memory before and after it is imported, and how long that took.

In a process of its own, without a window: `python -m tests.bench.stack`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from statistics import median

from tests.bench.child import pss
from tests.bench.figures import Figure, summary
from tests.bench.footprint import MIB
from tests.rig.driver import ROOT


def measure(runs: int = 3) -> list[Figure]:
    taken = [json.loads(_in_a_process()) for _ in range(runs)]

    def of(what: str, before: str) -> list[float]:
        return [(one[what] - one[before]) / MIB for one in taken]

    stack, light = of("ready", "light"), of("light", "before")
    return [
        Figure(
            "memory of the agent stack",
            median(stack),
            "MiB",
            None,
            {
                "runs": runs,
                "stack (MiB)": summary(stack),
                "before it: ChatKit's types and the store (MiB)": summary(light),
                "imported in (s)": summary([one["seconds"] for one in taken]),
                "modules": taken[0]["modules"],
            },
        )
    ]


def _in_a_process() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.stack"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def look() -> dict[str, float]:
    """Bytes of this process before its agents, with them able to list chats, and with the whole stack."""
    from desktop.agents.host import AgentHost, State
    from desktop.settings.agents import AssistantAgent
    from desktop.texts import Catalogue
    from tests.agents.talk import Given, Page

    here = os.getpid()
    ready = threading.Event()

    def heard(state: State) -> None:
        if state in ("ready", "failed"):
            ready.set()

    host = AgentHost(Given({"assistant": AssistantAgent(id="assistant")}), Catalogue("en"), on_state=heard)
    found: dict[str, float] = {"before": pss(here)}
    Page(host, "assistant").ask("threads.list")
    found["light"] = pss(here)
    modules, began = len(sys.modules), time.perf_counter()
    host.warm("assistant")
    if not ready.wait(60) or host.state != "ready":
        raise RuntimeError(f"the agent stack is {host.state}: {host.problem}")
    found["seconds"] = time.perf_counter() - began
    found["ready"] = pss(here)
    found["modules"] = len(sys.modules) - modules
    host.close()
    return found


if __name__ == "__main__":
    print(json.dumps(look()))
