"""The agents page: agents, endpoints, MCP servers. It runs no remote script; it can set a key but never gets one.

Each change of an agent is saved at once, or refused with a sentence. An endpoint is checked by real calls first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import Phrase
from desktop.common.page import Method, NoParams, Page, Params
from desktop.pages.agents.code import CodeMethods
from desktop.pages.agents.edit import edited, name_of, values_of
from desktop.pages.agents.endpoints import EndpointMethods, Id, IdParams
from desktop.pages.agents.imports import WorkflowEnd
from desktop.pages.agents.mcp import McpPart
from desktop.pages.agents.mcp_check import McpCheck
from desktop.pages.agents.servers import ServerMethods
from desktop.pages.common.check_run import FieldError
from desktop.pages.common.checks import Typed, first_check
from desktop.pages.common.endpoint_check import EndpointCheck
from desktop.pages.common.fields import field_of, lock_of, or_below
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.server_check import MOST_AGENTS, forget_token
from desktop.pages.common.services import Services
from desktop.pages.setup.first_check import Draft, FirstCheck, clean_workflow_id
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, CodeAgent, DemoAgent, ServerAgent
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.layers import ENVIRONMENT_AGENT
from desktop.settings.model import Agent, Settings, WorkflowAgent
from desktop.settings.origins import origin_of
from desktop.settings.view import View, view_of

LOOK_FIELDS = (
    "chat.theme.scheme",
    "chat.theme.light.accent",
    "chat.theme.dark.accent",
    "chat.theme.radius",
    "chat.theme.density",
)
"""The appearance belongs to the profile. It can be changed here too, beside a preview."""
LARGEST_SAVE = 512 * 1024
"""The largest `agents.save` call, in bytes: the longest instructions, in a script with three bytes per letter."""


class AddParams(Params):
    kind: Literal["assistant", "workflow", "demo"]
    workflow_id: Typed = ""


class SaveParams(Params):
    id: Id
    changes: Annotated[dict[Annotated[str, StringConstraints(max_length=100)], Any], Field(min_length=1, max_length=40)]


class SectionParams(Params):
    section: Literal["key", "appearance", "assistant", "chat"]


class AgentsPage:
    """One for each showing of the page."""

    def __init__(
        self,
        services: Services,
        endpoints: EndpointCheck | None = None,
        check: FirstCheck | None = None,
        mcp: McpCheck | None = None,
    ) -> None:
        self._services = services
        self._endpoints = EndpointMethods(services, self._state, endpoints)
        self._first = check or first_check(services)
        self._workflow_end = WorkflowEnd(services, self._put, self._choice_lock)
        self._mcp = McpPart(services, self._state, mcp)
        self._servers = ServerMethods(services, self._state, self._unlocked)

    def page(self) -> Page:
        services = self._services
        return Page(
            name="agents",
            html="agents/agents.html",
            files=files_of("agents"),
            methods={
                **help_methods(services),
                "agents.start": Method(NoParams, self._start),
                "agents.get": Method(IdParams, self._get),
                "agents.save": Method(SaveParams, self._save, limit=LARGEST_SAVE),
                "agents.add": Method(AddParams, self._add),
                "agents.duplicate": Method(IdParams, self._duplicate),
                "agents.remove": Method(IdParams, self._remove),
                "agents.choose": Method(IdParams, self._choose),
                "agents.check": Method(IdParams, self._check),
                "agents.close": Method(NoParams, self._close),
                **self._endpoints.methods,
                **self._mcp.methods,
                "app.open_settings": Method(SectionParams, self._open_settings),
                "app.open_setup": Method(NoParams, self._open_setup),
                **CodeMethods(services, self._save_fields).methods,
                **self._workflow_end.methods,
                **self._servers.methods,
            },
            title=services.texts.get("agents.title"),
            on_gone=self._gone,
        )

    def _gone(self) -> None:
        for part in (self._endpoints, self._mcp, self._servers):
            part.gone()

    # --- what the page is told ------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        services = self._services
        texts = services.texts
        return {
            "texts": texts.page("common", "forms", "agents", "archive"),
            "app": services.brand.app.name,
            "default_model": DEFAULT_MODEL,
            "greeting": texts.get("chat.greeting"),
            **self._workflow_end.told(),
            **self._state(),
        }

    def _state(self) -> dict[str, Any]:
        """The lists, and everything that is the same for all agents: whatever a change may affect."""
        services = self._services
        store = services.settings
        settings = store.current
        active = settings.agent()
        known = {OPENAI_ENDPOINT, *(one.id for one in settings.endpoints)}
        return {
            "agents": [
                {
                    "id": agent.id,
                    "kind": agent.kind,
                    "name": agent.name,
                    "missing": isinstance(agent, (AssistantAgent, CodeAgent)) and agent.endpoint not in known,
                }
                for agent in settings.agents
            ],
            "active": active.id if active else "",
            "locked": self._lock(),
            "chooses": self._choice_lock() == "",
            "endpoints": self._endpoints.all(),
            "endpoints_locked": lock_of(store, "endpoints"),
            **self._mcp.state(),
            "chat": {
                "greeting": settings.chat.greeting,
                "prompts": [prompt.model_dump(mode="json") for prompt in settings.chat.prompts],
            },
            "look": look_of(services),
            "notices": [one.describe(services.texts)["message"] for one in store.notices] + self._unknown(settings),
        }

    def _unknown(self, settings: Settings) -> list[str]:
        """A sentence if the settings name an agent that does not exist."""
        texts, active = self._services.texts, settings.active_agent
        if not active or roster.find(settings.agents, active) is not None:
            return []
        instead = settings.agent()
        if instead is None:
            return [texts.get("agents.unknown_agent_none", id=active)]
        return [texts.get("agents.unknown_agent", id=active, name=name_of(instead, texts))]

    def _lock(self) -> str:
        """Why no agent can be changed here; empty if they can."""
        return lock_of(self._services.settings, "agents", "command_line")

    def _choice_lock(self) -> str:
        return self._lock() or lock_of(self._services.settings, "active_agent", "command_line", "environment")

    def _get(self, params: IdParams) -> dict[str, Any]:
        """`{id, kind, fields}`: all fields of one agent, and the appearance."""
        store = self._services.settings
        agent = self._found(store.current, params.id)
        lock = "environment" if agent.id == ENVIRONMENT_AGENT else self._lock()
        fields = {
            name: {"value": value, "layer": "settings", "locked": lock} for name, value in values_of(agent).items()
        }
        fields |= {name: field_of(store, name) for name in LOOK_FIELDS}
        return {"id": agent.id, "kind": agent.kind, "fields": fields}

    # --- agents ----------------------------------------------------------------------------------

    def _save(self, params: SaveParams) -> dict[str, Any]:
        """Save, and return the agent as it is now. Raises FieldError with the page's field name."""
        look = {name: value for name, value in params.changes.items() if name in LOOK_FIELDS}
        others = {name: value for name, value in params.changes.items() if name not in look}
        services = self._services
        if look:
            try:
                services.settings.update({name: or_below(services, name, value) for name, value in look.items()})
            except SettingsInvalid as error:
                name = next((one for one in look if (error.field or "").startswith(one)), next(iter(look)))
                raise FieldError(name, error.values["problem"]) from None
        if others:
            self._unlocked(params.id)
            before = self._view(params.id)
            self._change(lambda now: {"agents": roster.put(own(now), edited(self._found(now, params.id), others))})
            active = services.settings.current.agent()
            # A different file needs consent before it runs; a different view is another page.
            is_other = "agent.file" in others or self._view(params.id) != before
            if is_other and active is not None and active.id == params.id:
                services.app.reload_chat()
        return {**self._get(IdParams(id=params.id)), "state": self._state()}

    def _view(self, agent_id: str) -> View:
        settings = self._services.settings.current
        return view_of(settings, self._found(settings, agent_id))

    def _save_fields(self, agent_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        return self._save(SaveParams(id=agent_id, changes=changes))

    def _add(self, params: AddParams) -> dict[str, Any]:
        """Add an agent. The first one becomes the active one. `{id, state}`."""
        texts = self._services.texts

        def made(now: Settings) -> Agent:
            name = texts.get(f"agents.new_{params.kind}")
            if params.kind == "assistant":
                return AssistantAgent(id=roster.fresh_id("assistant", now), name=name)
            if params.kind == "demo":
                return DemoAgent(id=roster.fresh_id("demo", now), name=name)
            try:
                workflow = clean_workflow_id(params.workflow_id)
            except FieldError as error:
                raise FieldError("workflow_id", error.values["problem"]) from None
            return WorkflowAgent(id=roster.fresh_id("workflow", now), name=name, workflow_id=workflow)

        return self._put(made)

    def _duplicate(self, params: IdParams) -> dict[str, Any]:
        texts = self._services.texts

        def made(now: Settings) -> Agent:
            agent = self._found(now, params.id)
            name = name_of(agent, texts)
            ending = f" {texts.get('agents.copy_ending')}"
            copied = {"id": roster.fresh_id(agent.kind, now), "name": f"{name[: 60 - len(ending)].rstrip()}{ending}"}
            return agent.model_copy(update=copied)

        return self._put(made)

    def _put(self, make: Callable[[Settings], Agent]) -> dict[str, Any]:
        self._unlocked()
        added: list[str] = []

        def changes(now: Settings) -> Mapping[str, Any]:
            if len(own(now)) >= MOST_AGENTS:
                raise FieldError("agents", Phrase("agents.most_agents", {"limit": MOST_AGENTS}))
            agent = make(now)
            added.append(agent.id)
            first = {} if now.agents else {"active_agent": agent.id}
            return {"agents": [*own(now), agent], **first}

        first = not self._services.settings.current.agents
        self._change(changes)
        if first:
            self._services.app.reload_chat()
        return {"id": added[-1], "state": self._state()}

    def _remove(self, params: IdParams) -> dict[str, Any]:
        """Remove its settings. Its chats stay where they are, under an id that is never used again."""
        self._unlocked(params.id)
        active = self._services.settings.current.agent()
        agent = self._found(self._services.settings.current, params.id)
        if isinstance(agent, ServerAgent):
            forget_token(self._services.keys, agent)

        def changes(now: Settings) -> Mapping[str, Any]:
            self._found(now, params.id)
            left = roster.without(own(now), params.id)
            made: dict[str, Any] = {"agents": left}
            if now.active_agent == params.id:
                made["active_agent"] = left[0].id if left else None
            return made

        # An agent without a user id gets one now, so that its id is never given to another agent.
        self._services.settings.user_id(params.id)
        self._change(changes)
        if active is not None and active.id == params.id:
            self._services.keeper.forget()
            self._services.app.reload_chat()
        return self._state()

    def _choose(self, params: IdParams) -> dict[str, Any]:
        """Make it the active agent. An open chat is reloaded with it."""
        if self._choice_lock():
            raise SettingsInvalid(name="active_agent", problem=Phrase("problems.fixed"))
        self._found(self._services.settings.current, params.id)
        self._change(lambda _now: {"active_agent": params.id})
        self._services.state.set_taking_over("")
        self._services.keeper.forget()
        self._services.app.reload_chat()
        return self._state()

    def _check(self, params: IdParams) -> dict[str, Any]:
        """Create a session for a hosted workflow and cancel it again. Raises whatever is wrong."""
        agent = self._found(self._services.settings.current, params.id)
        if not isinstance(agent, WorkflowAgent):
            raise AgentNotSet()
        base = self._services.settings.current.network.api_base
        key = self._services.keys.read(origin_of(base)) or ""
        self._first.discard(self._first.mint(Draft(base, key, agent, new_key=False, new_agent=False)))
        return {"works": True}

    # --- the rest --------------------------------------------------------------------------------

    def _found(self, settings: Settings, agent_id: str) -> Agent:
        agent = roster.find(settings.agents, agent_id)
        if agent is None:
            raise AgentNotSet()
        return agent

    def _unlocked(self, agent_id: str = "") -> None:
        if self._lock() or agent_id == ENVIRONMENT_AGENT:
            raise SettingsInvalid(name="agents", problem=Phrase("problems.fixed"))

    def _change(self, make: Callable[[Settings], Mapping[str, Any]]) -> None:
        self._services.settings.change(make)

    def _open_settings(self, params: SectionParams) -> None:
        self._services.app.show_settings(params.section)

    def _open_setup(self, _: NoParams) -> None:
        self._services.app.show_setup()

    def _close(self, _: NoParams) -> None:
        self._services.app.close_window("agents")


def own(settings: Settings) -> list[Agent]:
    """The agents that are or can be in the settings file, so not one made by the environment."""
    return [agent for agent in settings.agents if agent.id != ENVIRONMENT_AGENT]
