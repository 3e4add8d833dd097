"""Builds the parts of the running app and owns their life: what starts first, what may wait, what is undone at the end.

`App` is the pages' `Application`: what a page may ask for beyond its own methods happens here.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.app.beside_chat import BesideChat
from desktop.app.chat_view import ChatView
from desktop.app.code import CodeConsent
from desktop.app.context import Context
from desktop.app.errors import OneViewOnly
from desktop.app.menu import menu, words
from desktop.app.opening import Opening, window_icon
from desktop.app.pages import Pages
from desktop.app.token import TokenRequests
from desktop.app.windows import Windows
from desktop.common.errors import AppError
from desktop.common.locations import assets_dir, is_frozen
from desktop.openai_api.keeper import SessionKeeper
from desktop.settings.agents import OPENAI_ENDPOINT, DemoAgent, InAppAgent, ServerAgent
from desktop.settings.brand import Brand, own_files
from desktop.settings.model import WorkflowAgent
from desktop.settings.origins import origin_of
from desktop.window.bridge import Answered, Bridge
from desktop.window.engine import Engine, Proxy, Scheme
from desktop.window.loopback import require_loopback
from desktop.window.page_server import PageServer
from desktop.window.policy import ANYWHERE, origin, reach
from desktop.window.shell import Looks, Shell

if TYPE_CHECKING:
    from desktop.app.drawing import Drawing
    from desktop.pages.chat.page import Limits
    from desktop.pages.common.services import Services

log = logging.getLogger(__name__)

KEY_LIMIT = 0.3
"""Seconds that the first page may wait for the keyring, where no start before this one has left word of a key."""
EXIT_LIMIT = 1.0
"""Seconds that cancelling sessions may hold up the end of the program."""


class App:
    """One running window application. `watch` is told of every answered call (smoke uses it); `chat_limits` are the
    times of chat pages shown from now on, the page's own where None. `drawing`: what is told whether anything is seen,
    and may want the app to end for a new start; nobody where None."""

    def __init__(
        self,
        context: Context,
        *,
        watch: Callable[[Answered], None] = lambda _answered: None,
        chat_limits: Limits | None = None,
        drawing: Drawing | None = None,
    ) -> None:
        self.context = context
        self._drawing = drawing
        self._watch = watch
        self.started = time.monotonic()
        self.shell: Shell
        self.bridge: Bridge
        self.services: Services
        self._delete_all = False
        self._is_hidden = False
        """Whether nobody else reads this process's memory any more."""
        self.view = ChatView(context)
        self._tokens = TokenRequests()
        self.pages = Pages(self.view, self._tokens, chat_limits)
        self.windows = self._tokens.windows = Windows(context, self.pages.make, self._on_crash)
        self._beside_chat: BesideChat
        self.packaged = is_frozen()
        """From source the app never looks for updates."""
        self.failures: deque[AppError] = deque(maxlen=20)
        """Why answers of agents inside the app have failed, the last ones."""
        self.code: CodeConsent

    # --- life ---------------------------------------------------------------------------------

    def run(self, opening: Opening | None = None) -> int:
        """Open the app and return when its last window has closed; 0, or what the error's exit code says.

        `opening`: one that has begun.
        """
        from desktop.agents.code.own_process import end_marked, hide_memory, leave_no_core
        from desktop.app.diagnostics import Counters
        from desktop.common.logs import set_up

        context = self.context
        leave_no_core()
        if opening is None:
            opening = Opening(context)
            if not opening.begin():
                return 0
        instance = opening.instance
        if opening.engine.name != "qt":
            hide_memory()  # Qt's sandbox has to stand first: when a page has called
            self._is_hidden = True
        with ExitStack() as ending:
            ending.callback(opening.close)
            # Under the lock: another launch must not begin to write here meanwhile. And when all that had files open
            # has closed them: Windows deletes no file that is open.
            ending.callback(self._delete_what_was_to_be_deleted)
            ending.callback(end_marked)
            settings = context.settings
            set_up(context.locations, settings.log_level)
            prompt = context.prompt
            counters = Counters()
            keeper = SessionKeeper(context.settings_store, context.keys, context.make_client, counters)
            ending.callback(keeper.close, EXIT_LIMIT)
            self._build(opening.engine, keeper, counters)
            ending.callback(self.services.agents.close, EXIT_LIMIT)
            ending.callback(self.shell.server.close)
            opening.engine.ending = partial(_end, ending, context)
            first = self._first_page()
            self.windows.show(first)
            instance.serve(self._on_second_launch)
            if prompt:
                self._on_second_launch(prompt)
            # The only two things that run beside the engine before the first paint: the key is read, a session minted.
            # Not earlier: their imports would hold up ours, and the engine waits for its own processes for longer.
            base = self.keyed_address()
            if base:
                context.keys.preload(origin_of(base))
            if first == "chat" and settings.workflow() is not None:
                keeper.prefetch()
            self.shell.run()
            if self._drawing is not None:
                self._drawing.closed()
        return 0

    def _delete_what_was_to_be_deleted(self) -> None:
        """Raises FolderUnwritable."""
        if self._delete_all:
            from desktop.common.logs import shut_down
            from desktop.settings.deletion import delete_profile

            shut_down()
            delete_profile(self.context.locations.folder, keep=(self.context.locations.instance.name,))

    def _build(self, engine: Engine, keeper: SessionKeeper, counters: Any) -> None:
        from desktop.app.approval import Asking
        from desktop.pages.common.key_status import tell_waiting
        from desktop.pages.common.services import Services

        context, brand = self.context, self.context.brand
        asking = Asking(self.windows)
        agents = asking.agents = context.agent_host(
            on_state=self._on_agent_state,
            on_thread=lambda agent, thread: self.emit("chat", "thread.changed", {"agent": agent, "thread": thread}),
            on_failure=self._on_agent_failure,
            on_token=self._tokens.request,
            on_code=self._on_code_wanted,
            on_question=asking.changed,
            counters=counters,
        )
        require_loopback()
        server = PageServer(assets_dir(), context.texts.language, own_files(brand, context.brand_file))
        server.start()
        self.services = Services(
            brand=brand,
            profile=context.profile,
            locations=context.locations,
            texts=context.texts,
            settings=context.settings_store,
            state=context.state,
            drafts=context.drafts,
            keys=context.keys,
            keeper=keeper,
            agents=agents,
            counters=counters,
            app=self,
            make_client=context.make_client,
            diagnostics=self._diagnostics,
            component_url=context.component_url,
            environ=context.environ,
        )
        self.bridge = Bridge(context.texts, on_answered=self._on_answered)
        self.shell = Shell(
            engine=engine,
            server=server,
            bridge=self.bridge,
            storage=context.locations.web,
            looks=Looks(brand.app.id, brand.app.name, window_icon(context)),
            scheme=context.settings.chat.theme.scheme,
            zoom=context.settings.zoom,
            texts=context.texts.get,
            proxy=self._proxy(),
            reach=ANYWHERE if context.settings.privacy.remote_images else reach(self._addresses(server.origin)),
        )
        self.shell.menu, self.shell.words = menu(self, context, self.shell.quit), words(context)
        self.windows.shell = self.shell
        if self._drawing is not None:
            self._drawing.watch(self.shell.quit)
            self.shell.first_frame = self._drawing.first_frame
        self._tokens.agents = agents
        self.code = CodeConsent(self.services, self.windows, context.consents)
        self.pages.services, self.pages.code = self.services, self.code
        self._beside_chat = BesideChat(
            self.services,
            lambda event, data: self.emit("chat", event, data),
            packaged=self.packaged,
            takes_proxy=engine.takes_proxy,
            once=not context.demo,
        )
        context.settings_store.subscribe(self._on_settings)
        context.keys.on_waiting = lambda: tell_waiting(self.services)

    def _addresses(self, own: str) -> Iterator[str]:
        """Whatever the windows have to reach: our own pages, ChatKit's script, and what the person's settings name."""
        settings = self.context.settings
        yield own
        yield self.context.component_url
        yield from (font.src for font in settings.chat.theme.typography.font_sources)
        # Pictures in a server's answers lie beside it.
        yield from (agent.url for agent in settings.agents if isinstance(agent, ServerAgent))

    def _proxy(self) -> Proxy | None:
        """The settings' proxy for the engine, which loads the component; the API client has its own way to it."""
        configured = self.context.settings.network.proxy
        if not configured:
            return None
        from desktop.openai_api.transport import parse_proxy

        try:
            password = self.context.keys.proxy_password(configured)
        except AppError as error:
            log.warning("the proxy's password could not be read: %s", error.code)
            password = ""
        proxy = parse_proxy(configured, password)
        return Proxy(proxy.url, proxy.user, proxy.password)

    def _first_page(self) -> str:
        """The chat, unless something it needs is known to be missing; whether the key is there is asked in parallel."""
        base = self.keyed_address()
        known = base == "" or (base is not None and self.context.keys.known(origin_of(base), within=KEY_LIMIT))
        if not known:
            return "setup"
        return "consent" if self.code.problem() is not None else "chat"

    def keyed_address(self) -> str | None:
        """The API whose key the active agent needs; "" when it needs none, None when there is no agent."""
        settings = self.context.settings
        agent = settings.agent()
        if agent is None or isinstance(agent, WorkflowAgent):
            return None if agent is None else settings.network.api_base
        if isinstance(agent, (DemoAgent, ServerAgent)):
            return ""  # a server that asks for a token says so itself
        if agent.endpoint == OPENAI_ENDPOINT:
            return settings.network.api_base
        found = next((endpoint for endpoint in settings.endpoints if endpoint.id == agent.endpoint), None)
        # An endpoint that is gone is explained where the chat would be.
        return found.base_url if found is not None and found.needs_key else ""

    # --- what pages may ask (Application) ------------------------------------------------------------

    def show_chat(self, *, ask: bool = True) -> None:
        """Open the chat (anew where it is open: what it is made from has changed), then close the setup window."""
        if "chat" in self.windows:
            self.reload_chat()
        if ask and self.code.problem() is not None:
            self.show_consent()
        else:
            self.windows.show("chat")
        self.close_window("setup")

    def show_setup(self) -> None:
        self.windows.show("setup")

    def show_agents(self, agent: str = "", section: str = "") -> None:
        self.windows.show("agents")
        if agent or section:
            self.emit("agents", "agents.section", {"agent": agent, "section": section})

    def show_chats(self) -> None:
        self.windows.show("chats")

    def open_chat(self, agent_id: str, thread_id: str) -> None:
        self.context.state.set_last_thread(agent_id, thread_id)
        self.use_agent(agent_id)

    def use_agent(self, agent_id: str) -> None:
        context = self.context
        active = context.settings.agent()
        if active is None or active.id != agent_id:
            context.settings_store.change(lambda _now: {"active_agent": agent_id})
            context.state.set_taking_over("")
            self.services.keeper.forget()
            self.show_chat()
        else:
            self.windows.show("chat")
        thread_id = context.state.last_thread(agent_id)
        if thread_id is not None:
            # Kept for the page until it has begun: the last chat may not be reopened by itself.
            self.emit("chat", "chat.open", {"agent": agent_id, "id": thread_id})

    def show_consent(self, agent_id: str = "") -> None:
        self.code.show(agent_id)

    def _on_code_wanted(self, agent_id: str, reason: AppError) -> None:
        self.code.request(agent_id, reason)

    def packages_installed(self, agent_id: str) -> None:
        self.code.packages_installed(agent_id)

    def code_approved(self, agent_id: str) -> None:
        self.code.approved(agent_id)

    def show_help(self, place: str = "") -> None:
        self.pages.help_place = place
        self.windows.show("help")
        if place:
            self.emit("help", "help.place", {"place": place})

    def show_settings(self, section: str = "") -> None:
        self.pages.settings_section = section
        self.windows.show("settings")
        if section:
            self.emit("settings", "settings.section", {"section": section})

    def show_builtin(self, reason: str) -> None:
        """The built-in view in the chat's window; `reason` is the code of the error that stands in ChatKit's way."""
        self.view.reason = reason
        self.windows.renew("chat")

    def chat_stuck(self, problem: AppError) -> None:
        """The page's process hangs, and would show nothing that it is given: it is ended first."""
        if isinstance(self.context.settings.agent(), InAppAgent):
            self.view.reason = problem.code
            self.windows.replace("chat", self.pages.make("chat"))
        else:
            self.windows.replace("chat", self.pages.explained_chat(problem))

    def reload_chat(self) -> None:
        """The chat anew; ChatKit is tried again where the built-in view had taken its place."""
        self.view.reason = ""
        self.windows.renew("chat")

    def shows_builtin(self) -> bool:
        return self.view.is_builtin

    def switch_view(self, draft: str | None = None) -> None:
        window = self.windows.get("chat")
        if draft is None and window is not None and window.page.name == "builtin":
            window.emit("view.leave", {})  # comes back with what is being written
            return
        if not self.view.switch():
            self.emit("chat", "notices.added", {"notices": [OneViewOnly().describe(self.context.texts)]})
            return
        agent = self.context.settings.agent()
        thread = self.context.state.last_thread(agent.id) if agent is not None else None
        self.windows.renew("chat")
        if agent is not None and thread is not None:
            # Whether or not the last chat is reopened at a start.
            self.emit("chat", "chat.open", {"agent": agent.id, "id": thread})
        if draft and draft.strip():
            self.emit("chat", "prompt.handed_over", {"text": draft})

    def close_window(self, page: str) -> None:
        self.windows.close(page)

    def set_chat_title(self, title: str) -> None:
        window = self.windows.get("chat")
        if window is not None:
            name = self.context.brand.app.name
            window.set_title(f"{title} — {name}" if title else name)

    def open_external(self, url: str) -> None:
        from desktop.window.outside import open_address

        open_address(url)

    def open_folder(self, which: str) -> None:
        from desktop.window.outside import open_path

        folder = {"logs": self.context.locations.logs, "archive": self.context.locations.archive}[which]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        open_path(folder)

    def pick_file(self, title: str, patterns: tuple[str, ...]) -> str | None:
        window = self.windows.first("consent", "setup", "settings", "agents", "chat")
        return window.pick_file(patterns) if window is not None else None

    def pick_folder(self) -> str | None:
        window = self.windows.get("chats")
        return window.pick_folder() if window is not None else None

    def show_folder(self, folder: Path) -> None:
        from desktop.window.outside import open_path

        open_path(folder)

    def apply_scheme(self, scheme: str) -> None:
        wanted: Scheme = scheme if scheme in ("light", "dark") else "system"  # type: ignore[assignment]
        self.shell.set_scheme(wanted)

    def delete_all_data(self) -> None:
        """Ends the app, then deletes the profile's folder: the engine's files are free only after its end."""
        self._delete_all = True
        self.shell.quit()

    def emit(self, page: str, event: str, data: Any) -> None:
        self.windows.emit(page, event, data)

    # --- what happens -------------------------------------------------------------------------

    def _on_second_launch(self, prompt: str | None) -> None:
        """Another launch of this profile: come forward, and take its prompt into the composer. Nothing else."""
        window = self.windows.first("chat", "setup", "consent")
        if window is not None:
            window.focus()
        if prompt:
            self.emit("chat", "prompt.handed_over", {"text": prompt})
            if self._drawing is not None:
                self._drawing.prompt = prompt

    def _on_crash(self) -> bool:
        self.services.counters.add("renderer_crashes")
        return self._drawing is not None and self._drawing.page_ended()

    def _on_settings(self, names: frozenset[str]) -> None:
        settings = self.context.settings
        if "chat.theme.scheme" in names:
            from desktop.pages.common.look import look_of

            self.apply_scheme(settings.chat.theme.scheme)
            for window in list(self.windows.values()):
                window.emit("look.changed", look_of(self.services))
        if "zoom" in names:
            self.shell.set_zoom(settings.zoom)
        if "agents" in names:
            self.services.agents.tidy()
        for page in ("chat", "settings", "agents", "consent"):
            self.emit(page, "settings.changed", {"names": sorted(names)})

    def _on_answered(self, answered: Answered) -> None:
        if not self._is_hidden:
            from desktop.agents.code.own_process import hide_memory

            hide_memory()
            self._is_hidden = True
        counters = self.services.counters
        if answered.error is not None:
            counters.error(answered.error)
            log.info("%s.%s: %s %s", answered.page, answered.method, answered.error.code, answered.error.detail)
        elif answered.method:
            counters.latency(f"call {answered.method}", answered.seconds)
        self._beside_chat.answered(answered.method)
        self._watch(answered)

    def _on_agent_state(self, state: str) -> None:
        self.emit("chat", "agent.state", {"state": state})
        if state == "light" and self.services.agents.notices:
            told = [notice.describe(self.context.texts) for notice in self.services.agents.notices]
            self.emit("chat", "notices.added", {"notices": told})

    def _on_agent_failure(self, agent_id: str, failure: AppError) -> None:
        self.failures.append(failure)
        self.emit("chat", "agent.failed", {"code": failure.code})
        self.code.failed(agent_id, failure)

    def _told_name(self) -> str:
        """The app's name, and under a maker's name and version what it is made of."""
        brand = self.context.brand
        same = brand.app.id == Brand().app.id
        return brand.app.name if same else f"{brand.app.name} {brand.version}, {Brand().app.name}"

    def _diagnostics(self) -> str:
        from desktop.app.diagnostics import diagnostics_text

        return diagnostics_text(
            settings=self.context.settings_store,
            counters=self.services.counters,
            engine=self.shell.engine.name,
            profile=self.context.profile,
            app=self._told_name(),
            facts={
                "component": origin(self.context.component_url),
                "calls refused": self.bridge.refused,
            },
        )


def _end(ending: ExitStack, context: Context) -> None:
    """What comes after the loop, where the system ends the process inside it."""
    ending.close()
    context.close()
