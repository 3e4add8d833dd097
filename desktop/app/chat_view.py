"""Which page stands in the chat's window: OpenAI's ChatKit, or the app's own built-in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.pages.common.fields import lock_of
from desktop.settings import roster
from desktop.settings.agents import InAppAgent
from desktop.settings.layers import ENVIRONMENT_AGENT
from desktop.settings.view import View, view_of

if TYPE_CHECKING:
    from desktop.app.context import Context
    from desktop.settings.model import Agent, Settings


class ChatView:
    """The view of the active agent's chats: what the settings say, unless ChatKit can't be had."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._for_now: dict[str, View] = {}
        """Choices that the settings don't take, by agent id: a demo's, or where a maker has fixed the agents."""
        self.reason = ""
        """The code of the error that stands in ChatKit's way; empty: none does."""

    @property
    def is_builtin(self) -> bool:
        agent = self._context.settings.agent()
        if agent is None or not isinstance(agent, InAppAgent):
            return False
        return bool(self.reason) or self._chosen(agent) == "builtin"

    def switch(self) -> bool:
        """Choose the other view for the active agent; False where it has only one. Showing it is up to the caller.
        Raises what `SettingsStore.change` raises."""
        agent = self._context.settings.agent()
        if agent is None or not isinstance(agent, InAppAgent):
            return False
        wanted: View = "chatkit" if self.is_builtin else "builtin"
        self.reason = ""
        self._for_now.pop(agent.id, None)
        store = self._context.settings_store
        if agent.id == ENVIRONMENT_AGENT or lock_of(store, "agents", "command_line"):
            self._for_now[agent.id] = wanted
        else:
            store.change(lambda now: _with_view(now, agent.id, wanted))
        return True

    def _chosen(self, agent: Agent) -> View:
        return self._for_now.get(agent.id) or view_of(self._context.settings, agent)


def _with_view(now: Settings, agent_id: str, view: View) -> dict[str, object]:
    agents = [one for one in now.agents if one.id != ENVIRONMENT_AGENT]
    agent = roster.find(agents, agent_id)
    return {} if agent is None else {"agents": roster.put(agents, agent.model_copy(update={"view": view}))}
