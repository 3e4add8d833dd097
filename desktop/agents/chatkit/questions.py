"""Questions that a person answers apart from the chat: in a window of our own, or at a terminal. The run that asks
waits in the stream that it was asked in.

The chat page runs OpenAI's script, so no yes is given there. Lives on the agents' event loop; `waiting`, `answer` and
`put_off` may be used from every thread. Knows neither chats nor windows.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

Choice = Literal["once", "chat", "always", "rejected", "approved"]
TOOL: tuple[Choice, ...] = ("once", "chat", "always", "rejected")
"""What can be said to the call of a tool."""
STEP: tuple[Choice, ...] = ("approved", "rejected")
"""What can be said where a code agent asks for approval."""
RAISED = 1.0
"""Seconds between two times that the same question is brought forward because a page wants it."""


@dataclass(frozen=True)
class Question:
    """What is asked. Every text is somebody's, with nothing in it out of sight (`unseen.written_out`)."""

    number: str
    agent_id: str
    thread_id: str
    choices: tuple[Choice, ...]
    text: str = ""
    """What a code agent asks; empty where it is about a tool."""
    server: str = ""
    tool: str = ""
    arguments: str = ""
    """In full, JSON over several lines."""

    @property
    def is_tool(self) -> bool:
        return bool(self.tool)

    @property
    def name(self) -> str:
        """What it is about, in a few words."""
        return f"{self.server}: {self.tool}" if self.is_tool else " ".join(self.text.split())[:120]


class Questions:
    """Those that are open, the oldest first. `tell` is called on the loop when one has come, has gone or is wanted in
    front, and must not block; None: nobody answers apart from the chat."""

    def __init__(self, tell: Callable[[], None] | None, limit: float) -> None:
        """`limit`: seconds; a question that nobody answers by then is put off."""
        self._tell = tell
        self._limit = limit
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Question, asyncio.Future[Choice | None]]] = {}
        self._raised = float("-inf")

    @property
    def can_ask(self) -> bool:
        return self._tell is not None

    @property
    def waiting(self) -> tuple[Question, ...]:
        with self._lock:
            return tuple(question for question, _ in self._open.values())

    def is_open(self, number: str) -> bool:
        return number in self._open

    async def ask(self, question: Question) -> Choice | None:
        """The answer; None where it is put off: nobody answers now, and its card asks again when it is pressed."""
        if self._tell is None:
            return None
        answer: asyncio.Future[Choice | None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._open[question.number] = (question, answer)
        self._tell()
        try:
            async with asyncio.timeout(self._limit):
                return await answer
        except TimeoutError:
            return None
        finally:
            with self._lock:
                self._open.pop(question.number, None)
            self._tell()

    def bring_forward(self) -> None:
        """A page wants the question seen. A page that wants it all the time gets it once in a while."""
        now = time.monotonic()
        if self._tell is not None and self._open and now - self._raised >= RAISED:
            self._raised = now
            self._tell()

    def answer(self, number: str, choice: Choice) -> bool:
        """Whether the question was open, and can be answered so."""
        with self._lock:
            found = self._open.get(number)
        if found is None or choice not in found[0].choices:
            return False
        _settle(found[1], choice)
        return True

    def put_off(self, numbers: Collection[str]) -> None:
        """Nobody wants to answer these now."""
        with self._lock:
            found = [answer for number, (_, answer) in self._open.items() if number in numbers]
        for answer in found:
            _settle(answer, None)


def _settle(answer: asyncio.Future[Choice | None], choice: Choice | None) -> None:
    def settle() -> None:
        if not answer.done():
            answer.set_result(choice)

    try:
        answer.get_loop().call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nothing waits
        return
