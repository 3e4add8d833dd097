"""Runs that wait for a person, a token or a yes to code: one question an agent, however many wait. On the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from desktop.common.errors import AppError, PageGone

Ask = Callable[[str, AppError], None]
"""Shows the question: the agent's id, and why it is asked. Must not block."""


class Prerequisites:
    """`ask` None: nobody can be asked, and every request fails with its own error."""

    def __init__(self, ask: Ask | None, limit: float) -> None:
        self._ask = ask
        self._limit = limit
        self._open: dict[str, asyncio.Future[bool]] = {}
        self._declined: set[str] = set()
        self._given: Counter[str] = Counter()

    def given(self, agent_id: str) -> int:
        """How often the person has done it. Read it before the try, and hand it to `until_given`."""
        return self._given[agent_id]

    async def until_given(
        self, agent_id: str, reason: AppError, *, since: int, said: bool, wanted: Callable[[], bool]
    ) -> None:
        """Returns when the person has done what was asked for: at once, where they did after `since` (`given`), which
        is while the try that failed was on its way. Raises `reason` where they do not want to now: then only what
        somebody says (`said`) asks again. Raises PageGone where nobody waits any more."""
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
        """The person has done it, or does not want to. Without an open question, nothing is waiting for it."""
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
