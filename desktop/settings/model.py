"""Every setting there is: this module is the manual of the settings file.

Pure models: no file, no window. Unknown keys are refused. Defaults here are the lowest layer;
brand, settings file, environment and command line lie over them (`layers.py`).
Limits and option names come from OpenAI's API description of 2026-08 and from the types of
`@openai/chatkit` 1.9.0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent, Endpoint, ServerAgent
from desktop.settings.base import AgentId, Colour, Model, Name, Prompt, shaped
from desktop.settings.mcp import MOST_SERVERS, McpServer
from desktop.settings.origins import needs_yes, plain_origin

VERSION = 1
"""The newest version of the settings file that this app reads and writes."""

HttpsOrigin = Annotated[str, StringConstraints(max_length=2048, strip_whitespace=True)]
UserId = Annotated[str, shaped(r"^[A-Za-z0-9_-]{8,64}$", "form_user_id")]


# --- agents -----------------------------------------------------------------------------------


class Tracing(Model):
    enabled: bool = True
    """Whether OpenAI keeps traces of the workflow's runs in its dashboard (OpenAI's default: yes)."""


class WorkflowAgent(Model):
    """A hosted workflow made in Agent Builder. OpenAI runs it; Agent Builder ended on 2026-11-30."""

    kind: Literal["workflow"] = "workflow"
    """Who runs the agent."""

    id: AgentId = "workflow"
    """The agent's name inside the settings; the user id and the last thread are kept under it."""

    name: Name = ""
    """What people see; empty: the app's name."""

    workflow_id: Annotated[str, shaped(r"^wf_[A-Za-z0-9_-]{4,200}$", "workflow_id", strip=True)]
    """The workflow's id, `wf_…`, from Agent Builder."""

    version: Annotated[str, shaped(r"^[0-9]{1,9}$", "workflow_version", strip=True)] | None = None
    """A version number; empty: the deployed one. `latest` is refused: OpenAI accepts it and the chat then fails."""

    state_variables: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=4096)] | bool | int | float,
    ] = Field(default={}, max_length=64)
    """Values the workflow starts with: at most 64, names of at most 64 characters."""

    tracing: Tracing = Field(default_factory=Tracing.model_construct)


def _kind(value: object) -> object:
    """An agent without a kind is a workflow: so wrote the first version of the settings, and so may a brand."""
    return value.get("kind", "workflow") if isinstance(value, dict) else getattr(value, "kind", None)


Agent = Annotated[
    Annotated[WorkflowAgent, Tag("workflow")]
    | Annotated[AssistantAgent, Tag("assistant")]
    | Annotated[CodeAgent, Tag("code")]
    | Annotated[DemoAgent, Tag("demo")]
    | Annotated[ServerAgent, Tag("server")],
    Discriminator(_kind),
]
"""Any kind of agent."""


class Assistant(Model):
    """What holds for every agent inside the app."""

    message_limit: int = Field(default=32_000, ge=100, le=1_000_000)
    """Longest message, in characters."""
    titles: bool = True
    """Whether a chat gets its title from the model."""
    tracing: bool = False
    """Whether runs are sent to OpenAI's dashboard; off unless switched on."""
    transcription_model: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    """The model that writes down what is dictated; empty: no dictation."""
    builtin_view: bool = False
    """Whether the app's own chat page takes ChatKit's place for every agent whose own choice is `auto`."""


# --- sessions ---------------------------------------------------------------------------------


class FileUpload(Model):
    enabled: bool = False
    """Whether files may be attached in a hosted chat."""

    max_file_size: int = Field(default=25, ge=1, le=512)
    """Largest file, in megabytes (1–512)."""

    max_files: int = Field(default=10, ge=1, le=50)
    """Most files per message."""


class SessionHistory(Model):
    enabled: bool = True
    """Whether earlier chats of this user can be opened again."""

    recent_threads: int | None = Field(default=None, ge=1, le=1000)
    """How many recent chats the history lists; empty: all."""


class Session(Model):
    """What a hosted session is minted with."""

    expires_after_seconds: int = Field(default=600, ge=1, le=600)
    """Life of a client secret, in seconds (1–600); a new one is minted before it ends."""

    requests_per_minute: int = Field(default=60, ge=1, le=10_000)
    """Messages a minute that a session allows (OpenAI's own default is 10)."""

    thread_titles: bool = True
    """Whether OpenAI names each chat by itself."""

    file_upload: FileUpload = Field(default_factory=FileUpload.model_construct)
    history: SessionHistory = Field(default_factory=SessionHistory.model_construct)


# --- look of the chat -------------------------------------------------------------------------


class Accent(Model):
    primary: Colour
    """The accent colour, #rrggbb."""

    level: Literal[0, 1, 2, 3] = 1
    """How strongly it colours the chat."""


class Grayscale(Model):
    hue: int = Field(default=220, ge=0, le=360)
    tint: int = Field(default=6, ge=0, le=9)
    shade: int = Field(default=0, ge=-4, le=4)


class Surface(Model):
    background: Colour
    foreground: Colour


class SchemeColours(Model):
    """Colours of one scheme; everything left empty is ChatKit's own."""

    accent: Accent | None = None
    grayscale: Grayscale | None = None
    surface: Surface | None = None


class FontSource(Model):
    family: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    src: Annotated[str, shaped(r"^https://", "form_https", max_length=500)]
    """Where the font file is loaded from; https only. The component's frame loads it, not the app."""
    weight: int | str | None = None
    style: Literal["normal", "italic", "oblique"] | None = None


class Typography(Model):
    base_size: Literal[14, 15, 16, 17, 18] = 15
    """Text size of the chat in pixels."""
    font_family: Annotated[str, StringConstraints(max_length=200)] | None = None
    font_family_mono: Annotated[str, StringConstraints(max_length=200)] | None = None
    font_sources: list[FontSource] = Field(default=[], max_length=12)


class Theme(Model):
    scheme: Literal["system", "light", "dark"] = "system"
    """Light, dark, or as the system is set."""
    radius: Literal["pill", "round", "soft", "sharp"] = "round"
    density: Literal["compact", "normal", "spacious"] = "normal"
    light: SchemeColours = Field(default_factory=SchemeColours.model_construct)
    dark: SchemeColours = Field(default_factory=SchemeColours.model_construct)
    typography: Typography = Field(default_factory=Typography.model_construct)


class Header(Model):
    enabled: bool = True
    title: bool = True
    """Whether the header shows the chat's title."""
    title_text: Annotated[str, StringConstraints(max_length=80)] = ""
    """A fixed title; empty: the chat's own."""


class History(Model):
    enabled: bool = True
    show_delete: bool = True
    show_rename: bool = True


class Disclaimer(Model):
    text: Annotated[str, StringConstraints(max_length=500)] = ""
    """A line under the composer; empty: none."""
    high_contrast: bool = False


class Chat(Model):
    """What ChatKit is told about its looks and behaviour."""

    theme: Theme = Field(default_factory=Theme.model_construct)
    header: Header = Field(default_factory=Header.model_construct)
    history: History = Field(default_factory=History.model_construct)
    greeting: Annotated[str, StringConstraints(max_length=200)] = ""
    """The line over an empty chat; empty: ours."""
    prompts: list[Prompt] = Field(default=[], max_length=12)
    """Buttons on an empty chat."""
    placeholder: Annotated[str, StringConstraints(max_length=120)] = ""
    """The hint in the composer; empty: ChatKit's own."""
    disclaimer: Disclaimer = Field(default_factory=Disclaimer.model_construct)
    feedback: bool = True
    """Thumbs up and down under an answer."""
    retry: bool = True
    """Retry under an answer."""
    auto_scroll: bool = True
    """Whether the chat follows an answer as it is written."""
    reopen_last_thread: bool = True
    """Whether the app opens where it was left."""
    locale: Annotated[str, shaped(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$", "form_language")] | None = None
    """ChatKit's language; empty: the app's."""


# --- the rest ---------------------------------------------------------------------------------


class Privacy(Model):
    """What leaves this computer beside what was said."""

    chatkit_telemetry: bool = False
    """Whether ChatKit's frame reports errors and use to OpenAI and Datadog; off where its version can be told so."""
    remote_images: bool = False
    """Whether pictures that an answer names, and icons of the pages it cites, are loaded from the internet."""


class Network(Model):
    api_base: HttpsOrigin = "https://api.openai.com"
    """Where the API is; https, or http on loopback and in the own network. The key is kept per origin."""
    plain_origins: list[HttpsOrigin] = Field(default=[], max_length=100)
    """Addresses in the own network that are reached over http, unencrypted: `http://nas.local:11434`. The app asks once
    for each; here a yes is kept."""
    proxy: Annotated[str, StringConstraints(max_length=500)] = ""
    """A proxy URL (`http://user@host:port`); empty: the system's. Its password lives in the keyring, never here."""
    ca_file: Annotated[str, StringConstraints(max_length=4096)] = ""
    """A PEM file of further certificate authorities to trust, beside the system's."""
    timeout_seconds: float = Field(default=20, ge=1, le=120)
    """How long to wait for an answer of the API."""

    def allows(self, address: str) -> bool:
        """Whether somebody has said yes to http where an address is; there is nothing to say for https and loopback.
        False too for what is no address."""
        try:
            return not needs_yes(address) or plain_origin(address) in map(plain_origin, self.plain_origins)
        except ValueError:
            return False


class Settings(Model):
    """The settings of one profile."""

    version: Literal[1] = 1
    language: Literal["auto", "en", "fr"] = "auto"
    """The app's language; auto: the system's."""
    agents: list[Agent] = Field(default=[], max_length=200)
    """The agents of this profile."""
    active_agent: str = ""
    """The id of the agent that opens; empty: the first."""
    user_ids: dict[str, UserId] = Field(default={})
    """The stable user id per agent; hosted threads belong to it. "Forget me" makes a new one."""
    workflow_worked: dict[str, str] = Field(default={})
    """Per workflow id, the day it last worked (ISO date): what tells a workflow that is gone from one never found."""
    endpoints: list[Endpoint] = Field(default=[], max_length=50)
    """OpenAI-compatible APIs beside OpenAI's own, for agents inside the app."""
    mcp_servers: list[McpServer] = Field(default=[], max_length=MOST_SERVERS)
    """Programs and addresses that bring agents tools; an agent has those that it names."""
    assistant: Assistant = Field(default_factory=Assistant.model_construct)
    session: Session = Field(default_factory=Session.model_construct)
    chat: Chat = Field(default_factory=Chat.model_construct)
    network: Network = Field(default_factory=Network.model_construct)
    privacy: Privacy = Field(default_factory=Privacy.model_construct)
    zoom: float = Field(default=1.0, ge=0.5, le=3.0)
    """Size of everything in the window, 1.0 is 100 %."""
    log_level: Literal["INFO", "DEBUG"] = "INFO"
    check_for_updates: bool = True
    """Whether a packaged app asks its maker's release page once a day for a newer version. It installs nothing."""

    def workflow(self) -> WorkflowAgent | None:
        """The agent that opens where it is a hosted workflow."""
        agent = self.agent()
        return agent if isinstance(agent, WorkflowAgent) else None

    def agent(self) -> Agent | None:
        """The agent that opens, or None where there is none yet."""
        for agent in self.agents:
            if agent.id == self.active_agent:
                return agent
        return self.agents[0] if self.agents else None
