"""The key and the proxy's password on the settings page. The page can set them but never gets them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import AppError, Phrase
from desktop.common.page import Method, NoParams, Params
from desktop.keys import PROXY_SECRET
from desktop.keys.errors import KeyMissing, KeyringInsecure, KeyringMissing, KeyShape
from desktop.pages.common.checks import CancelParams, Typed, told
from desktop.pages.common.endpoint_check import EndpointCheck, EndpointDraft
from desktop.pages.common.key_status import key_status
from desktop.pages.common.services import Services
from desktop.pages.setup.first_check import Draft, FirstCheck
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent
from desktop.settings.origins import origin_of


class KeyParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    key: Typed
    keep: Literal["keyring", "session"] = "keyring"
    plain: bool = False
    """Whether the person has just allowed http on their own network."""


class PasswordParams(Params):
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class KeyMethods:
    """A new key is checked with `first` if the agent is a hosted workflow, otherwise with `endpoints`."""

    def __init__(self, services: Services, first: FirstCheck, endpoints: EndpointCheck) -> None:
        self._services = services
        self._first = first
        self._endpoints = endpoints

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "key.status": Method(NoParams, self._key_status),
            "key.replace": Method(KeyParams, self._replace_key),
            "key.cancel": Method(CancelParams, self._cancel_key),
            "key.remove": Method(NoParams, self._remove_key),
            "proxy.save_password": Method(PasswordParams, self._save_password),
            "proxy.remove_password": Method(NoParams, self._remove_password),
        }

    def _key_status(self, _: NoParams) -> dict[str, Any]:
        """The key's state, and whether there is a proxy password."""
        status = key_status(self._services)
        try:
            password = self._services.keys.secret(PROXY_SECRET) is not None
        except AppError:
            password = False  # the key's status already reports the keyring's problem
        return {**status, "proxy_password": password}

    def _replace_key(self, params: KeyParams) -> dict[str, Any]:
        """Check the new key, then replace the old one. If that fails, the old one stays. `{error, can_save,
        cancelled}`."""

        def wanted() -> Draft:
            if not params.key.strip():
                raise KeyShape(problem=Phrase("settings.key_empty"))
            return self._first.draft(key=params.key, plain=params.plain)

        if self._services.settings.current.workflow() is None:
            outcome = self._endpoints.run(params.number, lambda: self._key_draft(params), params.keep)
        else:
            outcome = self._first.run(params.number, wanted, params.keep)
        if outcome.error is None and not outcome.cancelled:
            self._services.app.reload_chat()
        return {**told(outcome, self._services.texts), "can_save": False}

    def _key_draft(self, params: KeyParams) -> EndpointDraft:
        """Without a workflow, a key is checked by listing its models."""
        if not params.key.strip():
            raise KeyShape(problem=Phrase("settings.key_empty"))
        agent = self._services.settings.current.agent()
        ours = isinstance(agent, AssistantAgent) and agent.endpoint == OPENAI_ENDPOINT
        model = (agent.model or DEFAULT_MODEL) if ours and isinstance(agent, AssistantAgent) else ""
        return self._endpoints.draft(key=params.key, model=model, plain=params.plain)

    def _cancel_key(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._first.cancel(params.number) or self._endpoints.cancel(params.number)}

    def _remove_key(self, _: NoParams) -> dict[str, Any]:
        """End the sessions, delete the key (the key store reads again to make sure), and ask for a new one."""
        services = self._services
        origin = origin_of(services.settings.current.network.api_base)
        services.keeper.cancel_all()
        services.keys.remove(origin)
        services.keeper.forget()
        services.app.emit("chat", "key.removed", KeyMissing(origin=origin).describe(services.texts))
        services.app.show_setup()
        return key_status(services)

    def _save_password(self, params: PasswordParams) -> dict[str, Any]:
        """Keep the proxy's password in the keyring, or for this session if there is none."""
        keys = self._services.keys
        try:
            keys.save_secret(PROXY_SECRET, params.password)
            where = "keyring"
        except (KeyringMissing, KeyringInsecure):
            keys.save_secret(PROXY_SECRET, params.password, keep="session")
            where = "session"
        self._services.keeper.forget()
        return {"where": where}

    def _remove_password(self, _: NoParams) -> None:
        self._services.keys.remove_secret(PROXY_SECRET)
        self._services.keeper.forget()
