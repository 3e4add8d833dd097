"""Code agents on the agents page: the state of a file, and the way to its consent page. Approves nothing itself.

`methods` is merged into the page's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from desktop.agents.code.errors import CodeUnreadable
from desktop.common.page import Method, Params
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.agents import CodeAgent
from desktop.settings.errors import AgentNotSet

PATTERNS = ("Python (*.py)",)


class CodeParams(Params):
    id: Annotated[str, StringConstraints(max_length=64)]


class CodeMethods:
    """`save(agent id, {field: value})`: the page's own function to change an agent."""

    def __init__(self, services: Services, save: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        self._services = services
        self._save = save

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "agents.code_state": Method(CodeParams, self._state),
            "agents.code_look": Method(CodeParams, self._look),
            "agents.code_choose": Method(CodeParams, self._choose),
            "agents.code_revoke": Method(CodeParams, self._revoke),
        }

    def _state(self, params: CodeParams) -> dict[str, Any]:
        """`{state: approved | new | changed | unreadable, words, missing}`; `missing` names packages."""
        from desktop.agents.code.consent import LIST, Consents, read
        from desktop.agents.code.imports import wanted
        from desktop.agents.code.packages import folder

        services, agent = self._services, self._agent(params.id)
        texts = services.texts
        consents = Consents(services.locations.folder / LIST)
        try:
            source = read(agent.file)
        except CodeUnreadable as error:
            return {"state": "unreadable", "words": error.describe(texts)["message"], "missing": []}
        if consents.given(source):
            state, words = "approved", texts.get("agents.code_approved")
        elif consents.since(source) is not None:
            state, words = "changed", texts.get("agents.code_changed")
        else:
            state, words = "new", texts.get("agents.code_new")
        return {
            "state": state,
            "words": words,
            "missing": wanted(source, agent.packages, folder(services.locations.folder)),
        }

    def _look(self, params: CodeParams) -> None:
        self._services.app.show_consent(self._agent(params.id).id)

    def _choose(self, params: CodeParams) -> dict[str, Any] | None:
        """The agent with the file the person has chosen; None if they chose none."""
        self._agent(params.id)
        title = self._services.texts.get("agents.code_choose")
        chosen = self._services.app.pick_file(title, PATTERNS)
        return self._save(params.id, {"agent.file": chosen}) if chosen else None

    def _revoke(self, params: CodeParams) -> dict[str, Any]:
        """Withdraw the consent: the agent asks again before it runs. An answer in progress is finished, then its
        process ends. Returns the new state."""
        from desktop.agents.code.consent import LIST, Consents

        Consents(self._services.locations.folder / LIST).take_back(self._agent(params.id).file)
        self._services.agents.tidy()
        return self._state(params)

    def _agent(self, agent_id: str) -> CodeAgent:
        agent = roster.find(self._services.settings.current.agents, agent_id)
        if not isinstance(agent, CodeAgent):
            raise AgentNotSet()
        return agent
