"""The setup page, shown at the first launch. It runs no remote script, so the key may be typed there.

The page can set a key but never gets one. An imported key is kept here; the page only learns where it came from.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import Phrase
from desktop.common.page import Method, NoParams, Page, Params
from desktop.keys.errors import KeyMissing, KeyStoreError
from desktop.pages.common.check_run import FieldError, Outcome
from desktop.pages.common.checks import CancelParams, Typed, endpoint_check, first_check, told
from desktop.pages.common.endpoint_check import EndpointCheck, EndpointDraft, clean_address
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.key_status import key_status
from desktop.pages.common.links import open_link
from desktop.pages.common.look import look_of
from desktop.pages.common.services import Services
from desktop.pages.setup.first_check import Draft, FirstCheck
from desktop.pages.setup.imports import Imports
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, CodeAgent, DemoAgent, Endpoint
from desktop.settings.errors import SettingsInvalid
from desktop.settings.model import WorkflowAgent
from desktop.settings.origins import host_of, origin_of

USUAL_NAMES = {11434: "Ollama", 1234: "LM Studio"}
"""What usually listens at these ports."""


class CheckParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    """Identifies this check for `setup.cancel`."""
    key: Typed = ""
    """Empty: the imported key (`use_pending`), else the stored one."""
    use_pending: bool = False
    workflow: Typed = ""
    version: Typed = ""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    """Save without a check. Only allowed right after the same values met a network error."""
    plain: bool = False
    """Whether the person has just allowed http on their own network, for an address from a file or a terminal."""


class KeyCheckParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    key: Typed = ""
    """Empty: the imported key (`use_pending`), else the stored one."""
    use_pending: bool = False
    model: Typed = ""
    """Empty for the agent's own, which at first is the app's default."""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    plain: bool = False
    """As below, for an address from the app, a terminal or an imported file."""


class EndpointCheckParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    address: Typed
    key: Typed = ""
    """Empty for the one stored for the address, if any."""
    api: Literal["responses", "chat_completions"] = "chat_completions"
    model: Typed = ""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    saves: bool = True
    """If false, only ask for its models."""
    plain: bool = False
    """Whether the person has just allowed http on their own network."""


class AddressParams(Params):
    address: Typed


class SetupPage:
    """One for each showing of the page. `page()` lists its methods."""

    def __init__(
        self, services: Services, check: FirstCheck | None = None, endpoints: EndpointCheck | None = None
    ) -> None:
        self._services = services
        self._first = check or first_check(services)
        self._endpoints = endpoints or endpoint_check(services)
        self._imports = Imports(services)

    def page(self) -> Page:
        services = self._services
        return Page(
            name="setup",
            html="setup/setup.html",
            files=(
                *files_of("setup"),
                services.brand.app.icon,
            ),
            methods={
                **help_methods(services),
                "setup.start": Method(NoParams, self._start),
                "setup.key_status": Method(NoParams, self._key_status),
                "setup.check": Method(CheckParams, self._check),
                "setup.check_key": Method(KeyCheckParams, self._check_key),
                "setup.check_endpoint": Method(EndpointCheckParams, self._check_endpoint),
                "setup.address": Method(AddressParams, self._address),
                "setup.demo": Method(NoParams, self._demo),
                "setup.cancel": Method(CancelParams, self._cancel),
                **self._imports.methods,
                "setup.close": Method(NoParams, self._close),
                "app.open_link": open_link(services, self._links()),
                "app.open_server": Method(NoParams, self._open_server),
            },
            title=services.texts.get("setup.window_title", app=services.brand.app.name),
            on_gone=self._gone,
        )

    # --- what the page is told ------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        """Everything but the state of the keyring, which may take a while."""
        from desktop.openai_api.lifetime import workflows_over

        services = self._services
        settings = services.settings.current
        agent, workflow = settings.agent(), settings.workflow()
        endpoint = self._endpoint()
        return {
            "texts": services.texts.page("common", "forms", "setup"),
            "look": look_of(services),
            "notices": [notice.describe(services.texts) for notice in services.settings.notices],
            "app": services.brand.app.name,
            "icon": services.brand.app.icon,
            "host": host_of(self._keyed_base()),
            "again": agent is not None and not services.brand.fixes_agent,
            "way": self._way(),
            "chooses": self._asks_workflow(),
            "asks_workflow": self._asks_workflow(),
            "workflow": workflow.workflow_id if workflow else "",
            "version": (workflow.version or "") if workflow else "",
            "workflow_from": "" if self._asks_workflow() else self._agent_layer(),
            "default_model": DEFAULT_MODEL,
            "model": agent.model if isinstance(agent, AssistantAgent) else "",
            "endpoint": {"address": endpoint.base_url, "api": endpoint.api} if endpoint else None,
            "env_name": self._imports.in_environment,
            "ended": workflows_over(datetime.now(UTC).date()),
            "links": self._links(),
        }

    def _way(self) -> str:
        """The form to show first: workflow, key, endpoint, none (nothing to fill in); empty to let the person
        choose."""
        agent, endpoint = self._services.settings.current.agent(), self._endpoint()
        if isinstance(agent, WorkflowAgent):
            return "workflow"
        if endpoint is not None and not self._asks_workflow():
            return "key" if endpoint.needs_key else "none"  # the address comes with the app
        if endpoint is not None:
            return "endpoint"
        if isinstance(agent, AssistantAgent) or self._brings_code():
            return "key"
        return "none" if agent is not None and not self._asks_workflow() else ""

    def _brings_code(self) -> bool:
        """Whether a code agent came with the app or the command line, so only the key is missing."""
        return isinstance(self._services.settings.current.agent(), CodeAgent) and not self._asks_workflow()

    def _endpoint(self) -> Endpoint | None:
        """The active agent's endpoint, unless it is the built-in one."""
        settings = self._services.settings.current
        agent = settings.agent()
        wanted = agent.endpoint if isinstance(agent, AssistantAgent | CodeAgent) else ""
        if isinstance(agent, CodeAgent) and not self._brings_code():
            return None
        return next((one for one in settings.endpoints if one.id == wanted), None)

    def _keyed_base(self) -> str:
        """The API that gets the key of the form "key": OpenAI's, or the endpoint that comes with the app."""
        endpoint = self._endpoint()
        if endpoint is not None and self._way() == "key":
            return endpoint.base_url
        return self._services.settings.current.network.api_base

    def _key_status(self, _: NoParams) -> dict[str, Any]:
        return key_status(self._services, self._keyed_base())

    def _agent_layer(self) -> str:
        settings = self._services.settings
        if self._services.brand.fixes_agent:
            return "brand"
        for layer in ("command_line", "environment"):
            if layer in (settings.layer_of("active_agent"), settings.layer_of("agents")):
                return layer
        return "settings"

    def _asks_workflow(self) -> bool:
        return self._agent_layer() == "settings"

    # --- the check -------------------------------------------------------------------------------

    def _check(self, params: CheckParams) -> dict[str, Any]:
        """Check, save, then open the chat. `{error, can_save, cancelled}`."""
        pending = self._imports.pending if params.use_pending else None

        def wanted() -> Draft:
            return self._first.draft(
                key=pending.key if pending else params.key,
                workflow=params.workflow if self._asks_workflow() else None,
                version=params.version,
                api_base=pending.api_base if pending else "",
                plain=params.plain,
            )

        outcome = self._first.run(params.number, wanted, params.keep, unchecked=params.unchecked)
        if outcome.error is None and not outcome.cancelled:
            self._imports.drop()
            self._services.app.show_chat()
        return told(outcome, self._services.texts)

    def _check_key(self, params: KeyCheckParams) -> dict[str, Any]:
        """Check a key with its model, save it with an assistant, and open the chat. Like `_check`, plus `models` to
        choose from if the key can't use that model."""
        pending = self._imports.pending if params.use_pending else None
        settings = self._services.settings.current
        endpoint = self._endpoint() if self._way() == "key" else None
        agent = settings.agent() if endpoint else roster.assistant_of(settings, OPENAI_ENDPOINT)
        if not isinstance(agent, AssistantAgent):
            agent = AssistantAgent(id=roster.fresh_id("assistant", settings))
        model = params.model.strip()
        if model:
            agent = agent.model_copy(update={"model": model[:200]})

        def wanted() -> EndpointDraft:
            draft = self._endpoints.draft(
                key=pending.key if pending else params.key,
                address=endpoint.base_url if endpoint else None,
                api_base=pending.api_base if pending else "",
                api=endpoint.api if endpoint else "responses",
                known=endpoint,
                model=agent.model or DEFAULT_MODEL,
                plain=params.plain,
            )
            if endpoint and not draft.key:
                raise KeyMissing(origin=host_of(endpoint.base_url), field="key")
            return replace(draft, agent=agent) if self._asks_workflow() else draft

        return self._ended(self._endpoints.run(params.number, wanted, params.keep, unchecked=params.unchecked))

    def _check_endpoint(self, params: EndpointCheckParams) -> dict[str, Any]:
        """Check an endpoint (and its model, before saving it with an assistant). Like `_check_key`."""

        def wanted() -> EndpointDraft:
            self._chosen_here()
            draft = self._endpoints.draft(
                key=params.key,
                address=params.address,
                api=params.api,
                model=params.model if params.saves else "",
                plain=params.plain,
            )
            if not params.saves:
                return draft
            if not draft.model:
                raise FieldError("model", Phrase("setup.model_empty"))
            endpoint = draft.endpoint
            if not endpoint.name:
                endpoint = endpoint.model_copy(
                    update={"name": USUAL_NAMES.get(urlsplit(endpoint.base_url).port or 0, "")}
                )
            settings = self._services.settings.current
            agent = roster.assistant_of(settings, endpoint.id) or AssistantAgent(
                id=roster.fresh_id("assistant", settings), name=draft.model[:60], endpoint=endpoint.id
            )
            agent = agent.model_copy(update={"model": draft.model[:200]})
            return replace(draft, endpoint=endpoint, agent=agent)

        if not params.saves:
            outcome = self._endpoints.look(params.number, wanted)
            return {**told(outcome, self._services.texts), "models": list(self._endpoints.models)}
        return self._ended(self._endpoints.run(params.number, wanted, params.keep, unchecked=params.unchecked))

    def _chosen_here(self) -> None:
        """Raises if the brand, the environment or the command line sets the agent."""
        if not self._asks_workflow():
            raise SettingsInvalid(name="agents", problem=Phrase("problems.fixed"))

    def _ended(self, outcome: Outcome) -> dict[str, Any]:
        if outcome.error is None and not outcome.cancelled:
            self._imports.drop()
            self._services.app.show_chat()
        return {**told(outcome, self._services.texts), "models": list(self._endpoints.models)}

    def _address(self, params: AddressParams) -> dict[str, Any]:
        """The address as it would be saved, its host, and whether a key is stored for it. Raises FieldError."""
        address, _ = clean_address(params.address)
        try:
            present = self._services.keys.read(origin_of(address)) is not None
        except KeyStoreError:
            present = False
        return {"address": address, "host": host_of(address), "key": present}

    def _demo(self, _: NoParams) -> None:
        """Start the demo, which needs no input."""
        settings = self._services.settings
        if self._way() != "none":
            self._chosen_here()
            agent = roster.demo_of(settings.current) or DemoAgent(id=roster.fresh_id("demo", settings.current))
            if settings.current.agent() != agent:
                settings.change(lambda now: {"agents": roster.put(now.agents, agent), "active_agent": agent.id})
        self._services.app.show_chat()

    def _gone(self) -> None:
        self._first.gone()
        self._endpoints.gone()

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        stopped = self._first.cancel(params.number) or self._endpoints.cancel(params.number)
        return {"stopped": stopped}

    # --- the rest --------------------------------------------------------------------------------

    def _close(self, _: NoParams) -> None:
        self._services.app.show_chat()

    def _open_server(self, _: NoParams) -> None:
        """Open the form for a ChatKit server, on the agents page."""
        self._services.app.show_agents("", "add-server")

    def _links(self) -> dict[str, str]:
        links = self._services.brand.links
        return {"keys": links.api_keys, "workflows": links.workflows}
