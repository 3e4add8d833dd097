"""The settings page. It runs no remote script; it can set a key but never gets one.

Each change is saved at once, or refused with a sentence and nothing written. Effects of a change (on the window's
theme, on sessions) are handled by subscribers to the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from desktop.agents.models.names import DEFAULT_MODEL
from desktop.common.errors import AppError, BadParams, Phrase
from desktop.common.page import Method, NoParams, Page, Params
from desktop.keys import PROXY_SECRET
from desktop.keys.errors import KeyringInsecure, KeyringMissing
from desktop.pages.agents.edit import name_of
from desktop.pages.common import updates
from desktop.pages.common.check_run import FieldError
from desktop.pages.common.checks import endpoint_check, first_check
from desktop.pages.common.endpoint_check import EndpointCheck
from desktop.pages.common.fields import field_of, lock_for, or_below, value_at
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.http_question import settle
from desktop.pages.common.links import open_link
from desktop.pages.common.look import look_of
from desktop.pages.common.server_check import forget_token
from desktop.pages.common.services import Services
from desktop.pages.settings import hosts
from desktop.pages.settings.key import KeyMethods
from desktop.pages.setup.first_check import FirstCheck, clean_version, clean_workflow_id
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, ServerAgent
from desktop.settings.brand import Brand
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.model import Settings, WorkflowAgent
from desktop.settings.origins import host_of, normalise_api_base, origin_of

if TYPE_CHECKING:
    pass

AGENT_FIELDS = ("agent.name", "agent.workflow_id", "agent.version", "agent.tracing.enabled")
"""Settings of the active agent, stored under `agents`."""

FIELDS = (
    "language",
    "log_level",
    "check_for_updates",
    "zoom",
    "chat.theme.scheme",
    "chat.theme.radius",
    "chat.theme.density",
    "chat.theme.light.accent",
    "chat.theme.dark.accent",
    "chat.theme.typography.base_size",
    "chat.header.enabled",
    "chat.history.enabled",
    "chat.history.show_delete",
    "chat.history.show_rename",
    "chat.greeting",
    "chat.prompts",
    "chat.placeholder",
    "chat.disclaimer.text",
    "chat.feedback",
    "chat.retry",
    "chat.auto_scroll",
    "chat.reopen_last_thread",
    "assistant.message_limit",
    "assistant.titles",
    "assistant.transcription_model",
    "assistant.tracing",
    "assistant.builtin_view",
    "session.expires_after_seconds",
    "session.requests_per_minute",
    "session.thread_titles",
    "session.file_upload.enabled",
    "session.file_upload.max_file_size",
    "session.file_upload.max_files",
    "session.history.enabled",
    "session.history.recent_threads",
    "network.api_base",
    "network.proxy",
    "network.ca_file",
    "network.timeout_seconds",
    "privacy.chatkit_telemetry",
    "privacy.remote_images",
)
"""All other settings the page shows and may change."""

ANEW = (
    *("agent.", "session.", "network.", "privacy."),
    *("assistant.builtin_view", "assistant.transcription_model"),
)
"""A change of these affects the open chat, so it is reloaded."""

LARGEST_SAVE = 256 * 1024
"""The largest `settings.save` call, in bytes: a dozen long prompts."""


class SaveParams(Params):
    changes: Annotated[
        dict[Annotated[str, StringConstraints(max_length=100)], Any], Field(min_length=1, max_length=len(FIELDS))
    ]
    """Setting to value; None returns to the layer below."""
    plain: bool = False
    """Whether the person has just allowed http on their own network."""


class WordParams(Params):
    word: Annotated[str, StringConstraints(max_length=100)]


class SettingsPage:
    """One for each showing of the page; `section` opens first."""

    def __init__(
        self,
        services: Services,
        section: str = "",
        check: FirstCheck | None = None,
        endpoints: EndpointCheck | None = None,
    ) -> None:
        self._services = services
        self._endpoints = endpoints or endpoint_check(services)
        self._section = section
        self._first = check or first_check(services)

    def page(self) -> Page:
        services = self._services
        return Page(
            name="settings",
            html="settings/settings.html",
            files=(
                *files_of("settings"),
                services.brand.app.icon,
            ),
            methods={
                **help_methods(services),
                "settings.start": Method(NoParams, self._start),
                "settings.save": Method(SaveParams, self._save, limit=LARGEST_SAVE),
                "settings.pick_ca_file": Method(NoParams, self._pick_ca_file),
                "settings.close": Method(NoParams, self._close),
                "agent.check": Method(NoParams, self._check_agent),
                **KeyMethods(services, self._first, self._endpoints).methods,
                "user.forget": Method(NoParams, self._forget_user),
                "data.delete_all": Method(WordParams, self._delete_all),
                "diagnostics.copy": Method(NoParams, self._diagnostics),
                "logs.open": Method(NoParams, self._open_logs),
                **updates.for_settings(services),
                "app.open_link": open_link(services, self._links()),
                "app.open_setup": Method(NoParams, self._open_setup),
                "app.open_agents": Method(NoParams, self._open_agents),
            },
            title=services.texts.get("settings.title"),
            on_gone=self._gone,
        )

    # --- what the page is told ------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        """Everything but the state of the keyring, which may take a while."""
        from desktop.openai_api.lifetime import workflows_over

        services = self._services
        store = services.settings
        texts = services.texts
        return {
            "texts": texts.page("common", "forms", "settings"),
            "app": services.brand.app.name,
            "icon": services.brand.app.icon,
            "version": services.brand.version,
            "makers": _makers(services.brand),
            "profile": services.profile,
            "folder": str(services.locations.folder),
            "section": self._section,
            "ended": workflows_over(datetime.now(UTC).date()),
            "notices": [notice.describe(texts) for notice in store.notices],
            "links": [name for name, url in self._links().items() if url],
            "updates": updates.shown(services),
            **self._values(),
        }

    def _values(self) -> dict[str, Any]:
        """`{host, agent, workflows, hosts, other, look, fields: {name: {value, layer, locked}}}`: everything a save may
        change."""
        store = self._services.settings
        settings = store.current
        agent = settings.workflow()
        closed = store.read_only is not None
        fields: dict[str, Any] = {}
        for name in FIELDS:
            fields[name] = field_of(store, name)
        layer = self._agent_layer()
        if agent is not None:
            lock = lock_for(layer, store.is_fixed("agents"), closed)
            for name in AGENT_FIELDS:
                value = value_at(agent, name.removeprefix("agent."))
                fields[name] = {"value": value, "layer": layer, "locked": lock}
        return {
            "host": host_of(settings.network.api_base),
            "agent": agent is not None,
            "workflows": any(isinstance(one, WorkflowAgent) for one in settings.agents),
            "hosts": self._hosts(settings),
            "other": self._other(settings),
            "look": look_of(self._services),
            "fields": fields,
        }

    def _hosts(self, settings: Settings) -> dict[str, Any]:
        """`{lead, rows: [{host, purpose}]}`: whom the chat that is shown now talks to."""
        texts, builtin = self._services.texts, self._services.app.shows_builtin()
        return {
            "lead": texts.get(hosts.lead(settings, builtin=builtin)),
            "rows": [
                {"host": host, "purpose": texts.get(what)} for host, what in hosts.rows(settings, builtin=builtin)
            ],
        }

    def _other(self, settings: Settings) -> dict[str, str] | None:
        """A short description of an agent that isn't a hosted workflow. The agents page has the details."""
        agent = settings.agent()
        if agent is None or isinstance(agent, WorkflowAgent):
            return None
        texts = self._services.texts
        told = {"kind": agent.kind, "name": name_of(agent, texts)}
        if isinstance(agent, AssistantAgent):
            endpoint = roster.find(settings.endpoints, agent.endpoint)
            told["model"] = agent.model or DEFAULT_MODEL
            if agent.endpoint == OPENAI_ENDPOINT:
                told["host"] = host_of(settings.network.api_base)
            elif endpoint is not None:
                told["host"] = endpoint.name or host_of(endpoint.base_url)
            else:
                told["host"] = texts.get("agents.endpoint_gone", id=agent.endpoint)
        return told

    def _agent_layer(self) -> str:
        store = self._services.settings
        layers = (store.layer_of("active_agent"), store.layer_of("agents"))
        return next((layer for layer in layers if layer in ("command_line", "environment")), layers[1])

    # --- saving ----------------------------------------------------------------------------------

    def _save(self, params: SaveParams) -> dict[str, Any]:
        """Save, and return the values as they are now. Raises SettingsInvalid with `field` set to the page's field
        name."""
        known = self._values()["fields"]
        for name in params.changes:
            if name not in known:
                raise BadParams(problem=f"no such setting: {name}")
            if known[name]["locked"]:
                raise SettingsInvalid(name=name, problem=Phrase("problems.fixed"))
        of_agent = {name: value for name, value in params.changes.items() if name in AGENT_FIELDS}
        others = {
            name: or_below(self._services, name, value)
            for name, value in params.changes.items()
            if name not in of_agent
        }
        try:
            if others.get("network.ca_file"):
                _check_ca_file(others["network.ca_file"])
            if isinstance(others.get("network.api_base"), str):
                base = normalise_api_base(others["network.api_base"])
                settle(self._services.settings, base, params.plain, field="network.api_base")
            agent = self._changed_agent(of_agent) if of_agent else None
            if others:
                self._services.settings.update(others)
            if agent is not None:
                self._services.settings.replace_agent(agent)
        except SettingsInvalid as error:
            raise self._shown(error, params.changes) from None
        if any(name.startswith(ANEW) for name in params.changes):
            self._services.app.reload_chat()
        return self._values()

    def _changed_agent(self, changes: Mapping[str, Any]) -> WorkflowAgent:
        agent = self._services.settings.current.workflow()
        if agent is None:
            raise AgentNotSet()
        for name, value in changes.items():
            if name == "agent.tracing.enabled":
                agent = agent.model_copy(
                    update={"tracing": agent.tracing.model_copy(update={"enabled": value is not False})}
                )
                continue
            text = value if isinstance(value, str) else ""
            if name == "agent.workflow_id":
                agent = agent.model_copy(update={"workflow_id": clean_workflow_id(text)})
            elif name == "agent.version":
                agent = agent.model_copy(update={"version": clean_version(text)})
            else:
                agent = agent.model_copy(update={"name": text.strip()})
        return agent

    def _shown(self, error: SettingsInvalid, changes: Mapping[str, Any]) -> AppError:
        """The error with the page's field name, in a single sentence."""
        name = error.field or ""
        ours = {"workflow": "agent.workflow_id", "version": "agent.version"}.get(name, name)
        if ours.startswith("agents."):
            ours = "agent." + ours.split(".", 2)[-1]
        if not any(ours == changed or ours.startswith(f"{changed}.") for changed in changes):
            ours = next(iter(changes))
        return FieldError(ours, error.values["problem"])

    def _pick_ca_file(self, _: NoParams) -> str | None:
        texts = self._services.texts
        return self._services.app.pick_file(
            texts.get("settings.ca_file_title"), (texts.get("settings.ca_file_kind"), texts.get("settings.ca_file_any"))
        )

    # --- the agent -------------------------------------------------------------------------------

    def _check_agent(self, _: NoParams) -> dict[str, Any]:
        """Create a session with the stored values and cancel it again. Raises whatever is wrong."""
        minted = self._first.mint(self._first.draft(key=""))
        self._first.discard(minted)
        return {"works": True}

    # --- privacy ---------------------------------------------------------------------------------

    def _forget_user(self, _: NoParams) -> None:
        """Create a new user id at once. The app no longer sees the threads of the old one."""
        services = self._services
        agent = services.settings.current.agent()
        if agent is None:
            raise AgentNotSet()
        services.keeper.cancel_all()
        services.settings.forget_user(agent.id)
        services.keeper.forget()
        services.state.set_last_thread(agent.id, None)
        services.app.reload_chat()

    def _delete_all(self, params: WordParams) -> None:
        """If the word was typed: delete sessions, keys, password and everything in the profile's folder. The app
        ends."""
        services = self._services
        word = services.texts.get("settings.delete_word")
        if params.word.strip().casefold() != word.casefold():
            raise FieldError("word", Phrase("forms.delete_mismatch", {"word": word}))
        services.keeper.cancel_all()
        settings = services.settings.current
        bases = [settings.network.api_base, *(endpoint.base_url for endpoint in settings.endpoints)]
        try:
            for origin in dict.fromkeys(origin_of(base) for base in bases):
                services.keys.remove(origin)
            services.keys.remove_secret(PROXY_SECRET)
            for agent in settings.agents:
                if isinstance(agent, ServerAgent):
                    forget_token(services.keys, agent)
        except (KeyringMissing, KeyringInsecure):
            pass  # without a keyring, nothing was stored
        services.app.delete_all_data()

    # --- about -----------------------------------------------------------------------------------

    def _diagnostics(self, _: NoParams) -> dict[str, str]:
        return {"text": self._services.diagnostics()}

    def _open_logs(self, _: NoParams) -> None:
        self._services.app.open_folder("logs")

    def _links(self) -> dict[str, str]:
        links = self._services.brand.links
        return {
            "keys": links.api_keys,
            "workflows": links.workflows,
            "usage": links.usage,
            "status": links.status,
            "help": links.help,
            "privacy": links.privacy,
            "releases": links.releases,
            "homepage": self._services.brand.app.homepage,
        }

    def _open_setup(self, _: NoParams) -> None:
        self._services.app.show_setup()

    def _open_agents(self, _: NoParams) -> None:
        self._services.app.show_agents()

    def _gone(self) -> None:
        self._first.gone()
        self._endpoints.gone()

    def _close(self, _: NoParams) -> None:
        self._services.app.close_window("settings")


def _makers(brand: Brand) -> str:
    """The maker in one line; empty if the brand names none."""
    publisher, rights = brand.app.publisher, brand.app.copyright
    return rights if publisher in rights else " · ".join(words for words in (publisher, rights) if words)


def _check_ca_file(path: Any) -> None:
    """Raises SettingsInvalid if the file can't be read or contains no PEM certificate."""
    try:
        content = Path(str(path)).expanduser().read_bytes()[: 16 * 1024 * 1024]
    except (OSError, ValueError):
        raise SettingsInvalid(name="network.ca_file", problem=Phrase("settings.ca_file_unreadable")) from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise SettingsInvalid(name="network.ca_file", problem=Phrase("settings.ca_file_other"))
