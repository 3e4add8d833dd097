"""Asks an agent in the app one question, without a window. Prints the answer as it streams."""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from desktop.agents.errors import AnswerFailed, WaitsForPerson
from desktop.common import streams
from desktop.common.errors import AppError, Described, OutputUnwritable, Phrase, UsageError
from desktop.common.output import ReaderGone
from desktop.common.unseen import one_line
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.agents.chatkit.questions import Choice, Question
    from desktop.agents.host import AgentHost
    from desktop.app.context import Context

INPUT_LIMIT = 1_000_000
"""Characters read from standard input. The settings' message limit is far lower."""
ONCE = "once"
"""`--approve once`: approve whatever this answer asks for, this time only."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="the question; - reads it from standard input")
    parser.add_argument("--thread", metavar="ID", help="continue this chat")
    parser.add_argument(
        "--approve",
        metavar="once|TOOL",
        action="append",
        default=[],
        help="what the agent may do without asking: once, all that this answer asks for; or a tool by its name, "
        "NAME or SERVER/NAME; may be given more than once",
    )


def run(context: Context, args: argparse.Namespace) -> int:
    """Exit code 0 with an answer; 1 if the agent fails; 2 if the agent doesn't run in the app; 5 if it waits for a
    person who can't be asked."""
    from desktop.settings.agents import InAppAgent

    agent = context.settings.agent()
    if agent is None:
        return context.fail(AgentNotSet())
    if not isinstance(agent, InAppAgent):
        return context.fail(UsageError(problem=context.texts.get("ask.hosted", agent=agent.name or agent.id)))
    text = streams.read(sys.stdin, INPUT_LIMIT) if args.text == "-" else args.text
    person = _Person(context, getattr(args, "approve", None) or (), agent.name or agent.id)
    talk = _Talk(context, agent.id, person)
    try:
        # For a server's chat, `threads list` shows the agent before the id.
        talk.ask(text, (args.thread or "").removeprefix(f"{agent.id}/") or None)
    except AppError as error:
        return context.fail(error)
    finally:
        talk.close()
    if not context.json:
        context.print()
    if talk.failure is not None:
        if context.json:
            context.print_json({"ok": False, "error": talk.failure})
        else:
            context.warn(" ".join(part for part in (talk.failure["message"], talk.failure["hint"]) if part))
        return 1
    if context.json:
        context.print_json(talk.told())
    elif talk.incomplete:
        context.warn(context.texts.get("ask.incomplete"))
    if talk.waiting:
        return WaitsForPerson.exit_code if context.json else context.fail(WaitsForPerson(problem=talk.waiting[0].name))
    return 0


class _Person:
    """Answers the agent's questions: from the command's options, or by asking at the terminal."""

    def __init__(self, context: Context, approved: Collection[str], agent: str) -> None:
        self._context = context
        self._approved = frozenset(approved)
        self._agent = agent

    def answers(self, question: Question) -> Choice | None:
        """None if there is nobody to ask."""
        from desktop.app.code_consent import asked, can_ask

        yes: Choice = "once" if question.is_tool else "approved"
        names = {ONCE, question.tool, f"{question.server}/{question.tool}"} if question.is_tool else {ONCE}
        if names & self._approved:
            return yes
        if not can_ask(self._context):
            if not self._context.json:
                self._show(question)
            return None
        self._show(question)
        return yes if asked(self._context, self._context.texts.get("code.terminal.approve")) else "rejected"

    def _show(self, question: Question) -> None:
        """Print the whole question: a yes applies to all of it."""
        say, warn = self._context.texts.get, self._context.warn
        heading = "approval.heading_tool" if question.is_tool else "approval.heading_step"
        warn(f"\n{say(heading, agent=one_line(self._agent))}")
        if question.is_tool:
            warn(say("mcp.question", server=question.server, tool=question.tool))
        for part in (question.text, question.arguments):
            if part:
                warn(part)


class _Talk:
    """One message and the events of its answer, until the answer ends or a question stays unanswered."""

    def __init__(self, context: Context, agent_id: str, person: _Person) -> None:
        from desktop.settings.agents import ServerAgent

        self._context = context
        self._agent = agent_id
        self._person = person
        self._is_server = isinstance(context.settings.agent(), ServerAgent)
        self._host: AgentHost = context.agent_host(on_question=self._wake, on_failure=self._failed)
        self._news = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._stream = ""
        self._pending = 0
        self._lost: list[ReaderGone | OutputUnwritable] = []
        """Why nothing can be printed any more."""
        self._message = ""
        self._why: AppError | None = None
        """The failure as an error of the app."""
        self.failure: Described | None = None
        self.text = ""
        self.thread = ""
        self.incomplete: dict[str, str] | None = None
        """Why the answer is incomplete."""
        self.waiting: tuple[Question, ...] = ()
        """Questions that nobody answered."""

    def close(self) -> None:
        self._host.close()

    def told(self) -> dict[str, Any]:
        """`{response, thread_id, timestamp}`, with `incomplete: {reason}` and `waiting: [...]` where they apply."""
        told: dict[str, Any] = {
            "response": self.text,
            "thread_id": self.thread,
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if self.incomplete:
            told["incomplete"] = self.incomplete
        if self.waiting:
            told["waiting"] = [_told(question) for question in self.waiting]
        return told

    def ask(self, text: str, thread: str | None) -> None:
        """Send the message and wait for the end of the answer. Raises AppError."""
        from desktop.agents.chatkit.answers import Stream

        answer = self._host.request(self._agent, _body(text, thread), on_data=self._take, on_end=self._end)
        if not isinstance(answer, Stream):
            return
        with self._lock:
            self._stream, early = answer.id, self._pending
        if early:
            self._host.ack(answer.id, early)
        try:
            while not self._ended.is_set():
                self._news.wait()
                self._news.clear()
                if self._lost:
                    raise self._lost[0]
                self._answer_questions()
        except (KeyboardInterrupt, ReaderGone, OutputUnwritable):
            self._host.cancel(answer.id)
            raise

    def _answer_questions(self) -> None:
        for question in self._host.questions:
            choice = self._person.answers(question)
            if choice is not None:
                self._host.answer_question(question.number, choice)
                continue
            self.waiting = self._host.questions
            self._host.put_off_questions([one.number for one in self.waiting])
            return

    # --- on the agents' thread ------------------------------------------------------------------

    def _wake(self) -> None:
        self._news.set()

    def _end(self) -> None:
        self._ended.set()
        self._news.set()

    def _failed(self, _agent: str, failure: AppError) -> None:
        self._why = failure

    def _take(self, piece: str) -> None:
        """A piece of the stream. Pieces that arrive before the stream's id is known are counted."""
        if self._lost:
            return
        with self._lock:
            stream = self._stream
            if not stream:
                self._pending += 1
        try:
            self._look(json.loads(piece.removeprefix("data: ")))
        except (ReaderGone, OutputUnwritable) as lost:  # on the agents' thread: `ask` raises it instead
            self._lost.append(lost)
            self._news.set()
            return
        if stream:
            self._host.ack(stream, 1)

    def _look(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "thread.created":
            self.thread = str(_of(event.get("thread"), "id"))
        elif kind == "thread.item.done":
            item = event.get("item")
            self.thread = self.thread or str(_of(item, "thread_id"))
            if not self._is_server:
                from desktop.agents.chatkit.unfinished import incomplete_of

                self.incomplete = incomplete_of(event) or self.incomplete
            if _of(item, "type") == "assistant_message":
                parts = _of(item, "content") or []
                self._say("".join(str(_of(part, "text")) for part in parts), whole=True)
        elif kind == "thread.item.updated":
            update = event.get("update")
            if _of(update, "type") == "assistant_message.content_part.text_delta":
                self._say(str(_of(update, "delta")))
        elif kind == "thread.item.removed":
            self._unsay()
        elif kind == "notice" and not self._context.json:
            self._context.warn(re.sub(r"\\(.)", r"\1", str(event.get("message") or "")))  # it is Markdown
        elif kind == "error":
            self.failure = self._explained(event)

    def _explained(self, event: dict[str, Any]) -> Described:
        """An error event as an error of the app. For a server's own error: its words, and whether a retry may help."""
        if self._why is not None:
            return self._why.describe(self._context.texts)
        said = str(event.get("message") or "").strip()
        own = AnswerFailed(
            str(event.get("code") or "")[:100],
            host=self._host_of_answer(),
            problem=one_line(said, 2_000) or Phrase("agent_run.no_words"),
        )
        return {**own.describe(self._context.texts), "retryable": event.get("allow_retry") is True}

    def _host_of_answer(self) -> str:
        from desktop.settings.agents import ServerAgent
        from desktop.settings.origins import host_of

        agent = self._context.settings.agent()
        return host_of(agent.url) if isinstance(agent, ServerAgent) else (getattr(agent, "name", "") or self._agent)

    def _say(self, text: str, *, whole: bool = False) -> None:
        """Print a delta, or a finished message whose beginning may already have arrived as deltas."""
        new = text.removeprefix(self._message) if whole and text.startswith(self._message) else text
        self._message = "" if whole else self._message + text
        self.text += new
        if not self._context.json:
            self._context.write(new)

    def _unsay(self) -> None:
        """Drop the text of the current message: it was the model thinking, not part of the answer."""
        if self._message:
            self.text = self.text.removesuffix(self._message)
            self._message = ""
            if not self._context.json:
                self._context.write("\n\n")


def _of(value: object, name: str) -> Any:
    """A field of what a server sent, whatever its type."""
    found = value.get(name) if isinstance(value, dict) else None
    return "" if found is None else found


def _told(question: Question) -> dict[str, Any]:
    """A question as JSON."""
    try:
        arguments: Any = json.loads(question.arguments or "{}")
    except ValueError:
        arguments = question.arguments
    if question.is_tool:
        return {"kind": "tool", "server": question.server, "tool": question.tool, "arguments": arguments}
    return {"kind": "step", "question": question.text, "detail": question.arguments}


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
