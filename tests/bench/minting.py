"""What a mint costs over the same request on a warm httpx connection.

Run in a process of its own, so that the stand-in answers from another: `python -m tests.bench.minting BASE TIMES`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from tests.bench.figures import Figure, summary
from tests.rig.driver import ROOT
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

TIMES = 200


def measure(times: int = TIMES) -> list[Figure]:
    with ApiStandIn() as api:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.minting", api.base, str(times)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    ours, bare = json.loads(done.stdout)
    return [
        Figure(
            "mint over a warm httpx call",
            (median(ours) - median(bare)) * 1000,
            "ms",
            1.0,
            {"times": times, "mint (ms)": summary(ours, 1000), "httpx (ms)": summary(bare, 1000)},
        )
    ]


def compare(base: str, times: int) -> tuple[list[float], list[float]]:
    """Seconds of our mints and of bare requests with the same body, taking turns."""
    import httpx

    from desktop.openai_api import sessions
    from desktop.openai_api.client import ApiClient, Endpoint
    from desktop.settings.model import Settings, WorkflowAgent

    body = sessions.session_body(Settings(), WorkflowAgent(workflow_id=WORKFLOW), "user_bench")
    client = ApiClient(Endpoint(base=base), KEY)
    headers = {"Authorization": f"Bearer {KEY}", "OpenAI-Beta": "chatkit_beta=v1"}
    with httpx.Client(trust_env=False) as bare:

        def ours() -> object:
            return sessions.create(client, body)

        def stock() -> object:
            return bare.post(f"{base}/v1/chatkit/sessions", json=body, headers=headers).raise_for_status().json()

        taken: dict[Callable[[], object], list[float]] = {ours: [], stock: []}
        for turn in range(times + 5):
            for work, seconds in taken.items():
                before = time.perf_counter()
                work()
                if turn >= 5:
                    seconds.append(time.perf_counter() - before)
    client.close()
    return taken[ours], taken[stock]


if __name__ == "__main__":
    print(json.dumps(compare(sys.argv[1], int(sys.argv[2]))))
