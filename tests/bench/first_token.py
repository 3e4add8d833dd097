"""How much later the first word of an answer leaves the app than it leaves the bare SDK.

Run in a process of its own, so that the model answers from another: `python -m tests.bench.first_token BASE TIMES`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.figures import Figure, summary
from tests.rig.driver import ROOT
from tests.standins.models_api import Answer, ModelsApi

TIMES = 60
WARM = 5
"""Answers that are not counted."""
MODEL = "gpt-4.1"
QUESTION = "How are you?"
INPUT: dict[str, Any] = {
    "content": [{"type": "input_text", "text": QUESTION}],
    "attachments": [],
    "quoted_text": None,
    "inference_options": {},
}
BODY = json.dumps({"type": "threads.create", "params": {"input": INPUT}})


def measure(times: int = TIMES) -> list[Figure]:
    with ModelsApi() as api:
        api.always(Answer("Very well, and you?"))
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.first_token", api.base, str(times)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    taken: dict[str, list[float]] = json.loads(done.stdout)
    return [
        Figure(
            "first word over the bare SDK",
            (median(taken["app"]) - median(taken["agents"])) * 1000,
            "ms",
            10.0,
            {
                "times": times,
                "over a bare ChatKit server": round((median(taken["app"]) - median(taken["chatkit"])) * 1000, 2),
                "app (ms)": summary(taken["app"], 1000),
                "Agents SDK (ms)": summary(taken["agents"], 1000),
                "ChatKit server (ms)": summary(taken["chatkit"], 1000),
            },
        )
    ]


def ours(base: str, folder: Path) -> tuple[Callable[[], float], Callable[[], None]]:
    """A message to the app's agents, its chats in a file: seconds until the first word leaves for the page."""
    from desktop.agents.chatkit.answers import Stream
    from desktop.agents.host import AgentHost
    from desktop.common.texts import Catalogue
    from desktop.settings.agents import AssistantAgent, Endpoint
    from tests.agents.talk import Given

    assistant = AssistantAgent(id="assistant", endpoint="here", model=MODEL)
    endpoint = Endpoint(id="here", base_url=base, api="responses")
    given = Given({"assistant": assistant}, endpoints={"here": endpoint})
    host = AgentHost(given, Catalogue("en"), threads=folder / "threads.sqlite3", attachments=folder / "attachments")
    host.warm("assistant")

    def ask() -> float:
        first: list[float] = []
        ended = threading.Event()

        def heard(piece: str) -> None:
            if not first and ".text_delta" in piece:
                first.append(time.perf_counter())

        before = time.perf_counter()
        answer = host.request("assistant", BODY, on_data=heard, on_end=ended.set)
        if not isinstance(answer, Stream) or not ended.wait(60) or not first:
            raise RuntimeError("the app did not answer")
        return first[0] - before

    return ask, host.close


def bare(base: str) -> tuple[Callable[[], float], Callable[[], float], Callable[[], None]]:
    """The same by the SDKs alone: the Agents SDK; ChatKit's server over it, with a store in memory."""
    from agents import Agent, OpenAIResponsesModel, RunConfig, Runner
    from chatkit.agents import AgentContext, stream_agent_response
    from chatkit.server import ChatKitServer, StreamingResult
    from chatkit.types import ThreadMetadata, ThreadStreamEvent, UserMessageItem
    from openai import AsyncOpenAI

    from desktop.agents.chatkit.context import RequestContext
    from tests.agents.reference import ReferenceStore
    from tests.agents.things import ME

    client = AsyncOpenAI(base_url=f"{base}/v1", api_key="none")
    agent: Agent[Any] = Agent(name="bench", model=OpenAIResponsesModel(MODEL, client))
    untraced = RunConfig(tracing_disabled=True)
    loop = asyncio.Runner()

    class Server(ChatKitServer[RequestContext]):
        async def respond(
            self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: RequestContext
        ) -> AsyncIterator[ThreadStreamEvent]:
            inner = AgentContext(thread=thread, store=self.store, request_context=context)
            result = Runner.run_streamed(agent, QUESTION, context=inner, run_config=untraced)
            async for event in stream_agent_response(inner, result):
                yield event

    server = Server(ReferenceStore())

    async def agents() -> float:
        first, before = 0.0, time.perf_counter()
        async for event in Runner.run_streamed(agent, QUESTION, run_config=untraced).stream_events():
            if not first and event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                first = time.perf_counter()
        return first - before

    async def chatkit() -> float:
        first, before = 0.0, time.perf_counter()
        result = await server.process(BODY, ME)
        assert isinstance(result, StreamingResult)
        async for piece in result:
            if not first and b".text_delta" in piece:
                first = time.perf_counter()
        return first - before

    def close() -> None:
        loop.run(client.close())
        loop.close()

    return lambda: loop.run(agents()), lambda: loop.run(chatkit()), close


def compare(base: str, times: int) -> dict[str, list[float]]:
    """Seconds to the first word, taking turns, the order of each round another one."""
    with tempfile.TemporaryDirectory(prefix="chatkit-desktop-bench-") as folder:
        app, close_app = ours(base, Path(folder))
        agents, chatkit, close_bare = bare(base)
        kinds = {"app": app, "agents": agents, "chatkit": chatkit}
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        for turn in range(times + WARM):
            names = list(kinds)
            for name in names[turn % 3 :] + names[: turn % 3]:
                seconds = kinds[name]()
                if turn >= WARM:
                    taken[name].append(seconds)
        close_app()
        close_bare()
    return taken


if __name__ == "__main__":
    print(json.dumps(compare(sys.argv[1], int(sys.argv[2]))))
