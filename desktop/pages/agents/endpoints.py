"""Endpoints on the agents page: checked by real calls, listed with their models, removed with their keys.

The page can set a key but never gets one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.agents.errors import ModelEnds
from desktop.agents.models import retirements
from desktop.common.errors import AppError, Phrase
from desktop.common.page import Method, Params
from desktop.keys.errors import KeyringInsecure, KeyringMissing
from desktop.pages.common.check_run import FieldError
from desktop.pages.common.checks import CancelParams, Typed, endpoint_check, told
from desktop.pages.common.endpoint_check import EndpointCheck, EndpointDraft, clean_address
from desktop.pages.common.fields import lock_of
from desktop.pages.common.key_status import key_status
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, CodeAgent, Endpoint
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.origins import host_of, origin_of

MOST_ENDPOINTS = 50

Id = Annotated[str, StringConstraints(max_length=64)]


class IdParams(Params):
    id: Id


class EndpointParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    id: Id = ""
    """Empty for a new one."""
    name: Typed = ""
    address: Typed
    api: Literal["responses", "chat_completions"] = "chat_completions"
    key: Typed = ""
    model: Typed = ""
    """The model to try if the endpoint has no list of models."""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    plain: bool = False
    """Whether the person has just allowed http on their own network."""


class EndpointMethods:
    """`state()`: what the page shows about all agents."""

    def __init__(
        self, services: Services, state: Callable[[], dict[str, Any]], check: EndpointCheck | None = None
    ) -> None:
        self._services = services
        self._state = state
        self._endpoints = check or endpoint_check(services)

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "agents.models": Method(IdParams, self._models),
            "endpoints.save": Method(EndpointParams, self._save_endpoint),
            "endpoints.cancel": Method(CancelParams, self._cancel),
            "endpoints.key": Method(IdParams, self._key),
            "endpoints.remove_key": Method(IdParams, self._remove_key),
            "endpoints.remove": Method(IdParams, self._remove_endpoint),
        }

    def gone(self) -> None:
        """The page is gone: end a running check without saving."""
        self._endpoints.gone()

    def all(self) -> list[dict[str, Any]]:
        """What the page shows about each endpoint, OpenAI's first."""
        return [self._endpoint(one) for one in (self._built_in(), *self._services.settings.current.endpoints)]

    def _built_in(self) -> Endpoint:
        base = self._services.settings.current.network.api_base
        return Endpoint(id=OPENAI_ENDPOINT, base_url=base, api="responses", needs_key=True)

    def _endpoint(self, endpoint: Endpoint) -> dict[str, Any]:
        agents = self._services.settings.current.agents
        users = sum(1 for one in agents if isinstance(one, (AssistantAgent, CodeAgent)) and one.endpoint == endpoint.id)
        host = host_of(endpoint.base_url)
        return {
            "id": endpoint.id,
            "name": endpoint.name or (host if endpoint.id != OPENAI_ENDPOINT else ""),
            "own_name": endpoint.name,
            "address": endpoint.base_url,
            "host": host,
            "api": endpoint.api,
            "built_in": endpoint.id == OPENAI_ENDPOINT,
            "users": users,
        }

    def _models(self, params: IdParams) -> dict[str, Any]:
        """An endpoint's models: `{models, problem, ending}`. `problem`: why there is no list. `ending`: a sentence for
        each model that will be retired soon."""
        if self._endpoint_of(params.id) is None:
            return {"models": [], "problem": self._services.texts.get("agents.endpoint_missing")}
        try:
            listed = self._endpoints.models_of(params.id)
        except AppError as error:
            return {"models": [], "problem": error.describe(self._services.texts)["message"]}
        days = {one.id: one.ends for one in listed if one.ends is not None}
        ending = retirements.ending(days, days, datetime.now(UTC).date())
        told = {model: ModelEnds(model=model, day=day.isoformat()) for model, day in ending.items()}
        return {
            "models": [one.id for one in listed],
            "problem": "",
            "ending": {model: error.describe(self._services.texts)["message"] for model, error in told.items()},
        }

    def _save_endpoint(self, params: EndpointParams) -> dict[str, Any]:
        """Check by real calls, then save. `{error, can_save, cancelled, models, id, state}`."""
        self._endpoints_unlocked()
        settings = self._services.settings.current
        known = roster.find(settings.endpoints, params.id)
        drafted: list[EndpointDraft] = []

        def wanted() -> EndpointDraft:
            address, _ = clean_address(params.address)
            same = [one for one in settings.endpoints if one.base_url == address and one.api == params.api]
            if any(one.id != params.id for one in same):
                raise FieldError("address", Phrase("agents.endpoint_twice"))
            if known is None and len(settings.endpoints) >= MOST_ENDPOINTS:
                raise FieldError("address", Phrase("agents.most_endpoints", {"limit": MOST_ENDPOINTS}))
            draft = self._endpoints.draft(
                key=params.key,
                address=params.address,
                api=params.api,
                known=known,
                model=params.model,
                plain=params.plain,
            )
            draft = replace(draft, endpoint=draft.endpoint.model_copy(update={"name": params.name.strip()[:60]}))
            drafted.append(draft)
            return draft

        outcome = self._endpoints.run(params.number, wanted, params.keep, unchecked=params.unchecked)
        done = outcome.error is None and not outcome.cancelled
        if done:
            active = self._services.settings.current.agent()
            if isinstance(active, (AssistantAgent, CodeAgent)) and active.endpoint == drafted[-1].endpoint.id:
                self._services.app.reload_chat()
        return {
            **told(outcome, self._services.texts),
            "models": list(self._endpoints.models),
            "id": drafted[-1].endpoint.id if done else "",
            "state": self._state(),
        }

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._endpoints.cancel(params.number)}

    def _key(self, params: IdParams) -> dict[str, Any]:
        """The state of an endpoint's key; never the key itself."""
        endpoint = self._endpoint_of(params.id)
        if endpoint is None:
            raise AgentNotSet()
        return key_status(self._services, endpoint.base_url)

    def _remove_key(self, params: IdParams) -> dict[str, Any]:
        endpoint = roster.find(self._services.settings.current.endpoints, params.id)
        if endpoint is None:
            raise AgentNotSet()
        self._forget_key(endpoint)
        return key_status(self._services, endpoint.base_url)

    def _remove_endpoint(self, params: IdParams) -> dict[str, Any]:
        """Remove the endpoint, and its key unless another one in the settings has the same origin."""
        self._endpoints_unlocked()
        settings = self._services.settings.current
        endpoint = roster.find(settings.endpoints, params.id)
        if endpoint is None:
            raise AgentNotSet()
        origin = origin_of(endpoint.base_url)
        others = [settings.network.api_base, *(one.base_url for one in roster.without(settings.endpoints, params.id))]
        if all(origin_of(other) != origin for other in others):
            self._forget_key(endpoint)
        self._services.settings.change(lambda now: {"endpoints": roster.without(now.endpoints, params.id)})
        return self._state()

    def _forget_key(self, endpoint: Endpoint) -> None:
        services, origin = self._services, origin_of(endpoint.base_url)
        try:
            services.keys.remove(origin)
        except (KeyringMissing, KeyringInsecure):
            pass  # without a keyring, nothing was stored

    def _endpoint_of(self, endpoint_id: str) -> Endpoint | None:
        if endpoint_id == OPENAI_ENDPOINT:
            return self._built_in()
        return roster.find(self._services.settings.current.endpoints, endpoint_id)

    def _endpoints_unlocked(self) -> None:
        if lock_of(self._services.settings, "endpoints"):
            raise SettingsInvalid(name="endpoints", problem=Phrase("problems.fixed"))
