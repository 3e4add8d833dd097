"""The built-in view: our own chat page for agents in the app. `settings.view` says which agents have it.

It speaks ChatKit's protocol through `agent_stream`. This module adds its texts and Markdown; `chats` the
list beside it.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.common.errors import InternalError
from desktop.common.installed import agents_missing
from desktop.common.page import Method, NoParams, Page, Params
from desktop.openai_api.errors import ThreadNotFound
from desktop.pages.builtin.chats import ChatMethods
from desktop.pages.builtin.models import ModelMethods
from desktop.pages.builtin.versions import Versions
from desktop.pages.chat.options import chatkit_options
from desktop.pages.common import updates
from desktop.pages.common.agent_stream import AgentMethods
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import chat_look_of
from desktop.pages.common.services import Services
from desktop.pages.common.windows import window_methods
from desktop.settings.agents import InAppAgent, ServerAgent
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.agents.store.stores import Stores

log = logging.getLogger(__name__)

MB = 1024 * 1024
TEXT = 4 * MB
"""The largest text rendered in one call, in bytes."""


@dataclass(frozen=True)
class Limits:
    """The page's times, in milliseconds."""

    render_ms: int = 80
    """Between two renderings of a streaming answer; longer if rendering itself takes longer."""
    skeleton_ms: int = 300
    search_ms: int = 150
    """From the last key to the start of a search."""


class RenderParams(Params):
    text: Annotated[str, StringConstraints(max_length=TEXT)]
    growing: bool = False
    """Whether the text is still growing. Its last block is then returned separately."""


class RenderAllParams(Params):
    texts: Annotated[list[Annotated[str, StringConstraints(max_length=TEXT)]], Field(max_length=200)]


class ThreadParams(Params):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")] | None


class DraftParams(ThreadParams):
    """`id` None: of a chat that has none yet."""

    text: Annotated[str, StringConstraints(max_length=TEXT)]


class ReadyParams(Params):
    ms: Annotated[int, Field(ge=0, le=86_400_000)]
    """Since the page began to load."""


class ProblemParams(Params):
    code: Literal["csp", "page"]
    detail: Annotated[str, StringConstraints(max_length=2_000)] = ""


class LeaveParams(Params):
    text: Annotated[str, StringConstraints(max_length=TEXT)] = ""
    """The text in the composer, which is passed on to the next page."""


class BuiltinPage:
    """One for each showing of the page. `reason`: the code of the error that keeps ChatKit from loading; empty if this
    page is the agent's own view."""

    def __init__(self, services: Services, reason: str = "", limits: Limits | None = None) -> None:
        self._services = services
        self._reason = reason
        self._limits = limits or Limits()
        self._agents = AgentMethods(services, "builtin", approves=True)
        self._chats = ChatMethods(services)
        self._models = ModelMethods(services, self._agents.agent_id)

    def page(self) -> Page:
        language = self._services.texts.language
        return Page(
            name="builtin",
            html="builtin/builtin.html",
            files=(
                *files_of("builtin"),
                # Texts for when the page can't reach the app.
                f"texts/{language}/common.json",
                f"texts/{language}/builtin.json",
            ),
            methods={
                **help_methods(self._services),
                **self._agents.methods,
                **self._chats.methods,
                **self._models.methods,
                "builtin.start": Method(NoParams, self._start),
                "builtin.ready": Method(ReadyParams, self._ready),
                "builtin.problem": Method(ProblemParams, self._report),
                "builtin.thread": Method(ThreadParams, self._follow),
                "builtin.draft": Method(DraftParams, self._keep_draft, limit=TEXT),
                "builtin.render": Method(RenderParams, self._render, limit=TEXT),
                "builtin.render_all": Method(RenderAllParams, self._render_all, limit=TEXT),
                "builtin.try_chatkit": Method(LeaveParams, self._reload, limit=TEXT),
                "builtin.switch_view": Method(LeaveParams, self._switch_view, limit=TEXT),
                "builtin.reload": Method(LeaveParams, self._reload, limit=TEXT),
                **Versions(self._services, self._agents).methods,
                **window_methods(self._services),
                "diagnostics.copy": Method(NoParams, self._diagnostics),
                **updates.for_chat(self._services),
            },
            title=self._services.brand.app.name,
            on_gone=self._agents.gone,
        )

    # --- the start ----------------------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        """Everything the page needs to start. Waits for no agent, and reads nothing but the settings."""
        services = self._services
        settings, texts = services.settings.current, services.texts
        chat, agent = settings.chat, settings.agent()
        told: dict[str, Any] = {
            "texts": texts.page("common", "builtin"),
            "look": chat_look_of(services),
            "agent": None,
            "reason": self._reason,
            "limits": asdict(self._limits) | {"message": settings.assistant.message_limit},
            "notices": [error.describe(texts) for error in services.settings.notices],
            "problem": None,
        }
        if not isinstance(agent, InAppAgent):
            return told | {"problem": AgentNotSet().describe(texts)}
        # The same texts and choices as in ChatKit.
        options = chatkit_options(settings, agent, texts, services.brand, None)["options"]
        composer, start = options["composer"], options["startScreen"]
        return told | {
            "agent": {
                "id": agent.id,
                "name": agent.name or services.brand.app.name,
                "known": self._models.known(),
                "tools": [_choice(tool) for tool in composer.get("tools", ())],
                "state": services.agents.state_for(agent.id),
            },
            "agents": self._chats.agents(),
            "side": self._chats.side(),
            "greeting": start["greeting"],
            "prompts": [{"label": prompt["label"], "prompt": prompt["prompt"]} for prompt in start["prompts"]],
            "placeholder": chat.placeholder or texts.get("builtin.placeholder"),
            "disclaimer": chat.disclaimer.text,
            "features": {
                "history": options["history"]["enabled"],
                "rename": chat.history.show_rename,
                "delete": chat.history.show_delete,
                "feedback": chat.feedback,
                "retry": chat.retry,
                "versions": not isinstance(agent, ServerAgent),
                "auto_scroll": chat.auto_scroll,
                "attachments": not isinstance(agent, ServerAgent) or agent.attachments,
            },
            "thread": services.state.last_thread(agent.id) if chat.reopen_last_thread else None,
            "drafts": services.drafts.of(agent.id),
        }

    # --- what the page tells --------------------------------------------------------------------------

    def _ready(self, params: ReadyParams) -> None:
        log.info("the built-in view was ready %d ms after its page began to load", params.ms)
        self._services.counters.add("chats_ready")
        self._services.counters.latency("chat_ready", params.ms / 1000)

    def _report(self, params: ProblemParams) -> None:
        # On one line: a report may contain line breaks, and a page must not write its own log lines.
        log.warning("the built-in view reports %s: %s", params.code, " ".join(params.detail.split()))
        if params.code == "csp":
            self._services.counters.add("csp_violations")
        else:
            self._services.counters.error(InternalError(params.detail))

    def _follow(self, params: ThreadParams) -> dict[str, Any]:
        """Remember the open chat and show its title in the window. `{title, feedback: {item: kind}, model, answered_by:
        {item: model}}`: the chat's own model, empty for the agent's, and the answers that another one made."""
        services = self._services
        agent_id = self._agents.agent_id
        if not agent_id:
            raise AgentNotSet()
        if params.id is None:
            services.state.set_last_thread(agent_id, None)
            services.app.set_chat_title("")
            return {"title": None, "feedback": {}, "model": "", "answered_by": {}}
        found, noted = self._known(params.id)
        services.state.set_last_thread(agent_id, params.id)
        title = " ".join((found or "").split())[:120] or None
        services.app.set_chat_title(title or "")
        by_item = {name: noted.get(name) for name in ("feedback", "answered_by")}
        model = noted.get("model")
        return {
            "title": title,
            "model": model if isinstance(model, str) else "",
            **{name: told if isinstance(told, dict) else {} for name, told in by_item.items()},
        }

    def _known(self, thread_id: str) -> tuple[str | None, dict[str, Any]]:
        """The chat's title and metadata. Raises ThreadNotFound, and whatever a ChatKit server raises."""
        if self._agents.is_server:
            return self._agents.title(thread_id), {}  # a server does not report earlier feedback
        context = self._services.agents.context(self._agents.agent_id)

        async def load(stores: Stores) -> tuple[str | None, dict[str, Any]]:
            from chatkit.store import NotFoundError

            try:
                thread = await stores.threads.load_thread(thread_id, context)
            except NotFoundError:
                raise ThreadNotFound(thread_id, thread=thread_id) from None
            return thread.title, thread.metadata

        return self._services.agents.call(load)

    def _keep_draft(self, params: DraftParams) -> None:
        """Raises AgentNotSet, FolderUnwritable."""
        if not self._agents.agent_id:
            raise AgentNotSet()
        self._services.drafts.keep(self._agents.agent_id, params.id or "", params.text)

    # --- markdown ---------------------------------------------------------------------------------------

    def _render(self, params: RenderParams) -> dict[str, Any]:
        """`{html, tail, settled, refers, held, code}`: for a growing text, `html` is final and covers the first
        `settled` UTF-16 units; `tail` is the rest. `refers`: the finished text must be rendered as a whole. `held`: the
        last characters wait for more. `code`: the text ends inside code. Raises AgentsMissing."""
        with _Libraries():
            from desktop.common.rendering import refers, render, render_growing

            text = params.text
            if not params.growing:
                told = {"html": render(text), "tail": "", "settled": _units(text)}
                return told | {"refers": refers(text), "held": False, "code": False}
            part = render_growing(text)
            told = {"html": part.html, "tail": part.tail, "settled": _units(text[: part.settled])}
            return told | {"refers": refers(text), "held": part.held, "code": part.code}

    def _render_all(self, params: RenderAllParams) -> dict[str, list[str]]:
        """`{html: [...]}`, one entry per text. Raises AgentsMissing."""
        with _Libraries():
            from desktop.common.rendering import render

            return {"html": [render(text) for text in params.texts]}

    # --- what the page asks the app for -----------------------------------------------------------------

    def _switch_view(self, params: LeaveParams) -> None:
        self._services.app.switch_view(params.text)

    def _reload(self, params: LeaveParams) -> None:
        self._services.app.reload_chat()
        if params.text.strip():
            self._services.app.emit("chat", "prompt.handed_over", {"text": params.text})

    def _diagnostics(self, _: NoParams) -> dict[str, str]:
        return {"text": self._services.diagnostics()}


def _choice(offered: dict[str, Any]) -> dict[str, str]:
    return {"id": offered["id"], "label": offered["label"]}


def _units(text: str) -> int:
    """The length as JavaScript counts it."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


class _Libraries:
    """Raises AgentsMissing if the Markdown libraries are not installed."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ModuleNotFoundError):
            raise agents_missing(str(error)) from None
