"""Questions a person answers outside the chat: in our own window, or at a terminal. The run that asks waits within its
stream.

The chat page runs OpenAI's script, so nothing can be approved there. Lives on the agents' event loop; `waiting`,
`answer` and `put_off` are thread-safe. Knows no chats and no windows.
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
"""Possible answers for a tool call."""
STEP: tuple[Choice, ...] = ("approved", "rejected")
"""Possible answers when a code agent asks for approval."""
RAISED = 1.0
"""Seconds before a page may bring the same question forward again."""


@dataclass(frozen=True)
class Question:
    """A question. Its texts come from others, with invisible characters made visible (`unseen.written_out`)."""

    number: str
    agent_id: str
    thread_id: str
    choices: tuple[Choice, ...]
    text: str = ""
    """A code agent's question; empty if it is about a tool."""
    server: str = ""
    tool: str = ""
    arguments: str = ""
    """Complete, as JSON on several lines."""

    @property
    def is_tool(self) -> bool:
        return bool(self.tool)

    @property
    def name(self) -> str:
        """A short name for it."""
        return f"{self.server}: {self.tool}" if self.is_tool else " ".join(self.text.split())[:120]


class Questions:
    """The open questions, oldest first. `tell` is called on the loop when one is asked, settled or wanted in front, and
    must not block. None if nobody answers outside the chat."""

    def __init__(self, tell: Callable[[], None] | None, limit: float) -> None:
        """`limit`: seconds after which an unanswered question is put off."""
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
        """Ask, and wait for the answer. None if it is put off: the buttons on its card ask again later."""
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
        """Show the question again because a page wants it, but not too often."""
        now = time.monotonic()
        if self._tell is not None and self._open and now - self._raised >= RAISED:
            self._raised = now
            self._tell()

    def answer(self, number: str, choice: Choice) -> bool:
        """Answer a question. False if it isn't open or that is no answer to it."""
        with self._lock:
            found = self._open.get(number)
        if found is None or choice not in found[0].choices:
            return False
        _settle(found[1], choice)
        return True

    def put_off(self, numbers: Collection[str]) -> None:
        """Put these off: nobody wants to answer them now."""
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
    except RuntimeError:  # the loop is closed, so nothing waits
        return
