"""The source of one answer of an assistant. Knows no chat and no run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.agents.models.endpoints import asked_of
from desktop.settings.agents import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from desktop.openai_api import transport


class ModelTarget:
    """The source of one answer: endpoint, model, client, and facts for explaining failures."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        key: str | None,
        route: transport.Endpoint,
        client: AsyncOpenAI,
        stall: float,
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.key = key
        self.route = route
        self.client = client
        self.asked = asked_of(endpoint, model, key, route, stall)

    @property
    def responses(self) -> bool:
        return self.endpoint.api == "responses"
