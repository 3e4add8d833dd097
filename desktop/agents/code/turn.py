"""In the child: the state of one turn: messages, questions to the person, and how often agents ran."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Any

from chatkit.types import CustomTask

from desktop.agents.code.protocol import Message
from desktop.agents.code.tools import Tools
from desktop.agents.models.failures import Asked
from desktop.common.texts import Catalogue

Send = Callable[[Message], object]
MOST_SAID = 1_000_000
"""Characters of a turn, like `shown.MOST_TEXT`."""
REQUESTS = 10
"""Requests to a model allowed per run of an agent: a run makes another one after each tool."""
MOST_ASKED = 100_000
"""Characters of a question sent to the app, which says how many it shows."""


class Stopped(BaseException):
    """The person stopped the run while it waited. The file's `except Exception` must not catch it."""


class Endless(BaseException):
    """The file has reached a limit for one message (`key` in the texts, `limit`). Its `except Exception` must not catch
    this."""

    def __init__(self, key: str, limit: int) -> None:
        super().__init__(key)
        self.key, self.limit = key, limit


class Approvals:
    """Open questions. Asked on any thread, answered by the thread that reads the pipe."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._open: dict[str, tuple[threading.Event, list[bool]]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def begin(self) -> None:
        self._stopped = False

    def ask(self, title: str, detail: str = "") -> bool:
        """Block until the person has answered. Raises Stopped."""
        number = secrets.token_urlsafe(24)
        answered = threading.Event()
        answer: list[bool] = []
        with self._lock:
            if self._stopped:
                raise Stopped
            self._open[number] = (answered, answer)
        self._send({"type": "ask", "id": number, "title": _told(title), "detail": _told(detail)})
        answered.wait()
        if not answer:
            raise Stopped
        return answer[0]

    def answer(self, number: str, approved: bool) -> None:
        with self._lock:
            found = self._open.pop(number, None)
        if found is not None:
            self._send({"type": "taken", "id": number})  # before anything that follows from it
            found[1].append(approved)
            found[0].set()

    def stop(self) -> None:
        """End all waits."""
        with self._lock:
            self._stopped = True
            waiting = list(self._open.values())
            self._open.clear()
        for answered, _ in waiting:
            answered.set()


def _told(text: str) -> str:
    """The text of a question for the app, with a mark if shortened."""
    return text if len(text) <= MOST_ASKED else f"{text[:MOST_ASKED]}\n… ({len(text)})"


class Turn:
    """One turn's messages, and the chat before it."""

    def __init__(self, send: Send, texts: Catalogue, approvals: Approvals, asked: Callable[[str], Asked]) -> None:
        self.send = send
        self.texts = texts
        self.approvals = approvals
        self.tools = Tools(send)
        self.asked = asked
        self.text = ""
        self.message: Any = None
        self.history: list[Any] = []
        self.said: list[str] = []
        self.structured: list[Any] = []
        self.refused = False
        self.model = ""
        """The last model asked, as named in the file."""
        self.models: set[str] = set()
        """All models asked in this turn."""
        self.on_asked: Callable[[], None] = lambda: None
        """Called on any thread whenever a model is asked."""
        self.max_runs = 0
        self._runs = 0
        self._requests = 0
        self._numbers = 0

    def begin(self, message: Message) -> None:
        self.text = str(message["text"])
        self.message = message["message"]
        self.history = message["history"]
        self.said = []
        self.structured = []
        self.refused = False
        self.models = set()
        self._runs = 0
        self._requests = 0
        self.approvals.begin()
        self.tools.begin(message.get("tools") or [])

    def asks(self, model: str) -> None:
        """A model is about to be asked, by an agent or by the file itself."""
        self.model = model
        if model:
            self.models.add(model)
            self.on_asked()

    def runs(self) -> None:
        """Count a run of an agent. Raises Endless."""
        self._runs += 1
        if self._runs > self.max_runs > 0:
            raise Endless("code.endless_runs", self.max_runs)

    def requests(self, model: str) -> None:
        """Count a request to a model, by a run or by the file's own client. Raises Endless."""
        self.asks(model)
        self._requests += 1
        most = self.max_runs * REQUESTS
        if self._requests > most > 0:
            raise Endless("code.endless_requests", most)

    def number(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}{self._numbers}"

    # --- to the reader ------------------------------------------------------------------------

    def task(self, key: str, task: Any) -> None:
        self.send({"type": "task", "key": key, "task": task.model_dump(mode="json")})

    def step(self, key: str, title: str, *, done: bool, content: str | None = None) -> None:
        task = CustomTask(title=title[:200], content=content)
        task.status_indicator = "complete" if done else "loading"
        self.task(key, task)

    def say(self, text: str) -> None:
        """Send a whole message. The app reports if it is too long for a chat."""
        text = text[: MOST_SAID + 1]
        key = self.number("m")
        self.send({"type": "text", "key": key, "delta": text})
        self.send({"type": "text_done", "key": key, "text": text, "annotations": []})
        self.said.append(text)

    def approve(self, title: str, detail: str = "") -> bool:
        approved = self.approvals.ask(title, detail)
        self.refused = self.refused or not approved
        return approved

    # --- to the model -------------------------------------------------------------------------

    def remembered(self, given: Any) -> Any:
        """An agent's input. If it begins with this turn's message, the chat so far is put in front."""
        if isinstance(given, str):
            return [*self.history, self.message] if given == self.text and self._more() else given
        if not isinstance(given, list) or not given or not self._is_message(given[0]):
            return given
        return [*self.history, self.message, *given[1:]]

    def _more(self) -> bool:
        return bool(self.history) or not isinstance(self.message.get("content"), str)

    def _is_message(self, item: Any) -> bool:
        if not isinstance(item, dict) or item.get("role") != "user":
            return False
        content = item.get("content")
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        return content == self.text
