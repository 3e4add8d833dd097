"""The page that asks for a ChatKit server's token, in its own window. It runs no remote script.

The chat page runs OpenAI's script, so it never gets a token. The refused message waits in Python meanwhile.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.common.errors import AppError
from desktop.common.page import Method, NoParams, Page, Params
from desktop.pages.common.checks import CancelParams, told
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.server_check import LONGEST_TOKEN, ServerCheck
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.agents import ServerAgent
from desktop.settings.errors import AgentNotSet
from desktop.settings.origins import host_of


class TokenParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    token: Annotated[str, StringConstraints(max_length=2 * LONGEST_TOKEN)]
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False


class TokenPage:
    """One for each showing. `reason`: why the token of `agent_id` is needed."""

    def __init__(self, services: Services, agent_id: str, reason: AppError, check: ServerCheck | None = None) -> None:
        self._services = services
        self._agent_id = agent_id
        self._reason = reason
        self._check = check or server_check(services)
        self._given = False

    def page(self) -> Page:
        return Page(
            name="token",
            html="token/token.html",
            files=files_of("token"),
            methods={
                **help_methods(self._services),
                "token.start": Method(NoParams, self._start),
                "token.submit": Method(TokenParams, self._submit, limit=64 * 1024),
                "token.cancel": Method(CancelParams, self._cancel),
                "token.close": Method(NoParams, self._close),
            },
            title=self._services.texts.get("token.window"),
            on_gone=self._gone,
        )

    def _start(self, _: NoParams) -> dict[str, Any]:
        services = self._services
        agent = self._agent()
        return {
            "texts": services.texts.page("common", "forms", "token"),
            "look": look_of(services),
            "name": agent.name or services.brand.app.name,
            "host": host_of(agent.url),
            "reason": self._reason.describe(services.texts),
        }

    def _submit(self, params: TokenParams) -> dict[str, Any]:
        """Check the token by a real call, then save it. The waiting message is sent. `{error, can_save, cancelled}`."""
        outcome = self._check.run(
            params.number,
            lambda: self._check.draft(self._agent(), {}, params.token),
            params.keep,
            unchecked=params.unchecked,
        )
        if outcome.error is None and not outcome.cancelled:
            self._given = True
            self._services.app.close_window("token")
        return told(outcome, self._services.texts)

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._check.cancel(params.number)}

    def _close(self, _: NoParams) -> None:
        self._services.app.close_window("token")

    def _gone(self) -> None:
        """Closed without a token: the waiting message fails with a sentence."""
        self._check.gone()
        if not self._given:
            self._services.agents.remote.token_answered(self._agent_id, given=False)

    def _agent(self) -> ServerAgent:
        agent = roster.find(self._services.settings.current.agents, self._agent_id)
        if not isinstance(agent, ServerAgent):
            raise AgentNotSet()
        return agent


def server_check(services: Services) -> ServerCheck:
    """The check with this application's services."""
    return ServerCheck(services.keys, services.settings, lambda: services.agents.remote)
