"""ChatKit servers on the agents page: added and changed with a form that is checked by a real call first.

The page can set a token but never gets one. The page itself handles the other fields (name, greeting, prompts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.common.page import Method, Params
from desktop.keys.errors import KeyStoreError
from desktop.pages.common.checks import CancelParams, Typed, told
from desktop.pages.common.server_check import LONGEST_TOKEN, ServerCheck, ServerDraft, forget_token, lines_of
from desktop.pages.common.services import Services
from desktop.pages.token.page import server_check
from desktop.settings import roster
from desktop.settings.agents import ServerAgent
from desktop.settings.errors import AgentNotSet
from desktop.settings.origins import host_of
from desktop.settings.servers import server_secret


class IdParams(Params):
    id: Annotated[str, StringConstraints(max_length=64)]


class ServerParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    id: Annotated[str, StringConstraints(max_length=64)] = ""
    """Empty for a new one."""
    name: Typed = ""
    """For a new one. Later, it is saved like every agent's name."""
    url: Typed
    token: Annotated[str, StringConstraints(max_length=2 * LONGEST_TOKEN)] = ""
    headers: Annotated[str, StringConstraints(max_length=50_000)] = ""
    token_header: Typed = ""
    attachments: bool = False
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    plain: bool = False
    """Whether the person has just allowed http on their own network."""


class ServerMethods:
    """`state()`: what the page shows about all agents. `unlocked()` raises if nothing can be changed."""

    def __init__(
        self,
        services: Services,
        state: Callable[[], dict[str, Any]],
        unlocked: Callable[[str], None],
        check: ServerCheck | None = None,
    ) -> None:
        self._services = services
        self._state = state
        self._unlocked = unlocked
        self._check = check or server_check(services)

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "servers.get": Method(IdParams, self._get),
            "servers.save": Method(ServerParams, self._save, limit=128 * 1024),
            "servers.cancel": Method(CancelParams, self._cancel),
            "servers.remove_token": Method(IdParams, self._remove_token),
        }

    def gone(self) -> None:
        """The page is gone: end a running check without saving."""
        self._check.gone()

    def _get(self, params: IdParams) -> dict[str, Any]:
        """`{url, host, headers, token_header, attachments, token}`. `token` only says whether there is one, and where.
        May wait for the keyring."""
        agent = self._agent(params.id)
        return {
            "url": agent.url,
            "host": host_of(agent.url),
            "headers": lines_of(agent.headers),
            "token_header": agent.token_header,
            "attachments": agent.attachments,
            "token": self._token(agent),
        }

    def _save(self, params: ServerParams) -> dict[str, Any]:
        """Check by a real call, then save. `{error, can_save, cancelled, id, state}`."""
        self._unlocked(params.id)
        services = self._services
        settings = services.settings.current
        known = self._agent(params.id) if params.id else None
        active, first = settings.agent(), not settings.agents
        drafted: list[ServerDraft] = []

        def wanted() -> ServerDraft:
            given: dict[str, Any] = {
                "url": params.url,
                "headers": params.headers,
                "token_header": params.token_header,
                "attachments": params.attachments,
            }
            if known is None:
                given["name"] = params.name.strip()[:60]
            drafted.append(self._check.draft(known, given, params.token, plain=params.plain))
            return drafted[-1]

        outcome = self._check.run(params.number, wanted, params.keep, unchecked=params.unchecked)
        done = outcome.error is None and not outcome.cancelled
        if done and first:
            services.app.show_chat()
        elif done and known is not None and active is not None and active.id == known.id and drafted[-1].agent != known:
            services.app.reload_chat()
        return {
            **told(outcome, services.texts),
            "id": drafted[-1].agent.id if done else "",
            "state": self._state(),
        }

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._check.cancel(params.number)}

    def _remove_token(self, params: IdParams) -> dict[str, Any]:
        agent = self._agent(params.id)
        forget_token(self._services.keys, agent)
        return self._token(agent)

    def _token(self, agent: ServerAgent) -> dict[str, Any]:
        """`{present, store, problem}`."""
        keys = self._services.keys
        try:
            present, problem = bool(keys.secret(server_secret(agent))), None
        except KeyStoreError as error:
            present, problem = False, error.describe(self._services.texts)
        return {"present": present, "store": keys.store.name, "problem": problem}

    def _agent(self, agent_id: str) -> ServerAgent:
        agent = roster.find(self._services.settings.current.agents, agent_id)
        if not isinstance(agent, ServerAgent):
            raise AgentNotSet()
        return agent
