"""Notices before a model is retired: reads the endpoint's list of models beside an answer, once a day.

Lives on the agents' loop. Shows nothing twice, and never waits for the list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from desktop.agents.errors import ModelEnds
from desktop.agents.models import retirements
from desktop.agents.models.endpoints import is_openai

if TYPE_CHECKING:
    from desktop.agents.models.target import ModelTarget

Lookup = asyncio.Task[dict[str, date]]


class Endings:
    """The notices for all endpoints. `today` is called at every answer."""

    def __init__(self, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._today = today
        self._lookups: dict[tuple[str, str | None], tuple[date, Lookup]] = {}
        self._told: set[tuple[str, str]] = set()

    def look_up(self, target: ModelTarget) -> None:
        """Fetch the list in the background if it says when models end, as OpenAI's does."""
        name, today = (target.endpoint.base_url, target.key), self._today()
        known = self._lookups.get(name)
        if is_openai(target.endpoint) and (known is None or known[0] != today):
            self._lookups[name] = (today, asyncio.get_running_loop().create_task(_ends(target)))

    def due(self, target: ModelTarget) -> ModelEnds | None:
        """The notice that an answer's model ends soon. None if it does not, was already shown, or is not known yet."""
        known = self._lookups.get((target.endpoint.base_url, target.key))
        if known is None or not known[1].done() or known[1].cancelled():
            return None
        days = retirements.ending([target.model], known[1].result(), self._today())
        told = (target.endpoint.base_url, target.model)
        if target.model not in days or told in self._told:
            return None
        self._told.add(told)
        return ModelEnds(model=target.model, day=days[target.model].isoformat())

    def close(self) -> None:
        """Cancel pending requests."""
        for _, lookup in self._lookups.values():
            lookup.cancel()


async def _ends(target: ModelTarget) -> dict[str, date]:
    try:
        return retirements.ends([model.model_dump() async for model in target.client.models.list()])
    except Exception:  # noqa: BLE001 - whatever it is: the answer itself tells what is wrong
        return {}
