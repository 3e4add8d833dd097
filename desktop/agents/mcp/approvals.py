"""Approval of tools: what was allowed, and the card that asks (once, in this chat, always, or not). Needs only
`chatkit.types`.

On our own page, a card is answered by its buttons. On a page that runs OpenAI's script it has one button, which brings
our window forward (`chatkit/questions.py`).
"""

from __future__ import annotations

import json
import logging
import re
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from chatkit.types import NoticeEvent, ThreadItemReplacedEvent, WidgetItem
from chatkit.widgets import DynamicWidgetRoot

from desktop.agents.chatkit.questions import TOOL, Choice, Question
from desktop.agents.sources import Sources
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.common.unseen import name_written_out, written_out
from desktop.settings.mcp import McpServer, same_server

if TYPE_CHECKING:
    from desktop.agents.mcp.types import Tool

log = logging.getLogger(__name__)

ONCE, CHAT, ALWAYS, REJECT, AGAIN = "mcp.once", "mcp.chat", "mcp.always", "mcp.reject", "mcp.again"
OPEN = "approval.open"
"""Actions of a card's buttons; the payload is {"id": …}."""
MOST_CHATS = 500
MOST_SHOWN = 4_000
"""Characters of the arguments shown on a card, which says if they were shortened."""

WIDTH = 44
"""Characters of a line of the arguments."""

State = Literal["asked", "apart", "once", "chat", "always", "rejected", "approved", "expired"]
CHOICES: dict[str, Choice] = {ONCE: "once", CHAT: "chat", ALWAYS: "always", REJECT: "rejected"}


class Approvals:
    """Approved tools: always, from the settings; for a chat, as long as the app runs."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._chats: OrderedDict[str, list[tuple[McpServer, Tool]]] = OrderedDict()
        self._unkept: list[tuple[McpServer, Tool]] = []
        """Always allowed but not saved, so only as long as the app runs."""

    def allowed(self, agent_id: str, thread_id: str, server: McpServer, tool: Tool) -> bool:
        """Whether the tool may run without asking. Not if the approval was withdrawn in the settings, or if the server
        now describes the tool differently."""
        if not tool.digest:
            return False
        always = [(one, yes.tool, yes.digest) for one in self._sources.mcp_servers(agent_id) for yes in one.always]
        others = [(one, known.name, known.digest) for one, known in (*self._chats.get(thread_id, ()), *self._unkept)]
        return any(
            (one.id, name, digest) == (server.id, tool.name, tool.digest) and same_server(one, server)
            for one, name, digest in (*always, *others)
        )

    def remember(self, choice: Choice, thread_id: str, server: McpServer, tool: Tool) -> AppError | None:
        """Keep the answer. Returns the error if "always" could not be saved; it then holds until the app ends."""
        if choice == "chat":
            self._chats.setdefault(thread_id, []).append((server, tool))
            while len(self._chats) > MOST_CHATS:
                self._chats.popitem(last=False)
        if choice == "always":
            try:
                self._sources.mcp_always(server, tool.name, tool.digest)
            except AppError as error:
                log.warning("what was approved for always was not saved: %s", error.code)
                self._unkept.append((server, tool))
                return error
        return None


def item(
    texts: Catalogue,
    thread_id: str,
    item_id: str,
    server: str,
    tool: str,
    arguments: str,
    number: str,
    *,
    apart: bool = False,
) -> WidgetItem:
    """The question as an item of the chat. `apart`: asked in a separate window."""
    question = texts.get("mcp.question", server=name_written_out(server), tool=name_written_out(tool))
    shown = pretty(arguments)
    return WidgetItem(
        id=item_id,
        thread_id=thread_id,
        created_at=datetime.now(),  # noqa: DTZ005 - as every item of the SDK; the store knows it as local time
        widget=card(texts, question, shown, number, "apart" if apart else "asked"),
        copy_text=f"{question}\n{shown}",
    )


def card(texts: Catalogue, question: str, arguments: str, number: str, state: State) -> DynamicWidgetRoot:
    """The card a run waits for. Both ChatKit and the built-in view show it and send its actions."""
    say = texts.get
    children: list[dict[str, Any]] = [
        {"type": "Title", "size": "sm", "value": say("mcp.approval")},
        {"type": "Text", "id": "question", "weight": "semibold", "value": question[:400]},
    ]
    if arguments:
        children.append({"type": "Markdown", "id": "arguments", "value": fenced(arguments)})
    buttons: list[tuple[str, str, str]] = []
    if state == "asked":
        buttons = [
            (say("mcp.once"), "primary", ONCE),
            (say("mcp.chat"), "secondary", CHAT),
            (say("mcp.always"), "secondary", ALWAYS),
            (say("mcp.reject"), "secondary", REJECT),
        ]
    elif state == "apart":
        children.append({"type": "Text", "id": "state", "value": say("approval.apart")})
        buttons = [(say("approval.open"), "primary", OPEN)]
    else:
        told = {
            "once": "mcp.approved_once",
            "chat": "mcp.approved_chat",
            "always": "mcp.approved_always",
            "rejected": "mcp.rejected",
            "expired": "mcp.expired",
        }[state]
        children.append({"type": "Text", "id": "state", "weight": "semibold", "value": say(told)})
        if state == "expired" and number:
            buttons = [(say("mcp.ask_again"), "secondary", AGAIN)]
    return with_buttons(children, buttons, number)


def with_buttons(children: list[dict[str, Any]], buttons: list[tuple[str, str, str]], number: str) -> DynamicWidgetRoot:
    """A card of `children` and a row of buttons below them (label, style, action), each about the question `number`."""
    made = [
        {
            "type": "Button",
            "label": label,
            "style": style,
            "onClickAction": {"type": action, "payload": {"id": number}},
        }
        for label, style, action in buttons
    ]
    row = [{"type": "Row", "gap": 2, "wrap": "wrap", "children": made}] if made else []
    return DynamicWidgetRoot.model_validate({"type": "Card", "size": "sm", "children": [*children, *row]})


def answered(asked: WidgetItem, texts: Catalogue, state: State, number: str = "") -> ThreadItemReplacedEvent:
    """The card with its answer instead of its buttons. `number`: an expired card offers to ask again."""
    question, arguments = _words(asked)
    return ThreadItemReplacedEvent(
        item=asked.model_copy(update={"widget": card(texts, question, arguments, number, state)})
    )


def question(agent_id: str, thread_id: str, number: str, server: str, tool: str, arguments: str) -> Question:
    """The same question for our own window: complete, with nothing hidden."""
    return Question(
        number=number,
        agent_id=agent_id,
        thread_id=thread_id,
        choices=TOOL,
        server=name_written_out(server),
        tool=name_written_out(tool),
        arguments=laid_out(arguments),
    )


def actions(widget: Any) -> list[str]:
    """The actions of a card's buttons."""
    found = []
    for child in widget.model_dump().get("children") or []:
        for button in child.get("children") or [] if child.get("type") == "Row" else []:
            action = button.get("onClickAction")
            found += [str(action.get("type"))] if button.get("type") == "Button" and isinstance(action, dict) else []
    return found


def is_asking(asked: WidgetItem) -> bool:
    """Whether it is a card about a tool that still has its buttons."""
    return bool({ONCE, OPEN} & set(actions(asked.widget)))


def laid_out(arguments: str) -> str:
    """Indented JSON, complete. Text that isn't JSON is unchanged. Empty if there are no arguments."""
    try:
        text = json.dumps(json.loads(arguments), ensure_ascii=False, indent=2) if arguments.strip() else ""
    except (ValueError, RecursionError):
        text = arguments
    return "" if text == "{}" else written_out(text)


def pretty(arguments: str) -> str:
    """Like `laid_out`, within a card's limits."""
    text = laid_out(arguments)
    return within("\n".join(part for line in text.split("\n") for part in _folded(line)), len(text))


def within(text: str, length: int = 0) -> str:
    """A text as a card shows it: all of it, or its beginning and its length. `length`: of the text before folding."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}\n… ({length or len(text)})"


def _folded(line: str) -> list[str]:
    """Fold a long line so that nothing is hidden, between words if possible. Continuations are indented further, so
    that part of a value can't look like a name."""
    begins = len(line) - len(line.lstrip(" "))
    indent = " " * (min(begins, WIDTH // 4) + 4)
    lines = []
    while len(line) > WIDTH:
        at = line.rfind(" ", WIDTH // 2, WIDTH) + 1 or WIDTH
        lines.append(line[:at])
        line = indent + line[at:]
    return [*lines, line]


def fenced(text: str, kind: str = "json") -> str:
    """As a code block, so that no argument is rendered as Markdown or looks like our own text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


def unfenced(text: str) -> str:
    """The inverse of `fenced`; empty if it wasn't."""
    body = re.fullmatch(r"(`{3,})json\n(.*)\n\1", text, re.DOTALL)
    return body[2] if body else ""


def notice(error: AppError, texts: Catalogue) -> NoticeEvent:
    """An error that does not end the answer. It may quote a server, so it is not rendered as Markdown."""
    told = error.describe(texts)
    escaped = re.sub(r"([\\`*_\[\]<>])", r"\\\1", f"{told['message']} {told['hint']}")
    return NoticeEvent(level="warning", message=escaped)


def _words(asked: WidgetItem) -> tuple[str, str]:
    found: dict[str, str] = {}
    for child in asked.widget.model_dump().get("children") or []:
        found[str(child.get("id"))] = str(child.get("value") or "")
    return found.get("question", ""), unfenced(found.get("arguments", ""))
