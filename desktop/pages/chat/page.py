"""The chat page. OpenAI's script runs in it, so nothing here returns the key or a setting.

The only secret the page gets is a client secret: ChatKit needs it, and it expires within ten minutes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from desktop.common.errors import AppError, InternalError
from desktop.common.page import Method, NoParams, Page, Params, Sources
from desktop.openai_api.errors import ComponentUnreachable
from desktop.pages.chat import workflow_notice
from desktop.pages.chat.errors import ComponentBlank, ComponentFailed, ComponentLate
from desktop.pages.chat.options import chatkit_options
from desktop.pages.chat.watch import StartWatch
from desktop.pages.common import updates
from desktop.pages.common.agent_stream import AgentMethods
from desktop.pages.common.archiving import Archiving
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.services import Services
from desktop.pages.common.windows import window_methods
from desktop.settings.agents import InAppAgent
from desktop.settings.errors import AgentNotSet
from desktop.settings.origins import origin_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """The page's times in milliseconds; `backoff` in seconds."""

    ready_ms: int = 10_000
    """For ChatKit's script, again for its `ready` (its frame has loaded), and again for a sign of life."""
    blank_ms: int = 5_000
    """How long after `ready` the page checks whether the chat went blank (the domain check takes 1–2 s)."""
    skeleton_ms: int = 300
    slow_ms: int = 3_000
    method_ms: int = 10_000
    """For ChatKit's methods, which wait for a `ready` that may never come."""
    mint_ms: int = 180_000
    """For `session.mint`: the keyring may wait for a person, and the API is retried."""
    backoff: tuple[int, ...] = (5, 10, 20, 40, 60)
    """Seconds between the page's own retries; the last value repeats."""

    @property
    def whole(self) -> float:
        """Seconds after which the app ends a start the page says nothing about: longer than all the page's own limits
        together."""
        return 6 * self.ready_ms / 1000 + 5


class StartParams(Params):
    without_thread: bool = False
    """Start with a new chat, because ChatKit failed on the last one."""


class MintParams(Params):
    reason: Literal["mount", "expiry", "retry"] = "mount"


class ReadyParams(Params):
    ms: Annotated[int, Field(ge=0, le=86_400_000)]
    """Since the page began to load."""


class ProblemParams(Params):
    code: Literal[
        "component_unreachable",
        "component_late",
        "component_failed",
        "component_blank",
        "renderer_crashed",
        "csp",
        "page",
    ]
    detail: Annotated[str, StringConstraints(max_length=2_000)] = ""
    shown: bool = True
    """If false, it is counted and logged, but not shown."""


class FallBackParams(Params):
    code: Literal["component_unreachable", "component_late", "component_failed", "component_blank"]
    detail: Annotated[str, StringConstraints(max_length=2_000)] = ""


class LeftOutParams(Params):
    options: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,40}(\.[A-Za-z]{1,40})?$")]], Field(max_length=40)
    ] = Field(default=[])
    """Names of ChatKit's options."""


class ThreadParams(Params):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")] | None


class ResponseParams(Params):
    phase: Literal["start", "end"]


class LinkParams(Params):
    link: Literal["status", "usage", "api_keys", "workflows"]
    """The name of one of the brand's links: a page with OpenAI's script can't choose an address."""


class WorkflowEndParams(Params):
    way: Literal["", "code", "assistant"] = ""
    """What the person wants to do; empty to see the options."""


def component_error(code: str, detail: str, component_url: str, ready_ms: int) -> AppError:
    """The page's report as an error with a sentence."""
    from urllib.parse import urlsplit

    match code:
        case "component_unreachable":
            return ComponentUnreachable(detail, host=urlsplit(component_url).netloc)
        case "component_late":
            return ComponentLate(detail, seconds=round(ready_ms / 1000))
        case "component_failed":
            return ComponentFailed(detail, problem=detail[:200])
        case "component_blank":
            return ComponentBlank(detail)
        case _:
            return InternalError(detail)


def _today() -> date:
    return datetime.now(UTC).date()


class ChatPage:
    """One for each showing of the page. `problem`: shown instead of the chat."""

    def __init__(
        self,
        services: Services,
        problem: AppError | None = None,
        limits: Limits | None = None,
        today: Callable[[], date] = _today,
    ) -> None:
        self._services = services
        self._today = today
        self._problem = problem
        self._limits = limits or Limits()
        self._agent = AgentMethods(services, "chat")
        self._archiving = Archiving(services)
        self._watch = StartWatch(self._limits.whole, self._stuck)
        self._lock = threading.Lock()
        self._thread: str | None = None
        self._answering_since = 0.0

    def page(self) -> Page:
        services = self._services
        component = origin_of(services.component_url)
        # It is not documented whether only ChatKit's frame talks to the API, or its script too.
        connect = () if self._agent.agent_id else (origin_of(services.settings.current.network.api_base),)
        language = services.texts.language
        return Page(
            name="chat",
            html="chat/chat.html",
            files=(
                *files_of("chat"),
                # Texts for when the page can't reach the app.
                f"texts/{language}/common.json",
                f"texts/{language}/chat.json",
            ),
            methods={
                **help_methods(services),
                "chat.start": Method(StartParams, self._start),
                "session.mint": Method(MintParams, self._mint),
                "chat.ready": Method(ReadyParams, self._ready),
                "chat.problem": Method(ProblemParams, self._report),
                "chat.left_out": Method(LeftOutParams, self._left_out),
                "chat.fall_back": Method(FallBackParams, self._fall_back),
                "chat.thread": Method(ThreadParams, self._follow),
                "chat.response": Method(ResponseParams, self._response),
                "chat.reload": Method(NoParams, self._reload),
                "app.open_diagnostics": Method(NoParams, self._open_diagnostics),
                **window_methods(services),
                "app.open_link": Method(LinkParams, self._open_link),
                "app.open_workflow_end": Method(WorkflowEndParams, self._open_workflow_end),
                "chat.ahead_seen": Method(NoParams, self._ahead_seen),
                **updates.for_chat(self._services),
                "archive.start": Method(NoParams, self._archive),
                "archive.cancel": Method(NoParams, self._archiving.cancel),
                "archive.open": Method(NoParams, self._archiving.open),
                **self._agent.methods,
            },
            sources=Sources(
                script=(component,),
                frame=(component,),
                connect=connect,
                # ChatKit's element has an inline shadow style; without it the chat has no height.
                inline_style=True,
            ),
            title=services.brand.app.name,
            on_gone=self._gone,
        )

    def _gone(self) -> None:
        self._watch.end()
        self._agent.gone()

    # --- the start ----------------------------------------------------------------------------------

    def _start(self, params: StartParams) -> dict[str, Any]:
        """Everything the page needs to start, without waiting for the keyring or the network."""
        services = self._services
        settings = services.settings.current
        agent = settings.agent()
        problem = self._problem or (AgentNotSet() if agent is None else None)
        told: dict[str, Any] = {"options": {}, "themes": {"light": {}, "dark": {}}}
        if agent is not None:
            reopen = settings.chat.reopen_last_thread and not params.without_thread
            thread = services.state.last_thread(agent.id) if reopen else None
            told = chatkit_options(settings, agent, services.texts, services.brand, thread)
        if problem is None:
            self._watch.begin()
        else:
            self._watch.end()
        return {
            "texts": services.texts.page("common", "chat", "archive"),
            "look": look_of(services),
            "component": {"url": services.component_url},
            "agent": {
                "id": agent.id if agent else "",
                "in_app": isinstance(agent, InAppAgent),
                "state": services.agents.state_for(agent.id) if agent else services.agents.state,
            },
            **told,
            "limits": asdict(self._limits) | {"backoff": list(self._limits.backoff)},
            "notices": [error.describe(services.texts) for error in services.settings.notices],
            "problem": problem.describe(services.texts) if problem else None,
            "ahead": workflow_notice.told(agent, services, self._today()),
        }

    def _mint(self, params: MintParams) -> dict[str, Any]:
        """`{client_secret, expires_at}` of a session that was never given out before, and nothing else."""
        self._watch.hold()  # the keyring or the network may take longer than ChatKit may
        try:
            secret, expires_at = self._services.keeper.client_secret(params.reason)
        except AppError:
            self._watch.end()  # the page is alive: it shows the error, and waits before it retries
            raise
        finally:
            self._watch.go_on()
        return {"client_secret": secret, "expires_at": expires_at}

    # --- what the page tells --------------------------------------------------------------------------

    def _ready(self, params: ReadyParams) -> None:
        self._watch.end()
        log.info("the chat was ready %d ms after its page began to load", params.ms)
        self._services.counters.add("chats_ready")
        self._services.counters.latency("chat_ready", params.ms / 1000)

    def _report(self, params: ProblemParams) -> dict[str, Any]:
        """The problem in the person's language if it is shown, otherwise `{}`."""
        counters = self._services.counters
        # On one line: a report may contain line breaks, and a page must not write its own log lines.
        log.warning("the page reports %s: %s", params.code, " ".join(params.detail.split()))
        if params.code == "csp":
            counters.add("csp_violations")
            return {}
        if not params.shown:
            counters.add("component_errors")
            return {}
        self._watch.end()  # the page explains the error and retries itself
        error = self._error(params)
        counters.error(error)
        return dict(error.describe(self._services.texts))

    def _fall_back(self, params: FallBackParams) -> None:
        """ChatKit is unavailable but the agent runs in the app, so the built-in view takes its place."""
        if not self._agent.agent_id:
            raise AgentNotSet()
        self._watch.end()
        log.warning("the built-in view takes ChatKit's place: %s %s", params.code, " ".join(params.detail.split()))
        self._services.counters.error(self._error(params))
        self._services.app.show_builtin(params.code)

    def _stuck(self) -> None:
        """No chat and no report from the page: its process hangs, and our own script with it."""
        error = ComponentLate("neither ready nor a word of the page", seconds=round(self._limits.whole))
        log.warning("the chat page did not begin within %.0f s: its process is ended", self._limits.whole)
        self._services.counters.error(error)
        self._services.app.chat_stuck(error)

    def _left_out(self, params: LeftOutParams) -> None:
        """Options this version of ChatKit refused. The chat works without them; the diagnostics list them."""
        log.warning("ChatKit is used without options that this version may refuse: %s", ", ".join(params.options))
        for name in params.options:
            self._services.counters.add(f"chatkit_without_{name}")

    def _error(self, params: ProblemParams | FallBackParams) -> AppError:
        return component_error(params.code, params.detail, self._services.component_url, self._limits.ready_ms)

    def _follow(self, params: ThreadParams) -> dict[str, Any]:
        """Remember the open thread and show its title in the window. `{title}`, None while it has none."""
        services = self._services
        agent = services.settings.current.agent()
        if agent is None:
            raise AgentNotSet()
        services.state.set_last_thread(agent.id, params.id)
        with self._lock:
            other = self._thread != params.id
            self._thread = params.id
        if other:
            services.app.set_chat_title("")
        title = self._title_of(params.id) if params.id else None
        with self._lock:
            current = self._thread == params.id
        if title and current:
            services.app.set_chat_title(title)
        return {"title": title}

    def _title_of(self, thread: str) -> str | None:
        """Ask for the title, since ChatKit only reports the id. Failing to get it does no harm."""
        try:
            if self._agent.agent_id:
                title = self._agent.title(thread)
            else:
                from desktop.openai_api import threads

                title = threads.get_thread(self._services.keeper.api(), thread).title
        except AppError as error:
            log.info("the title of the open chat is not known: %s", error.code)
            return None
        return " ".join((title or "").split())[:120] or None

    def _response(self, params: ResponseParams) -> None:
        counters = self._services.counters
        if params.phase == "start":
            self._answering_since = time.monotonic()
            if not self._agent.agent_id:  # messages to an agent in the app are counted where they arrive
                counters.add("messages")
        elif self._answering_since:
            counters.latency("answer", time.monotonic() - self._answering_since)
            self._answering_since = 0.0

    def _ahead_seen(self, _: NoParams) -> None:
        workflow_notice.seen(self._services.settings.current.agent(), self._services, self._today())

    # --- what the page asks the app for -----------------------------------------------------------------

    def _reload(self, _: NoParams) -> None:
        self._services.app.reload_chat()

    def _open_diagnostics(self, _: NoParams) -> None:
        """Open the place where a person can copy them. This page runs OpenAI's script and never gets them."""
        self._services.app.show_settings("diagnostics")

    def _open_link(self, params: LinkParams) -> None:
        self._services.app.open_external(getattr(self._services.brand.links, params.link))

    def _open_workflow_end(self, params: WorkflowEndParams) -> None:
        """Show the options for the active workflow in the agents window, because OpenAI's script runs here."""
        agent = self._services.settings.current.workflow()
        if agent is None:
            raise AgentNotSet()
        self._services.app.show_agents(agent.id, f"road.{params.way}" if params.way else "road")

    def _archive(self, _: NoParams) -> dict[str, bool]:
        return self._archiving.start(self._services.settings.current.workflow())
