"""All settings. The docstrings are the manual: the help page about settings is made from them.

Pure models: no file, no window. Unknown keys are refused. The defaults here are the lowest layer, below brand, settings
file, environment and command line (`layers.py`). Limits and option names come from OpenAI's API description of 2026-08
and the types of `@openai/chatkit` 1.9.0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent, Endpoint, ServerAgent
from desktop.settings.base import AgentId, Colour, Model, Name, Prompt, shaped
from desktop.settings.mcp import MOST_SERVERS, McpServer
from desktop.settings.origins import needs_yes, plain_origin

VERSION = 1
"""The newest version of the settings file this app reads and writes."""

HttpsOrigin = Annotated[str, StringConstraints(max_length=2048, strip_whitespace=True)]
UserId = Annotated[str, shaped(r"^[A-Za-z0-9_-]{8,64}$", "form_user_id")]


# --- agents -----------------------------------------------------------------------------------


class Tracing(Model):
    enabled: bool = True
    """Whether OpenAI keeps traces of the workflow's runs in its dashboard (OpenAI's default is yes)."""


class WorkflowAgent(Model):
    """A hosted workflow made in Agent Builder and run by OpenAI. Agent Builder ended on 2026-11-30."""

    kind: Literal["workflow"] = "workflow"
    """Who runs the agent."""

    id: AgentId = "workflow"
    """The agent's id in the settings. The user id and the last thread are stored under it."""

    name: Name = ""
    """The name people see; empty for the app's name."""

    workflow_id: Annotated[str, shaped(r"^wf_[A-Za-z0-9_-]{4,200}$", "workflow_id", strip=True)]
    """The workflow's id from Agent Builder, `wf_…`."""

    version: Annotated[str, shaped(r"^[0-9]{1,9}$", "workflow_version", strip=True)] | None = None
    """A version number; empty for the deployed one. `latest` is refused: OpenAI accepts it, but then the chat fails."""

    state_variables: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=4096)] | bool | int | float,
    ] = Field(default={}, max_length=64)
    """Values the workflow starts with: at most 64, with names of at most 64 characters."""

    tracing: Tracing = Field(default_factory=Tracing.model_construct)


def _kind(value: object) -> object:
    """An agent without a kind is a workflow, as in the first version of the settings. A brand may omit it too."""
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
    """Settings for all agents in the app."""

    message_limit: int = Field(default=32_000, ge=100, le=1_000_000)
    """The longest message, in characters."""
    titles: bool = True
    """Whether the model names each chat."""
    tracing: bool = False
    """Whether runs are sent to OpenAI's dashboard. Off unless you switch it on."""
    transcription_model: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    """The model for dictation; empty for no dictation."""
    builtin_view: bool = False
    """Whether the app's own chat page replaces ChatKit for all agents set to `auto`."""


# --- sessions ---------------------------------------------------------------------------------


class FileUpload(Model):
    enabled: bool = False
    """Whether files may be attached in hosted chats."""

    max_file_size: int = Field(default=25, ge=1, le=512)
    """The largest file, in megabytes (1–512)."""

    max_files: int = Field(default=10, ge=1, le=50)
    """The most files per message."""


class SessionHistory(Model):
    enabled: bool = True
    """Whether this user's earlier chats can be opened again."""

    recent_threads: int | None = Field(default=None, ge=1, le=1000)
    """How many recent chats the history lists; empty for all."""


class Session(Model):
    """What a hosted session is created with."""

    expires_after_seconds: int = Field(default=600, ge=1, le=600)
    """How long a client secret lasts, in seconds (1–600). A new one is created before it expires."""

    requests_per_minute: int = Field(default=60, ge=1, le=10_000)
    """Messages per minute allowed in a session (OpenAI's default is 10)."""

    thread_titles: bool = True
    """Whether OpenAI names each chat."""

    file_upload: FileUpload = Field(default_factory=FileUpload.model_construct)
    history: SessionHistory = Field(default_factory=SessionHistory.model_construct)


# --- look of the chat -------------------------------------------------------------------------


class Accent(Model):
    primary: Colour
    """The accent colour, #rrggbb."""

    level: Literal[0, 1, 2, 3] = 1
    """How strongly it tints the chat."""


class Grayscale(Model):
    hue: int = Field(default=220, ge=0, le=360)
    tint: int = Field(default=6, ge=0, le=9)
    shade: int = Field(default=0, ge=-4, le=4)


class Surface(Model):
    background: Colour
    foreground: Colour


class SchemeColours(Model):
    """Colours of one theme. Anything left empty is ChatKit's."""

    accent: Accent | None = None
    grayscale: Grayscale | None = None
    surface: Surface | None = None


class FontSource(Model):
    family: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    src: Annotated[str, shaped(r"^https://", "form_https", max_length=500)]
    """The address of the font file; https only. ChatKit's frame loads it, not the app."""
    weight: int | str | None = None
    style: Literal["normal", "italic", "oblique"] | None = None


class Typography(Model):
    base_size: Literal[14, 15, 16, 17, 18] = 15
    """The chat's text size, in pixels."""
    font_family: Annotated[str, StringConstraints(max_length=200)] | None = None
    font_family_mono: Annotated[str, StringConstraints(max_length=200)] | None = None
    font_sources: list[FontSource] = Field(default=[], max_length=12)


class Theme(Model):
    scheme: Literal["system", "light", "dark"] = "system"
    """Light, dark, or as set in the system."""
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
    """A fixed title; empty for the chat's own."""


class History(Model):
    enabled: bool = True
    show_delete: bool = True
    show_rename: bool = True


class Disclaimer(Model):
    text: Annotated[str, StringConstraints(max_length=500)] = ""
    """A line below the composer; empty for none."""
    high_contrast: bool = False


class Chat(Model):
    """ChatKit's looks and behaviour."""

    theme: Theme = Field(default_factory=Theme.model_construct)
    header: Header = Field(default_factory=Header.model_construct)
    history: History = Field(default_factory=History.model_construct)
    greeting: Annotated[str, StringConstraints(max_length=200)] = ""
    """The line above an empty chat; empty for the app's own."""
    prompts: list[Prompt] = Field(default=[], max_length=12)
    """Buttons in an empty chat."""
    placeholder: Annotated[str, StringConstraints(max_length=120)] = ""
    """The hint in the composer; empty for ChatKit's own."""
    disclaimer: Disclaimer = Field(default_factory=Disclaimer.model_construct)
    feedback: bool = True
    """Thumbs up and down below an answer."""
    retry: bool = True
    """Retry below an answer."""
    auto_scroll: bool = True
    """Whether the chat scrolls along while an answer is written."""
    reopen_last_thread: bool = True
    """Whether the app opens the last chat."""
    locale: Annotated[str, shaped(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?$", "form_language")] | None = None
    """ChatKit's language; empty for the app's."""


# --- the rest ---------------------------------------------------------------------------------


class Privacy(Model):
    """What leaves this computer besides your messages."""

    chatkit_telemetry: bool = False
    """Whether ChatKit's frame reports errors and usage to OpenAI and Datadog. When off, ChatKit is told so, if its
    version supports that."""
    remote_images: bool = False
    """Whether pictures in answers, and icons of cited pages, are loaded from the internet."""


class Network(Model):
    api_base: HttpsOrigin = "https://api.openai.com"
    """The API's address: https, or http on this computer and your network. Each origin has its own key."""
    plain_origins: list[HttpsOrigin] = Field(default=[], max_length=100)
    """Addresses on your network that may use http, without encryption, such as `http://nas.local:11434`. The app asks
    once for each and stores a yes here."""
    proxy: Annotated[str, StringConstraints(max_length=500)] = ""
    """A proxy URL (`http://user@host:port`); empty for the system's. Its password is in the keyring, never here."""
    ca_file: Annotated[str, StringConstraints(max_length=4096)] = ""
    """A PEM file of certificate authorities to trust in addition to the system's."""
    timeout_seconds: float = Field(default=20, ge=1, le=120)
    """How long to wait for the API's answer, in seconds."""

    def allows(self, address: str) -> bool:
        """Whether this address may be used: http on the network has to be allowed, https and loopback always are. False
        for anything that isn't an address."""
        try:
            return not needs_yes(address) or plain_origin(address) in map(plain_origin, self.plain_origins)
        except ValueError:
            return False


class Settings(Model):
    """The settings of one profile."""

    version: Literal[1] = 1
    language: Literal["auto", "en", "fr"] = "auto"
    """The app's language; auto for the system's."""
    agents: list[Agent] = Field(default=[], max_length=200)
    """The agents of this profile."""
    active_agent: str = ""
    """The id of the active agent; empty for the first."""
    user_ids: dict[str, UserId] = Field(default={})
    """The stable user id of each agent, to which hosted threads belong. "Forget me" creates a new one."""
    workflow_worked: dict[str, str] = Field(default={})
    """For each workflow id, the day it last worked (ISO date). This tells a workflow that is gone from one never
    found."""
    endpoints: list[Endpoint] = Field(default=[], max_length=50)
    """OpenAI-compatible APIs besides OpenAI's own, for agents in the app."""
    mcp_servers: list[McpServer] = Field(default=[], max_length=MOST_SERVERS)
    """Programs and addresses that provide tools. An agent uses those it lists."""
    assistant: Assistant = Field(default_factory=Assistant.model_construct)
    session: Session = Field(default_factory=Session.model_construct)
    chat: Chat = Field(default_factory=Chat.model_construct)
    network: Network = Field(default_factory=Network.model_construct)
    privacy: Privacy = Field(default_factory=Privacy.model_construct)
    zoom: float = Field(default=1.0, ge=0.5, le=3.0)
    """The size of everything in the window; 1.0 is 100 %."""
    log_level: Literal["INFO", "DEBUG"] = "INFO"
    check_for_updates: bool = True
    """Whether a packaged app checks its maker's release page once a day for a newer version. It installs nothing."""

    def workflow(self) -> WorkflowAgent | None:
        """The active agent if it is a hosted workflow."""
        agent = self.agent()
        return agent if isinstance(agent, WorkflowAgent) else None

    def agent(self) -> Agent | None:
        """The active agent, or None if there is none yet."""
        for agent in self.agents:
            if agent.id == self.active_agent:
                return agent
        return self.agents[0] if self.agents else None
