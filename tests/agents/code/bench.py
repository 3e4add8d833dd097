"""A folder with an agent's file, an approval for it, a model API, and a page that talks to it. For tests."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from desktop.agents.code.consent import Consents, Source, read
from desktop.agents.code.place import Place
from desktop.agents.code.process import Start
from desktop.settings.agents import CodeAgent, Endpoint
from tests.agents.talk import Given, Heard, Json, Page, make_host
from tests.rig import forks
from tests.rig.systems import is_wine
from tests.standins.models_api import KEY, Answer, ModelsApi

PATIENCE = 280.0 if is_wine() else 90.0
"""Seconds for what takes a start of Python and the SDKs on a busy machine."""
IMPORTED = ("agents", "desktop.agents.code.runner", "desktop.agents.code.loader", "desktop.agents.code.explained")
"""What every process of a code agent imports."""


def forked() -> Start:
    """Starts processes that have imported it already, where that can be. What looks at the start itself takes
    `subprocess.Popen`."""
    return forks.prepared(*IMPORTED).start if forks.available() else subprocess.Popen


class Bench:
    """`file` is the agent; `write` writes it or one beside it; `approve` says yes to what is there now."""

    def __init__(
        self,
        folder: Path,
        api: ModelsApi,
        *,
        stop: float = 2.0,
        packages: Path | None = None,
        start: Start = subprocess.Popen,
        **hooks: Any,
    ) -> None:
        """`hooks` go to the host."""
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.api = api
        self.file = self.folder / "agent.py"
        self.consents = Consents(None)
        endpoint = Endpoint(id="openai", name="OpenAI", base_url=api.base, api="responses", needs_key=True)
        self.given = Given(
            agents={"code": CodeAgent(id="code", file=str(self.file))},
            endpoints={"openai": endpoint},
            keys={api.base: KEY},
        )
        environ = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9", "MINE": f"x{KEY}x"}
        place = Place(self.consents, packages, environ, stop, start)
        self.host = make_host(self.given, code=lambda: place, **{"on_question": lambda: None, **hooks})
        self.page = Page(self.host, "code")

    def write(self, text: str, name: str = "agent.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def approve(self) -> Source:
        source = read(self.file)
        self.consents.give(source)
        return source

    def holds(self, text: str) -> Bench:
        """The agent's file, written and approved."""
        self.write(text)
        self.approve()
        return self

    def say(self, text: str = "hello", thread: str | None = None) -> Heard:
        return self.read(self.page.begin(text, thread))

    def read(self, heard: Heard) -> Heard:
        """As `Page.read`, with the patience that a process needs."""
        taken = 0
        until = time.monotonic() + PATIENCE
        while not heard.ends:
            new = len(heard.pieces) - taken
            if new:
                self.host.ack(heard.stream, new)
                taken += new
            assert time.monotonic() < until, heard.pieces[-3:]
            time.sleep(0.002)
        return heard

    def press(self, heard: Heard, which: str) -> Heard:
        """Presses a button ("Approve", "Reject") of the last card."""
        card = heard.done("widget")[-1]
        return self.read(self.page.open("threads.custom_action", **action(card, which)))

    @property
    def children(self) -> list[psutil.Process]:
        """The processes of code agents below this one."""
        return [one for one in psutil.Process().children(recursive=True) if is_code(one)]

    def close(self) -> None:
        self.host.close(20)


def is_code(process: psutil.Process) -> bool:
    try:
        return any("code.child" in word for word in process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def action(card: Json, which: str) -> dict[str, Any]:
    """The parameters of the request that a card's button makes."""
    (row,) = [child for child in card["widget"]["children"] if child["type"] == "Row"]
    (button,) = [child for child in row["children"] if child["label"] == which]
    return {"thread_id": card["thread_id"], "item_id": card["id"], "action": button["onClickAction"]}


def until(what: Callable[[], object], patience: float = PATIENCE) -> None:
    """Waits until `what()` is true. Raises AssertionError."""
    ends = time.monotonic() + patience
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended, buried or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def steps(heard: Heard) -> list[str]:
    """The titles of the finished steps, in their order."""
    return [task.get("title") for item in heard.done("workflow") for task in item["workflow"]["tasks"]]


def streamed(*items: Json) -> Answer:
    """An answer of Responses that consists of these items (calls, requests for approval), as it is streamed."""
    shape = {"id": "resp_x", "object": "response", "created_at": 1, "model": "m", "tools": [], "tool_choice": "auto"}
    done = {**shape, "status": "completed", "output": list(items), "parallel_tool_calls": True}
    events: list[Json] = []
    for index, item in enumerate(items):
        where = {"output_index": index, "item": item}
        events += [{"type": "response.output_item.added", **where}, {"type": "response.output_item.done", **where}]
    events.append({"type": "response.completed", "response": done})
    for number, event in enumerate(events):
        event["sequence_number"] = number
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Answer(body=text, headers={"Content-Type": "text/event-stream"})


@contextmanager
def bench(folder: Path, **rest: Any) -> Iterator[Bench]:
    with ModelsApi(key=KEY) as api:
        made = Bench(folder, api, **rest)
        try:
            yield made
        finally:
            made.close()
