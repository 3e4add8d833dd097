"""The kinds of agent whose chats go over the bridge, and their endpoints. Pure models, like `model.py`.

Separate from `model.py` because they outlive hosted workflows.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from desktop.settings.base import AgentId, Model, Name, Prompt, shaped

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
TOOL_ROUNDS = 50
"""How many times in a row an agent may use tools by default."""
OPENAI_ENDPOINT = "openai"
"""The id of the built-in endpoint: the API at `network.api_base`."""

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]

_VERSION = r" *(===?|[~!<>]=|[<>]) *[A-Za-z0-9][A-Za-z0-9.*+!-]*"
PACKAGE = rf"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._, -]+\])?({_VERSION}( *,{_VERSION})*)? *$"
"""A package's name, optionally with extras and versions. No address, and no option for pip. Every version after the
first follows a comma, so the text can be read in only one way."""


class InAppAgent(Model):
    """Common to all agents whose requests come to this process: agents in the app, and ChatKit servers."""

    kind: str
    """Who runs the agent."""
    id: AgentId
    """The agent's id in the settings. Its chats and its last thread are stored under it."""
    name: Name = ""
    """The name people see; empty for the app's name."""
    greeting: Annotated[str, StringConstraints(max_length=200)] | None = None
    """The line above an empty chat; empty for `chat.greeting`."""
    prompts: list[Prompt] | None = Field(default=None, max_length=12)
    """Buttons in an empty chat; empty for `chat.prompts`."""
    view: Literal["auto", "chatkit", "builtin"] = "auto"
    """The page that shows its chats. auto: ChatKit if OpenAI or a ChatKit server answers, otherwise the built-in
    view."""


class AssistantTools(Model):
    """Tools run by OpenAI. Most other endpoints have none of them."""

    web_search: bool = False
    code_interpreter: bool = False
    image_generation: bool = False
    vector_store_ids: list[Annotated[str, shaped(r"^vs_[A-Za-z0-9_-]{1,200}$", "form_vector_store")]] = Field(
        default=[], max_length=20
    )
    """Vector stores for file search; empty for no file search."""


class AssistantAgent(InAppAgent):
    """Instructions, a model and tools. Runs in this process."""

    kind: Literal["assistant"] = "assistant"
    instructions: Annotated[str, StringConstraints(max_length=50_000)] = ""
    """What the assistant is and how it answers."""
    model: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    """The model's id at the endpoint; empty for the app's default model."""
    models: list[Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]] = Field(
        default=[], max_length=20
    )
    """More models to choose from in the composer."""
    reasoning_effort: ReasoningEffort | None = None
    """How long a reasoning model thinks; empty for the model's default."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How much answers vary; empty for the model's default. Reasoning models don't accept it."""
    tool_rounds: int | None = Field(default=None, ge=1, le=1000)
    """How many times in a row it may use tools for one answer before it asks whether to go on; empty for 50."""
    tools: AssistantTools = Field(default_factory=AssistantTools.model_construct)
    endpoint: AgentId = OPENAI_ENDPOINT
    """The id of the endpoint with the model."""
    mcp_servers: list[AgentId] = Field(default=[], max_length=20)
    """Ids of the MCP servers whose tools it may use."""


class DemoAgent(InAppAgent):
    """Scripted. Shows what a chat can do, without a key or a network."""

    kind: Literal["demo"] = "demo"


class CodeAgent(InAppAgent):
    """A Python file that uses the Agents SDK, or an Agent Builder export. Runs in its own process, after consent."""

    kind: Literal["code"] = "code"
    file: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    """The file's path. It runs only after its content has been approved."""
    packages: list[Annotated[str, shaped(PACKAGE, "form_package", max_length=200)]] = Field(default=[], max_length=50)
    """Packages it needs besides the app's own: names as for pip, no addresses."""
    entry: Annotated[str, shaped(r"^([^\W\d]\w{0,99})?$", "form_entry")] = ""
    """The function or the agent in the file that answers; empty if there is only one candidate."""
    model_overrides: dict[ModelName, ModelName] = Field(default={}, max_length=50)
    """Models to use instead of those named in the file: {named: used}."""
    max_runs: int = Field(default=50, ge=1, le=10_000)
    """How many times the file may run its agents for one message. This stops an endless loop."""
    endpoint: AgentId = OPENAI_ENDPOINT
    """The id of the endpoint whose key and address its default client uses."""
    mcp_servers: list[AgentId] = Field(default=[], max_length=20)
    """Ids of the MCP servers whose tools its agents may use, besides their own."""


class ServerAgent(InAppAgent):
    """A ChatKit server run by a team. Its chats are on the server; its token is in the keyring
    (`servers.server_secret`)."""

    kind: Literal["server"] = "server"
    url: Annotated[str, StringConstraints(min_length=1, max_length=2048, strip_whitespace=True)]
    """The address messages are posted to: https, or http on this computer and your network. No user name, no password,
    no question mark."""
    headers: dict[HeaderName, Annotated[str, StringConstraints(max_length=4096)]] = Field(default={}, max_length=50)
    """Headers sent with every request besides the token. Nothing secret."""
    token_header: HeaderName = "Authorization"  # noqa: S105 - the name of a header
    """The header for the token: `Bearer TOKEN` in Authorization, the token alone in any other."""
    attachments: bool = False
    """Whether the server accepts files (ChatKit's two-phase upload)."""


class Endpoint(Model):
    """An OpenAI-compatible API: Ollama, vLLM, LM Studio, a company gateway."""

    id: AgentId
    name: Name = ""
    """The name people see; empty for the host's name."""
    base_url: Annotated[str, StringConstraints(min_length=1, max_length=2048, strip_whitespace=True)]
    """The address without `/v1`: https, or http on this computer and your network. Each origin has its own key."""
    whole: bool | None = None
    """Whether the address is complete, so that `/chat/completions` follows directly; false if `/v1` comes in between.
    If empty, the app goes by the path, and finds out if that is wrong."""
    api: Literal["responses", "chat_completions"] = "chat_completions"
    """Which of OpenAI's two protocols it speaks."""
    needs_key: bool = False
    """Whether it needs a key."""
