"""The kinds of agent whose chats go over the bridge, and where their models are. Pure models, as `model.py`.

Kept apart from `model.py` because they outlive hosted workflows.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from desktop.settings.base import AgentId, Model, Name, Prompt, shaped

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
TOOL_ROUNDS = 50
"""How often in a row an agent may use tools, where nothing else is set."""
OPENAI_ENDPOINT = "openai"
"""The id of the built-in endpoint: the API of `network.api_base`."""

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]

_VERSION = r" *(===?|[~!<>]=|[<>]) *[A-Za-z0-9][A-Za-z0-9.*+!-]*"
PACKAGE = rf"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._, -]+\])?({_VERSION}( *,{_VERSION})*)? *$"
"""A package's name, perhaps with extras and versions. Neither an address nor an option of pip. Every version after the
first has a comma before it, so that there is one way to read each."""


class InAppAgent(Model):
    """What agents have in common whose requests come to this process: those inside the app, and ChatKit servers."""

    kind: str
    """Who runs the agent."""
    id: AgentId
    """The agent's name inside the settings; its chats and its last thread are kept under it."""
    name: Name = ""
    """What people see; empty: the app's name."""
    greeting: Annotated[str, StringConstraints(max_length=200)] | None = None
    """The line over an empty chat; empty: the one of `chat.greeting`."""
    prompts: list[Prompt] | None = Field(default=None, max_length=12)
    """Buttons on an empty chat; empty: those of `chat.prompts`."""
    view: Literal["auto", "chatkit", "builtin"] = "auto"
    """Which page shows its chats. auto: ChatKit where OpenAI or a ChatKit server answers, else the built-in view."""


class AssistantTools(Model):
    """Tools that OpenAI runs for the model; other endpoints mostly have none of them."""

    web_search: bool = False
    code_interpreter: bool = False
    image_generation: bool = False
    vector_store_ids: list[Annotated[str, shaped(r"^vs_[A-Za-z0-9_-]{1,200}$", "form_vector_store")]] = Field(
        default=[], max_length=20
    )
    """Stores that file search looks into; empty: no file search."""


class AssistantAgent(InAppAgent):
    """Instructions, a model and tools; runs in this process."""

    kind: Literal["assistant"] = "assistant"
    instructions: Annotated[str, StringConstraints(max_length=50_000)] = ""
    """What the assistant is and how it answers."""
    model: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    """The model's id at the endpoint; empty: the app's default model."""
    models: list[Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]] = Field(
        default=[], max_length=20
    )
    """Further models that can be chosen in the composer."""
    reasoning_effort: ReasoningEffort | None = None
    """How long a reasoning model thinks; empty: the model's own default."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How much answers vary; empty: the model's own default. Reasoning models take none."""
    tool_rounds: int | None = Field(default=None, ge=1, le=1000)
    """How often in a row it may use tools for one answer before it asks whether to go on; empty: 50."""
    tools: AssistantTools = Field(default_factory=AssistantTools.model_construct)
    endpoint: AgentId = OPENAI_ENDPOINT
    """The id of the endpoint that has the model."""
    mcp_servers: list[AgentId] = Field(default=[], max_length=20)
    """The ids of the MCP servers whose tools it has."""


class DemoAgent(InAppAgent):
    """Scripted: shows what a chat can do, with no key and no network."""

    kind: Literal["demo"] = "demo"


class CodeAgent(InAppAgent):
    """A Python file of the Agents SDK, or an export of Agent Builder; runs in a process of its own, after a yes."""

    kind: Literal["code"] = "code"
    file: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """Where the file is. It runs only once its content has been approved."""
    packages: list[Annotated[str, shaped(PACKAGE, "form_package", max_length=200)]] = Field(default=[], max_length=50)
    """Packages it needs beside what the app has: names as pip takes them, no addresses."""
    entry: Annotated[str, shaped(r"^([^\W\d]\w{0,99})?$", "form_entry")] = ""
    """The function or the agent of the file that answers; empty: the one that it plainly has."""
    model_overrides: dict[ModelName, ModelName] = Field(default={}, max_length=50)
    """Another model in the place of one that the file names: {named: used}."""
    max_runs: int = Field(default=50, ge=1, le=10_000)
    """How often the file may run its agents for one message; a loop that never ends is ended by it."""
    endpoint: AgentId = OPENAI_ENDPOINT
    """The id of the endpoint whose key and address its default client gets."""
    mcp_servers: list[AgentId] = Field(default=[], max_length=20)
    """The ids of the MCP servers whose tools its agents get, beside their own."""


class ServerAgent(InAppAgent):
    """A ChatKit server that a team runs. Its chats are there; its token is in the keyring (`servers.server_secret`)."""

    kind: Literal["server"] = "server"
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048, strip_whitespace=True)]
    """Where chats are posted to; https, or http on loopback and in the own network. No name, no password, no question
    mark."""
    headers: dict[HeaderName, Annotated[str, StringConstraints(max_length=4096)]] = Field(default={}, max_length=50)
    """What is sent with every request beside the token; nothing secret."""
    token_header: HeaderName = "Authorization"  # noqa: S105 - the name of a header
    """The header of the token: `Bearer TOKEN` in Authorization, the bare token in any other."""
    attachments: bool = False
    """Whether the server takes files (ChatKit's two-phase upload)."""


class Endpoint(Model):
    """An OpenAI-compatible API: Ollama, vLLM, LM Studio, a company gateway."""

    id: AgentId
    name: Name = ""
    """What people see; empty: the host's name."""
    base_url: Annotated[str, StringConstraints(min_length=1, max_length=2048, strip_whitespace=True)]
    """Where it is, without `/v1`; https, or http on loopback and in the own network. A key is kept per origin."""
    whole: bool | None = None
    """Whether the address is whole, with nothing between it and `/chat/completions`; false: `/v1` is; empty: as its
    path looks, and found out where that is wrong."""
    api: Literal["responses", "chat_completions"] = "chat_completions"
    """Which of OpenAI's two protocols it speaks."""
    needs_key: bool = False
    """Whether it asks for a key."""
