"""Code agents: their first words against the bare SDK in a process of the same kind, their start, and the window
while their code misbehaves.

Run in a process of its own, so that the model answers from another: `python -m tests.bench.code_agents BASE TIMES`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.figures import Figure, summary
from tests.bench.starts import opened
from tests.bench.talking import profile, run
from tests.rig.driver import ROOT
from tests.rig.processes import Child
from tests.rig.scene import Scene
from tests.standins.models_api import Answer, ModelsApi

TIMES = 40
A_CHAT = 8
"""Messages of one chat that are timed; its first, for which a process starts, is not."""
STARTS = 5
TYPING = 5.0
"""Seconds that a person types."""
MODEL = "gpt-4.1"
QUESTION = "How are you?"
AGENT = f'from agents import Agent\n\nagent = Agent(name="bench", model="{MODEL}")\n'

# A process that does nothing but ask: a line with the input goes in, a line comes out with the first word.
BARE = """
import asyncio, json, sys
from agents import Agent, OpenAIResponsesModel, RunConfig, Runner
from openai import AsyncOpenAI
client = AsyncOpenAI(base_url=sys.argv[1] + "/v1", api_key="none")
agent = Agent(name="bench", model=OpenAIResponsesModel("gpt-4.1", client))
untraced = RunConfig(tracing_disabled=True)
async def ask(given):
    told = False
    async for event in Runner.run_streamed(agent, given, run_config=untraced).stream_events():
        if not told and event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            told = True
            print("first", flush=True)
    print("end", flush=True)
with asyncio.Runner() as loop:
    print("ready", flush=True)
    for line in sys.stdin:
        loop.run(ask(json.loads(line)))
"""


# --- first words ------------------------------------------------------------------------------


def measure(times: int = TIMES) -> list[Figure]:
    with ModelsApi() as api:
        api.always(Answer("Very well, and you?"))
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.code_agents", api.base, str(times)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    taken: dict[str, list[float]] = json.loads(done.stdout)
    return [
        Figure(
            "code agent's first word over the SDK",
            (median(taken["app"]) - median(taken["bare"])) * 1000,
            "ms",
            15.0,
            {
                "measured": "the process has loaded the file; both are told the same chat, over a pipe",
                "times": times,
                "app (ms)": summary(taken["app"], 1000),
                "Agents SDK in a process (ms)": summary(taken["bare"], 1000),
            },
        ),
        Figure(
            "start of a code agent's process",
            median(taken["cold"]) * 1000,
            "ms",
            None,
            {
                "measured": "a message that no process waits for, to its first word",
                "first word (ms)": summary(taken["cold"], 1000),
                "Agents SDK in a process, started for it (ms)": summary(taken["bare, cold"], 1000),
                "with the process started while the person typed (ms)": summary(taken["warmed"], 1000),
            },
        ),
    ]


class App:
    """The app's agents with one code agent, its chats in a file."""

    def __init__(self, base: str, folder: Path) -> None:
        from desktop.agents.code.consent import Consents, read
        from desktop.agents.code.place import Place
        from desktop.agents.host import AgentHost
        from desktop.common.texts import Catalogue
        from desktop.settings.agents import CodeAgent, Endpoint
        from tests.agents.talk import Given

        file = folder / "my_agent" / "agent.py"
        file.parent.mkdir()
        file.write_text(AGENT, encoding="utf-8")
        consents = Consents(None)
        consents.give(read(file))
        agent = CodeAgent(id="code", file=str(file), endpoint="here")
        endpoint = Endpoint(id="here", base_url=base, api="responses")
        given = Given({"code": agent}, endpoints={"here": endpoint})
        place = Place(consents)
        self.host = AgentHost(
            given,
            Catalogue("en"),
            threads=folder / "threads.sqlite3",
            attachments=folder / "attachments",
            code=lambda: place,
        )

    def ask(self, thread: str = "") -> tuple[float, str]:
        """Seconds until the first word leaves for the page; the chat."""
        from desktop.agents.chatkit.answers import Stream

        content = [{"type": "input_text", "text": QUESTION}]
        given = {"content": content, "attachments": [], "quoted_text": None, "inference_options": {}}
        params: dict[str, Any] = {"input": given} | ({"thread_id": thread} if thread else {})
        kind = "threads.add_user_message" if thread else "threads.create"
        first: list[float] = []
        chats = [thread] if thread else []
        ended = threading.Event()

        def heard(piece: str) -> None:
            if not first and ".text_delta" in piece:
                first.append(time.perf_counter())
            elif not chats and '"thread.created"' in piece:
                chats.append(json.loads(piece.removeprefix("data: "))["thread"]["id"])

        before = time.perf_counter()
        answer = self.host.request(
            "code", json.dumps({"type": kind, "params": params}), on_data=heard, on_end=ended.set
        )
        if not isinstance(answer, Stream) or not ended.wait(120) or not first:
            raise RuntimeError("the code agent did not answer")
        return first[0] - before, chats[0]


class Bare:
    """The SDK alone in a process."""

    def __init__(self, base: str) -> None:
        self.process = Child(
            [sys.executable, "-c", BARE, base], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def ask(self, given: list[dict[str, Any]]) -> float:
        """Seconds until the first word is here."""
        assert self.process.stdin is not None
        before = time.perf_counter()
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()
        self.expect("first")
        taken = time.perf_counter() - before
        self.expect("end")
        return taken

    def expect(self, word: str) -> None:
        assert self.process.stdout is not None
        if self.process.line().strip() != word:
            raise RuntimeError("the bare SDK did not answer")

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait(20)


def compare(base: str, times: int) -> dict[str, list[float]]:
    """Seconds to the first word, taking turns; then from nothing."""
    taken: dict[str, list[float]] = {name: [] for name in ("app", "bare", "cold", "bare, cold", "warmed")}
    with tempfile.TemporaryDirectory(prefix="chatkit-desktop-bench-") as folder:
        app, bare = App(base, Path(folder)), Bare(base)
        bare.expect("ready")
        while len(taken["app"]) < times:
            thread = app.ask()[1]
            said = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Very well, and you?"}]
            for turn in range(1, A_CHAT + 1):
                both: list[Callable[[], None]] = [
                    lambda: taken["app"].append(app.ask(thread)[0]),  # noqa: B023 - called at once
                    lambda: taken["bare"].append(bare.ask(said * turn + said[:1])),  # noqa: B023
                ]
                for one in both[:: 1 if turn % 2 else -1]:
                    one()
        bare.close()
        for _ in range(min(STARTS, times)):
            taken["cold"].append(app.ask()[0])
            before = time.perf_counter()
            alone = Bare(base)
            alone.expect("ready")
            alone.ask([{"role": "user", "content": QUESTION}])
            taken["bare, cold"].append(time.perf_counter() - before)
            alone.close()
            app.host.warm("code")
            time.sleep(TYPING)
            taken["warmed"].append(app.ask()[0])
        app.host.close(20)
    return taken


# --- the window meanwhile ---------------------------------------------------------------------

BAD = """
import asyncio, ctypes, os, sys, time
from pathlib import Path

async def run_workflow(given):
    Path(__file__).with_name("begun").touch()
    await BAD()

async def BAD():
"""
DEEDS = {
    "a busy loop": "while True: pass",
    "a long sleep": "time.sleep(3600)",
    "a loop that catches everything": "while True:\n  try: await asyncio.sleep(0.001)\n  except BaseException: pass",
    "os._exit": "os._exit(7)",
    "a segfault": "ctypes.string_at(0)",
    "forks": "for _ in range(5):\n  if os.fork() == 0:\n    while True: time.sleep(0.01)\nwhile True: time.sleep(1)",
    "a gigabyte of output": "line = 'x' * 999_999\nfor _ in range(1000): print(line)\ntime.sleep(3600)",
    "writes to standard output": "while True: os.write(1, b'{}\\n')",
}
CALLS = 200
FRAME = 16.0
"""Milliseconds: what nobody sees. The code may take a core, and the window shares the others with all there is."""
WAIT = 60.0


def meanwhile(scene: Scene, calls: int = CALLS, deeds: Iterable[str] = DEEDS) -> list[Figure]:
    """The round trip of a bridge call that does nothing, before and while the code of a file misbehaves."""
    quiet: list[float] = []
    while_it: dict[str, list[float]] = {}
    for number, name in enumerate(deeds):
        with ExitStack() as stack:
            folder = scene.folder / f"bad-{number}"
            folder.mkdir()
            file = folder / "agent.py"
            body = "".join(f"    {line}\n" for line in DEEDS[name].splitlines())
            file.write_text(BAD + body, encoding="utf-8")
            agent = {"kind": "code", "id": "code", "file": str(file), "endpoint": "here"}
            made = profile(scene, f"bad-{number}", agent, builtin=True, base="http://127.0.0.1:9")
            _approve(scene.data / "profiles" / made, file)
            child = stack.enter_context(opened(scene, "--profile", made))
            child.until("builtin.ready")
            child.until("threads.list")
            time.sleep(2)  # what a start leaves to do
            quiet += child.ask(f"round-trips {calls}", "round_trips")
            run(child, "said", 'say("bad"); void told("said", []);')
            ends = time.monotonic() + WAIT
            while not (folder / "begun").exists():
                if time.monotonic() > ends:
                    raise RuntimeError("the file did not run")
                time.sleep(0.05)
            while_it[name] = child.ask(f"round-trips {calls}", "round_trips")
    worst = max(while_it, key=lambda name: median(while_it[name]))
    return [
        Figure(
            "bridge round trip beside bad code",
            median(while_it[worst]),
            "ms",
            FRAME,
            {
                "measured": "the worst of what is below; the median of as many calls",
                "calls": calls,
                "worst": worst,
                "before (ms)": summary(quiet),
                **{f"{name} (ms)": summary(taken) for name, taken in while_it.items()},
            },
        )
    ]


def _approve(folder: Path, file: Path) -> None:
    from desktop.agents.code.consent import LIST, Consents, read

    Consents(folder / LIST).give(read(file))


if __name__ == "__main__":
    print(json.dumps(compare(sys.argv[1], int(sys.argv[2]))))
