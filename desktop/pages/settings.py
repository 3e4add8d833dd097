"""The settings page: what it may ask for. It runs no remote script; a key goes in and never comes out.

Every change is saved by itself, or refused with a sentence and nothing on disk. What follows from a change (the
window's scheme, the sessions at hand) is the business of those who subscribe to the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from desktop.agents.models import DEFAULT_MODEL
from desktop.errors import (
    AgentNotSet,
    AppError,
    BadParams,
    KeyMissing,
    KeyringInsecure,
    KeyringMissing,
    KeyShape,
    Phrase,
    SettingsInvalid,
)
from desktop.page import Method, NoParams, Page, Params
from desktop.pages import updates
from desktop.pages.agent_edit import name_of
from desktop.pages.check_run import FieldError
from desktop.pages.endpoint_check import EndpointCheck, EndpointDraft
from desktop.pages.first_check import Draft, FirstCheck, clean_version, clean_workflow_id
from desktop.pages.look import look_of
from desktop.pages.server_check import forget_token
from desktop.pages.services import Services
from desktop.pages.setup import CancelParams, LinkParams, Typed, endpoint_check, first_check, host_of, key_status, told
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, ServerAgent
from desktop.settings.model import Settings, WorkflowAgent
from desktop.settings.origins import origin_of

if TYPE_CHECKING:
    from desktop.settings.layers import SettingsStore

AGENT_FIELDS = ("agent.name", "agent.workflow_id", "agent.version", "agent.tracing.enabled")
"""The active agent's own; in the file they lie under `agents`."""

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
    "assistant.basic_view",
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
)
"""Every other setting the page shows and may change."""

ANEW = ("agent.", "session.", "network.", "assistant.basic_view", "assistant.transcription_model")
"""A change of these makes the shown chat another one: it is loaded again."""

PROXY_SECRET = "proxy"  # noqa: S105 - the entry's name, not a secret

HOSTS = (
    ("cdn.platform.openai.com", "settings.host_component"),
    ("api.openai.com", "settings.host_api"),
    ("chatgpt.com", "settings.host_messages"),
    ("sentinel.openai.com", "settings.host_abuse"),
    ("*.oaiusercontent.com", "settings.host_files"),
    ("Datadog", "settings.host_errors"),
    ("Mixpanel", "settings.host_usage"),
)
"""Whom the component's frame talks to, and what for (observed by others; OpenAI publishes no list)."""

LARGEST_SAVE = 256 * 1024
"""Bytes of one `settings.save`: a dozen long prompts."""


class SaveParams(Params):
    changes: Annotated[
        dict[Annotated[str, StringConstraints(max_length=100)], Any], Field(min_length=1, max_length=len(FIELDS))
    ]
    """Setting to value; None goes back to the layer below."""


class KeyParams(Params):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    key: Typed
    keep: Literal["keyring", "session"] = "keyring"


class PasswordParams(Params):
    password: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


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
            html="settings.html",
            files=(
                "pages/base.css",
                "pages/settings.css",
                "pages/settings.js",
                "pages/settings_fields.js",
                "pages/settings_key.js",
                "pages/settings_prompts.js",
                "pages/settings_question.js",
                "pages/settings_saving.js",
                "pages/parts.js",
                "pages/bridge.js",
                "pages/texts.js",
                "pages/look.js",
                "pages/clipboard.js",
                "pages/settings_updates.js",
                services.brand.app.icon,
            ),
            methods={
                "settings.start": Method(NoParams, self._start),
                "settings.save": Method(SaveParams, self._save, limit=LARGEST_SAVE),
                "settings.pick_ca_file": Method(NoParams, self._pick_ca_file),
                "settings.close": Method(NoParams, self._close),
                "agent.check": Method(NoParams, self._check_agent),
                "key.status": Method(NoParams, self._key_status),
                "key.replace": Method(KeyParams, self._replace_key),
                "key.cancel": Method(CancelParams, self._cancel_key),
                "key.remove": Method(NoParams, self._remove_key),
                "proxy.save_password": Method(PasswordParams, self._save_password),
                "proxy.remove_password": Method(NoParams, self._remove_password),
                "user.forget": Method(NoParams, self._forget_user),
                "data.delete_all": Method(WordParams, self._delete_all),
                "diagnostics.copy": Method(NoParams, self._diagnostics),
                "logs.open": Method(NoParams, self._open_logs),
                **updates.for_settings(services),
                "app.open_link": Method(LinkParams, self._open_link),
                "app.open_setup": Method(NoParams, self._open_setup),
                "app.open_agents": Method(NoParams, self._open_agents),
            },
            title=services.texts.get("settings.title"),
        )

    # --- what the page is told ------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        """Everything but the state of the keyring, which may take its time."""
        from desktop.openai_api.lifetime import workflows_over

        services = self._services
        store = services.settings
        texts = services.texts
        return {
            "texts": texts.page("common", "settings", "agents_page"),
            "app": services.brand.app.name,
            "icon": services.brand.app.icon,
            "version": services.brand.version,
            "profile": services.profile,
            "folder": str(services.locations.folder),
            "section": self._section,
            "ended": workflows_over(datetime.now(UTC).date()),
            "notices": [notice.describe(texts) for notice in store.notices],
            "hosts": [{"host": host, "purpose": texts.get(what)} for host, what in HOSTS],
            "links": [name for name, url in self._links().items() if url],
            "updates": updates.shown(services),
            **self._values(),
        }

    def _values(self) -> dict[str, Any]:
        """`{host, agent, look, fields: {name: {value, layer, locked}}}`: what a save may have changed."""
        store = self._services.settings
        settings = store.current
        agent = settings.workflow()
        closed = store.read_only is not None
        fields: dict[str, Any] = {}
        for name in FIELDS:
            fields[name] = field_of(store, name)
        layer = self._agent_layer()
        if agent is not None:
            lock = _lock(layer, store.is_fixed("agents"), closed)
            for name in AGENT_FIELDS:
                value = _value(agent, name.removeprefix("agent."))
                fields[name] = {"value": value, "layer": layer, "locked": lock}
        return {
            "host": host_of(settings.network.api_base),
            "agent": agent is not None,
            "other": self._other(settings),
            "look": look_of(self._services),
            "fields": fields,
        }

    def _other(self, settings: Settings) -> dict[str, str] | None:
        """An agent that is no hosted workflow, in short; the page for agents has the rest."""
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
                told["host"] = texts.get("agents_page.endpoint_gone", id=agent.endpoint)
        return told

    def _agent_layer(self) -> str:
        store = self._services.settings
        layers = (store.layer_of("active_agent"), store.layer_of("agents"))
        return next((layer for layer in layers if layer in ("command_line", "environment")), layers[1])

    # --- saving ----------------------------------------------------------------------------------

    def _save(self, params: SaveParams) -> dict[str, Any]:
        """Saves and answers the values as they are now. Raises SettingsInvalid with `field` set to the page's name."""
        known = self._values()["fields"]
        for name in params.changes:
            if name not in known:
                raise BadParams(problem=f"no such setting: {name}")
            if known[name]["locked"]:
                raise SettingsInvalid(name=name, problem=Phrase("errors.problem.fixed"))
        of_agent = {name: value for name, value in params.changes.items() if name in AGENT_FIELDS}
        others = {
            name: or_below(self._services, name, value)
            for name, value in params.changes.items()
            if name not in of_agent
        }
        try:
            if others.get("network.ca_file"):
                _check_ca_file(others["network.ca_file"])
            agent = self._changed_agent(of_agent) if of_agent else None
            if others:
                self._services.settings.update(others)
            if agent is not None:
                self._services.settings.replace_agent(agent)
        except SettingsInvalid as error:
            raise self._shown(error, params.changes) from None
        if any(name.startswith(ANEW) for name in params.changes):
            self._services.desk.reload_chat()
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
        """The error with the page's own name of the field, in one sentence of its own."""
        name = error.field or ""
        ours = {"workflow": "agent.workflow_id", "version": "agent.version"}.get(name, name)
        if ours.startswith("agents."):
            ours = "agent." + ours.split(".", 2)[-1]
        if not any(ours == changed or ours.startswith(f"{changed}.") for changed in changes):
            ours = next(iter(changes))
        return FieldError(ours, error.values["problem"])

    def _pick_ca_file(self, _: NoParams) -> str | None:
        texts = self._services.texts
        return self._services.desk.pick_file(
            texts.get("settings.ca_file_title"), (texts.get("settings.ca_file_kind"), texts.get("settings.ca_file_any"))
        )

    # --- agent and key ---------------------------------------------------------------------------

    def _check_agent(self, _: NoParams) -> dict[str, Any]:
        """Mints a session with what is stored and cancels it again. Raises what is wrong."""
        minted = self._first.mint(self._first.draft(key=""))
        self._first.discard(minted)
        return {"works": True}

    def _key_status(self, _: NoParams) -> dict[str, Any]:
        """The key's state and whether there is a proxy password; neither of the two itself."""
        status = key_status(self._services)
        try:
            password = self._services.keys.secret(PROXY_SECRET) is not None
        except AppError:
            password = False  # the keyring's trouble is told once, by the key's own status
        return {**status, "proxy_password": password}

    def _replace_key(self, params: KeyParams) -> dict[str, Any]:
        """The new key is checked first; a failure leaves the old one. `{error, can_save, cancelled}`."""

        def wanted() -> Draft:
            if not params.key.strip():
                raise KeyShape(problem=Phrase("settings.key_empty"))
            return self._first.draft(key=params.key)

        if self._services.settings.current.workflow() is None:
            outcome = self._endpoints.run(params.number, lambda: self._key_draft(params), params.keep)
        else:
            outcome = self._first.run(params.number, wanted, params.keep)
        if outcome.error is None and not outcome.cancelled:
            self._services.desk.reload_chat()
        return {**told(outcome, self._services.texts), "can_save": False}

    def _key_draft(self, params: KeyParams) -> EndpointDraft:
        """Without a workflow a key is proved by the models it may use."""
        if not params.key.strip():
            raise KeyShape(problem=Phrase("settings.key_empty"))
        agent = self._services.settings.current.agent()
        ours = isinstance(agent, AssistantAgent) and agent.endpoint == OPENAI_ENDPOINT
        model = (agent.model or DEFAULT_MODEL) if ours and isinstance(agent, AssistantAgent) else ""
        return self._endpoints.draft(key=params.key, model=model)

    def _cancel_key(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._first.cancel(params.number) or self._endpoints.cancel(params.number)}

    def _remove_key(self, _: NoParams) -> dict[str, Any]:
        """Ends the sessions, deletes the key (the key store proves it by a fresh read), and asks for another."""
        services = self._services
        origin = origin_of(services.settings.current.network.api_base)
        services.keeper.cancel_all()
        services.keys.remove(origin)
        services.state.set_key_known(origin, False)
        services.keeper.forget()
        services.desk.emit("chat", "key.removed", KeyMissing(origin=origin).describe(services.texts))
        services.desk.show_setup()
        return key_status(services)

    def _save_password(self, params: PasswordParams) -> dict[str, Any]:
        """Keeps the proxy's password in the keyring; without one, for this session."""
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

    # --- privacy ---------------------------------------------------------------------------------

    def _forget_user(self, _: NoParams) -> None:
        """A new user id at once; the threads of the old one are out of this app's sight."""
        services = self._services
        agent = services.settings.current.agent()
        if agent is None:
            raise AgentNotSet()
        services.keeper.cancel_all()
        services.settings.forget_user(agent.id)
        services.keeper.forget()
        services.state.set_last_thread(agent.id, None)
        services.desk.reload_chat()

    def _delete_all(self, params: WordParams) -> None:
        """Only with the word typed: sessions, keys, password, then everything in the profile's folder; the app ends."""
        services = self._services
        word = services.texts.get("settings.delete_word")
        if params.word.strip().casefold() != word.casefold():
            raise FieldError("word", Phrase("settings.delete_mismatch", {"word": word}))
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
            pass  # where there is no keyring, nothing was kept in it
        services.desk.delete_all_data()

    # --- about -----------------------------------------------------------------------------------

    def _diagnostics(self, _: NoParams) -> dict[str, str]:
        return {"text": self._services.diagnostics()}

    def _open_logs(self, _: NoParams) -> None:
        self._services.desk.open_folder("logs")

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

    def _open_link(self, params: LinkParams) -> None:
        url = self._links().get(params.link)
        if not url:
            raise BadParams(problem=f"no such link: {params.link}")
        self._services.desk.open_external(url)

    def _open_setup(self, _: NoParams) -> None:
        self._services.desk.show_setup()

    def _open_agents(self, _: NoParams) -> None:
        self._services.desk.show_agents()

    def _close(self, _: NoParams) -> None:
        self._services.desk.close_window("settings")


def _value(model: BaseModel, dotted: str) -> Any:
    """The value at a dotted name, as JSON holds it."""
    value: Any = model
    for part in dotted.split("."):
        value = getattr(value, part)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [item.model_dump(mode="json") if isinstance(item, BaseModel) else item for item in value]
    return value


def or_below(services: Services, name: str, value: Any) -> Any:
    """None where `value` is what would be in effect anyway, so that the file holds only what was chosen."""
    from desktop.settings import tree

    below = tree.find(services.brand.settings, tree.split(name))
    return None if below is tree.MISSING and value == _value(Settings(), name) else value


def field_of(store: SettingsStore, name: str) -> dict[str, Any]:
    """`{value, layer, locked}` of a setting, as a page's field takes it."""
    layer = store.layer_of(name)
    lock = _lock(layer, store.is_fixed(name), store.read_only is not None)
    return {"value": _value(store.current, name), "layer": layer, "locked": lock}


def lock_of(store: SettingsStore, name: str, *layers: str) -> str:
    """Why nothing below `name` can be changed here; of the layers over the file only `layers` count."""
    layer = store.layer_of(name)
    return _lock(layer if layer in layers else "settings", store.is_fixed(name), store.read_only is not None)


def _lock(layer: str, fixed: bool, closed: bool) -> str:
    """Why a field can't be changed here: brand, command_line, environment, file, or nothing."""
    if fixed:
        return "brand"
    if layer in ("command_line", "environment"):
        return layer
    return "file" if closed else ""


def _check_ca_file(path: Any) -> None:
    """Raises SettingsInvalid where the file can't be read or holds no certificate in PEM form."""
    try:
        content = Path(str(path)).expanduser().read_bytes()[: 16 * 1024 * 1024]
    except (OSError, ValueError):
        raise SettingsInvalid(name="network.ca_file", problem=Phrase("settings.ca_file_unreadable")) from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise SettingsInvalid(name="network.ca_file", problem=Phrase("settings.ca_file_other"))
