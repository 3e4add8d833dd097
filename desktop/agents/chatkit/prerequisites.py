"""Runs that wait until a person enters a token or approves code. Asks once per agent, however many runs wait. Used on
the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from desktop.common.errors import AppError, PageGone

Ask = Callable[[str, AppError], None]
"""Shows the question, given the agent's id and the reason. Must not block."""


class Prerequisites:
    """If `ask` is None, nobody can be asked, and every request fails with its own error."""

    def __init__(self, ask: Ask | None, limit: float) -> None:
        self._ask = ask
        self._limit = limit
        self._open: dict[str, asyncio.Future[bool]] = {}
        self._declined: set[str] = set()
        self._given: Counter[str] = Counter()

    def given(self, agent_id: str) -> int:
        """How many times the person has done it. Read it before an attempt, and pass it to `until_given`."""
        return self._given[agent_id]

    async def until_given(
        self, agent_id: str, reason: AppError, *, since: int, said: bool, wanted: Callable[[], bool]
    ) -> None:
        """Return when the person has done what was asked. Returns at once if they did so after `since` (`given`), while
        the failed attempt was still running. Raises `reason` if they decline; then only a new message (`said`) asks
        again. Raises PageGone if nobody waits any more."""
        if self._given[agent_id] != since:
            return
        if self._ask is None or (agent_id in self._declined and not said and agent_id not in self._open):
            raise reason
        question = self._open.get(agent_id)
        if question is None:
            question = self._open[agent_id] = asyncio.get_running_loop().create_future()
            self._declined.discard(agent_id)
            self._ask(agent_id, reason)
        try:
            given = await asyncio.wait_for(asyncio.shield(question), self._limit)
        except TimeoutError:
            self.answer(agent_id, given=False)
            given = False
        if not given:
            raise reason
        if not wanted():
            raise PageGone

    def answer(self, agent_id: str, *, given: bool) -> None:
        """The person has done it or declined. Does nothing without an open question."""
        if given:
            self._given[agent_id] += 1
            self._declined.discard(agent_id)
        question = self._open.pop(agent_id, None)
        if question is None:
            return
        if not given:
            self._declined.add(agent_id)
        if not question.done():
            question.set_result(given)
