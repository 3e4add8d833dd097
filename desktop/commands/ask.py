"""Ask an agent inside the app one question, without a window; the answer is written as it comes."""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop.errors import AgentNotSet, AppError, Described, UsageError

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.context import Context

YES = ("code.approve", "mcp.once")
"""Actions of a code agent's question (`agents/code/shown.py`), and of one about a tool (`agents/mcp/approvals.py`)."""
NO = ("code.reject", "mcp.reject")
INPUT_LIMIT = 1_000_000
"""Characters read from standard input; the message limit of the settings is far below."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="the question; - reads it from standard input")
    parser.add_argument("--thread", metavar="ID", help="go on with this chat")


def run(context: Context, args: argparse.Namespace) -> int:
    """Exit code 0 with an answer; 1 where the agent fails; 2 where the agent doesn't run in the app."""
    from desktop.settings.agents import InAppAgent

    agent = context.settings.agent()
    if agent is None:
        return context.fail(AgentNotSet())
    if not isinstance(agent, InAppAgent):
        return context.fail(UsageError(problem=context.texts.get("ask.hosted", agent=agent.name or agent.id)))
    text = sys.stdin.read(INPUT_LIMIT) if args.text == "-" else args.text
    host = context.agent_host()
    question = _Question(host, agent.id, context)
    try:
        # Of a server's chat, `threads list` puts the agent before the id.
        question.ask(text, (args.thread or "").removeprefix(f"{agent.id}/") or None)
        while question.card is not None and question.failure is None:
            question.answer()
    except AppError as error:
        return context.fail(error)
    finally:
        host.close()
    if not context.json:
        context.print()
    if question.failure is not None:
        if context.json:
            context.print_json({"ok": False, "error": question.failure})
        else:
            context.warn(question.failure["message"])
        return 1
    if context.json:
        context.print_json(
            {
                "response": question.text,
                "thread_id": question.thread,
                "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
                **({"incomplete": question.incomplete} if question.incomplete else {}),
            }
        )
    return 0


class _Question:
    """One message and the events that answer it."""

    def __init__(self, host: AgentHost, agent_id: str, context: Context) -> None:
        self._host = host
        self._agent = agent_id
        self._context = context
        self._ended = threading.Event()
        self._stream = ""
        self._pending: list[str] = []
        self._lock = threading.Lock()
        self._message = ""
        self.failure: Described | None = None
        self.text = ""
        self.thread = ""
        self.incomplete: dict[str, str] | None = None
        """Why the answer is not all there is: {"reason": …}."""
        self.card: dict[str, Any] | None = None
        """A question that is open."""

    def ask(self, text: str, thread: str | None) -> None:
        """Send, and wait for the end of the answer. Raises AppError."""
        self._send(_body(text, thread))

    def answer(self) -> None:
        """Ask the person what the agent asks, and go on; where nobody can be asked, the answer is no."""
        from desktop.code_consent import asked, can_ask

        card, self.card = self.card, None
        if card is None:
            return
        say = self._context.texts.get
        buttons: dict[str, dict[str, Any]] = {}
        for child in card["widget"]["children"]:
            if child.get("type") in ("Text", "Markdown") and not self._context.json:
                self._context.warn(str(child.get("value", "")))
            for button in child.get("children", ()):
                buttons[button["onClickAction"]["type"]] = button["onClickAction"]
        if not self._context.json and not can_ask(self._context):
            self._context.warn(say("code.terminal.rejected_unasked"))
        wanted = YES if asked(self._context, say("code.terminal.approve")) else NO
        action = next(button for name, button in buttons.items() if name in wanted)
        params = {"thread_id": card["thread_id"], "item_id": card["id"], "action": action}
        self._send(json.dumps({"type": "threads.custom_action", "params": params}))

    def _send(self, body: str) -> None:
        from desktop.agents.answers import Stream

        with self._lock:
            self._stream, self._pending = "", []
        self._ended.clear()
        answer = self._host.request(self._agent, body, on_data=self._take, on_end=self._ended.set)
        if isinstance(answer, Stream):
            with self._lock:
                self._stream, waiting = answer.id, len(self._pending)
            if waiting:
                self._host.ack(answer.id, waiting)
            try:
                self._ended.wait()
            except KeyboardInterrupt:
                self._host.cancel(answer.id)
                raise

    def _take(self, piece: str) -> None:
        """A piece of the stream, on the agents' thread; what comes before the stream has its name is counted."""
        with self._lock:
            stream = self._stream
            if not stream:
                self._pending.append(piece)
        event = json.loads(piece.removeprefix("data: "))
        self._look(event)
        if stream:
            self._host.ack(stream, 1)

    def _look(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "thread.created":
            self.thread = event["thread"]["id"]
        elif kind == "thread.item.done":
            self.thread = self.thread or event["item"].get("thread_id", "")
            self._look_for_the_end(event)
            if event["item"].get("type") == "widget" and any(name in json.dumps(event["item"]) for name in YES):
                self.card = event["item"]
            if event["item"].get("type") == "assistant_message":
                self._say("".join(part.get("text", "") for part in event["item"]["content"]), whole=True)
        elif kind == "thread.item.updated":
            update = event["update"]
            if update.get("type") == "assistant_message.content_part.text_delta":
                self._say(update["delta"])
        elif kind == "notice" and not self._context.json:
            self._context.warn(re.sub(r"\\(.)", r"\1", str(event.get("message") or "")))  # it is Markdown
        elif kind == "error":
            # Already in the person's language: the page would show it as it is.
            self.failure = {
                "code": str(event.get("code", "")),
                "message": str(event.get("message") or ""),
                "hint": "",
                "retryable": bool(event.get("allow_retry")),
                "field": None,
                "detail": "",
            }

    def _look_for_the_end(self, event: dict[str, Any]) -> None:
        """The mark of an answer that is not finished, in the person's words on the terminal."""
        from desktop.agents.unfinished import incomplete_of

        told = incomplete_of(event)
        if told is not None:
            self.incomplete = told
            if not self._context.json:
                self._context.warn("\n" + str(event["item"].get("copy_text") or ""))

    def _say(self, text: str, *, whole: bool = False) -> None:
        """A delta, or a finished message whose beginning may have come in deltas already."""
        new = text.removeprefix(self._message) if whole and text.startswith(self._message) else text
        self._message = "" if whole else self._message + text
        self.text += new
        if not self._context.json:
            self._context.write(new)


def _body(text: str, thread: str | None) -> str:
    message: dict[str, Any] = {
        "content": [{"type": "input_text", "text": text}],
        "attachments": [],
        "quoted_text": None,
        "inference_options": {},
    }
    if thread:
        return json.dumps({"type": "threads.add_user_message", "params": {"thread_id": thread, "input": message}})
    return json.dumps({"type": "threads.create", "params": {"input": message}})
