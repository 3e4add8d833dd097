"""The model that answers in a chat of the built-in view: the endpoint's list to choose from, and the choice, kept with
the chat.

ChatKit's protocol lets a message name a model; these methods say which there are, and remember one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import StringConstraints

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import AppError
from desktop.common.page import Method, NoParams, Params
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.common.checks import endpoint_check
from desktop.pages.common.endpoint_check import EndpointCheck
from desktop.pages.common.services import Services
from desktop.settings.agents import AssistantAgent
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.agents.store.stores import Stores
    from desktop.agents.store.threads import SqliteStore


class ChooseParams(Params):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
    model: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class ModelMethods:
    """`agent_id`: of the page's chats."""

    def __init__(self, services: Services, agent_id: str, check: EndpointCheck | None = None) -> None:
        self._services = services
        self._agent_id = agent_id
        self._check = check

    @property
    def methods(self) -> Mapping[str, Method]:
        return {"models.list": Method(NoParams, self._list), "models.choose": Method(ChooseParams, self._choose)}

    def known(self) -> dict[str, Any]:
        """What is known without asking the endpoint: `{own, models}`. own: the agent's own model, empty for an agent
        that is no assistant; models: the others it names."""
        agent = self._services.settings.current.agent()
        if not isinstance(agent, AssistantAgent):
            return {"own": "", "models": []}
        own = agent.model or DEFAULT_MODEL
        return {"own": own, "models": [model for model in dict.fromkeys(agent.models) if model != own]}

    def _list(self, _: NoParams) -> dict[str, Any]:
        """Ask the agent's endpoint: `{models, error}`. error: why there is no list, else None. Raises AgentNotSet."""
        agent = self._assistant()
        if self._check is None:
            self._check = endpoint_check(self._services)
        try:
            listed = self._check.models_of(agent.endpoint)
        except AppError as error:
            return {"models": [], "error": error.describe(self._services.texts)}
        return {"models": [one.id for one in listed], "error": None}

    def _choose(self, params: ChooseParams) -> None:
        """Answers in this chat are made by `model` from now on. Raises AgentNotSet, ThreadNotFound."""
        agent = self._assistant()

        async def choose(stores: Stores) -> None:
            from chatkit.store import NotFoundError

            try:
                await cast("SqliteStore", stores.threads).note(params.id, agent.id, "model", params.model)
            except NotFoundError:
                raise ThreadNotFound(params.id, thread=params.id[:60]) from None

        self._services.agents.call(choose)

    def _assistant(self) -> AssistantAgent:
        for agent in self._services.settings.current.agents:
            if agent.id == self._agent_id and isinstance(agent, AssistantAgent):
                return agent
        raise AgentNotSet()
