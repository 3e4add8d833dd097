"""What the agent stack takes: memory before and after it is imported, and how long that took.

In a process of its own, without a window: `python -m tests.bench.stack`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
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
                "until they answered the first list (s)": summary([one["first list"] for one in taken]),
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
    with tempfile.TemporaryDirectory(prefix="chatkit-desktop-bench-") as folder:
        return _look(Path(folder))


def _look(folder: Path) -> dict[str, float]:
    import desktop.app.application  # noqa: F401  # what a window has imported by then is not counted; nothing of tests that has more
    from desktop.agents.from_settings import SettingsSources
    from desktop.agents.host import AgentHost, State
    from desktop.common.texts import Catalogue
    from desktop.keys import Keys, MemoryStore
    from desktop.settings.brand import Brand
    from desktop.settings.file import SettingsFile
    from desktop.settings.layers import SettingsStore

    (folder / "settings.json").write_text('{"version": 1, "agents": [{"kind": "assistant", "id": "assistant"}]}')
    settings = SettingsStore(SettingsFile(folder / "settings.json"), Brand())
    sources = SettingsSources(settings, Keys("bench", "bench", store=MemoryStore()))
    here = os.getpid()
    ready = threading.Event()

    def heard(state: State) -> None:
        if state in ("ready", "failed"):
            ready.set()

    host = AgentHost(
        sources,
        Catalogue("en"),
        threads=folder / "threads.sqlite3",
        attachments=folder / "attachments",
        on_state=heard,
    )
    found: dict[str, float] = {"before": pss(here)}
    began = time.perf_counter()
    body = '{"type": "threads.list", "params": {"limit": 20, "order": "desc"}}'
    host.request("assistant", body, on_data=lambda _: None, on_end=lambda: None)
    found["first list"] = time.perf_counter() - began
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
