"""The page that asks whether a tool may run, or a code agent's step may continue. It runs no remote script.

It has its own window: OpenAI's script in the chat page can open it, but do nothing in it. It shows one question at a
time, the oldest first, and closes when none is open.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.common.errors import BadParams
from desktop.common.page import Method, NoParams, Page, Params
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.services import Services
from desktop.settings import roster

if TYPE_CHECKING:
    from desktop.agents.chatkit.questions import Question

PIECE = 60_000
"""Characters of the arguments returned by one call."""
WORDS = ("mcp.once", "mcp.chat", "mcp.always", "mcp.reject", "code.approve", "code.reject")
"""Texts shared with the cards in the chat."""

Number = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AnswerParams(Params):
    number: Number
    choice: Literal["once", "chat", "always", "rejected", "approved"]


class PieceParams(Params):
    number: Number
    offset: Annotated[int, Field(ge=0, le=100_000_000)]
    """In characters."""


class ApprovalPage:
    """One for each showing."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._told: set[str] = set()
        """Questions that were open while this page was shown."""

    def page(self) -> Page:
        return Page(
            name="approval",
            html="approval/approval.html",
            files=files_of("approval"),
            methods={
                **help_methods(self._services),
                "approval.start": Method(NoParams, self._start),
                "approval.look": Method(NoParams, self._look),
                "approval.piece": Method(PieceParams, self._piece),
                "approval.answer": Method(AnswerParams, self._answer),
                "approval.close": Method(NoParams, self._close),
            },
            title=self._services.texts.get("approval.title"),
            on_gone=self._gone,
        )

    def _start(self, _: NoParams) -> dict[str, Any]:
        texts = self._services.texts
        words = {name: texts.get(name) for name in WORDS}
        return {
            "texts": {**texts.page("common", "approval"), **words},
            "look": look_of(self._services),
            **self._look(NoParams()),
        }

    def _look(self, _: NoParams) -> dict[str, Any]:
        """`{question, waiting}`: the oldest question (None if there is none) and how many wait after it."""
        waiting = self._services.agents.questions
        with self._lock:
            self._told.update(one.number for one in waiting)
        if not waiting:
            return {"question": None, "waiting": 0}
        asked = waiting[0]
        return {
            "question": {
                "number": asked.number,
                "agent": self._name(asked.agent_id),
                "text": asked.text,
                "server": asked.server,
                "tool": asked.tool,
                "arguments": asked.arguments[:PIECE],
                "next": PIECE if len(asked.arguments) > PIECE else None,
                "total": len(asked.arguments),
                "choices": list(asked.choices),
            },
            "waiting": len(waiting) - 1,
        }

    def _piece(self, params: PieceParams) -> dict[str, Any]:
        """`{text, next}`: a piece of the arguments. `next` is None at the end. Raises BadParams."""
        asked = self._question(params.number)
        end = params.offset + PIECE
        return {"text": asked.arguments[params.offset : end], "next": end if end < len(asked.arguments) else None}

    def _answer(self, params: AnswerParams) -> None:
        """Answer a question. Raises BadParams if it was not asked, or if that is no answer to it."""
        asked = self._question(params.number)
        if not self._services.agents.answer_question(asked.number, params.choice):
            raise BadParams(problem="choice")

    def _close(self, _: NoParams) -> None:
        self._services.app.close_window("approval")

    def _gone(self) -> None:
        """Closed without an answer: nothing runs. The buttons on the cards ask again."""
        with self._lock:
            told = frozenset(self._told)
        self._services.agents.put_off_questions(told)

    def _question(self, number: str) -> Question:
        found = next((one for one in self._services.agents.questions if one.number == number), None)
        if found is None:
            raise BadParams(problem="number")
        return found

    def _name(self, agent_id: str) -> str:
        agent = roster.find(self._services.settings.current.agents, agent_id)
        return (agent.name if agent is not None else "") or self._services.brand.app.name
