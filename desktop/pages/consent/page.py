"""The page that shows a code agent's files before they run, and asks for consent. It runs no remote script.

It has its own window, like setup: OpenAI's script in the chat page can't call its methods. Consent applies to the
`Source` that was shown. The files are read again before they run.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from desktop.common.errors import AppError, BadParams, InternalError, Phrase
from desktop.common.page import Method, NoParams, Page, Params
from desktop.pages.agents.edit import name_of
from desktop.pages.common.fields import lock_of
from desktop.pages.common.files import files_of
from desktop.pages.common.help import help_methods
from desktop.pages.common.look import look_of
from desktop.pages.common.services import Services
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, CodeAgent
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.origins import host_of

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.agents.code.consent import Source

log = logging.getLogger(__name__)

PIECE = 60_000
"""Characters of a file returned by one call."""
PATTERNS = ("Python (*.py)",)


class NameParams(Params):
    name: Annotated[str, StringConstraints(max_length=4096)]


class FileParams(NameParams):
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """In characters."""


class ApproveParams(Params):
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """The digest of what the page shows."""


class ConsentPage:
    """One for each showing of the page. `packages`: those the agent needs but did not find. One installation runs at a
    time; it ends with the page."""

    def __init__(
        self,
        services: Services,
        agent_id: str,
        packages: Sequence[str] = (),
        install: Callable[..., None] | None = None,
    ) -> None:
        """`install` replaces `packages.install`."""
        from desktop.agents.code.consent import LIST, Consents

        self._packages = packages
        self._services = services
        self._agent_id = agent_id
        self._consents = Consents(services.locations.folder / LIST)
        self._put = install
        self._lock = threading.Lock()
        self._shown: Source | None = None
        self._cancel: threading.Event | None = None
        self._gone = False

    def page(self) -> Page:
        return Page(
            name="consent",
            html="consent/consent.html",
            files=files_of("consent"),
            methods={
                **help_methods(self._services),
                "consent.start": Method(NoParams, self._start),
                "consent.look": Method(NoParams, self._look),
                "consent.file": Method(FileParams, self._file),
                "consent.changes": Method(NameParams, self._changes),
                "consent.approve": Method(ApproveParams, self._approve),
                "consent.decline": Method(NoParams, self._decline),
                "consent.choose_file": Method(NoParams, self._choose_file),
                "consent.install": Method(NoParams, self._install),
                "consent.cancel": Method(NoParams, self._stop),
                "app.open_agents": Method(NoParams, self._open_agents),
            },
            title=self._services.texts.get("consent.title"),
            on_gone=self._on_gone,
        )

    # --- what is shown ---------------------------------------------------------------------------

    def _start(self, _: NoParams) -> dict[str, Any]:
        services = self._services
        return {
            "texts": services.texts.page("common", "consent"),
            "look": look_of(services),
            **self._look(NoParams()),
        }

    def _look(self, _: NoParams) -> dict[str, Any]:
        """Read the file as it is now. From here on, consent applies to this."""
        services, agent = self._services, self._agent()
        settings = services.settings.current
        active = settings.agent()
        told: dict[str, Any] = {
            "agent": {
                "name": name_of(agent, services.texts),
                "active": (active is not None and active.id == agent.id) or services.state.taking_over(agent.id),
                "can_choose": self._can_choose(),
            },
            "path": agent.file,
            "endpoint": self._endpoint(agent),
            "servers": self._servers(agent),
            "problem": None,
            "source": None,
        }
        from desktop.agents.code.consent import read

        source: Source | None = None
        try:
            source = read(agent.file)
        except AppError as error:
            told["problem"] = error.describe(services.texts)
        with self._lock:
            self._shown = source
        return told if source is None else told | {"path": str(source.path), "source": self._told(source, agent)}

    def _told(self, source: Source, agent: CodeAgent) -> dict[str, Any]:
        """`{digest, state, files: [{name, mark}], gone, missing, installing}`; no text of a file."""
        since = self._consents.since(source)

        def mark(name: str) -> str:
            if since is None:
                return ""
            return "new" if name in since.new else "changed" if name in since.changed else ""

        return {
            "digest": source.digest,
            "state": "approved" if self._consents.given(source) else "changed" if since is not None else "new",
            "files": [{"name": name, "mark": mark(name)} for name in source.files],
            "gone": sorted(since.gone) if since is not None else [],
            "missing": self._missing(source, agent),
            "installing": self._cancel is not None,
        }

    def _file(self, params: FileParams) -> dict[str, Any]:
        """`{text, next, total}`: a piece of a file shown. `next` is None at the end. Raises BadParams."""
        source = self._shown
        if source is None or params.name not in source.files:
            raise BadParams(problem=f"name: {params.name[:100]}")
        text = source.text(params.name)
        end = params.offset + PIECE
        return {"text": text[params.offset : end], "next": end if end < len(text) else None, "total": len(text)}

    def _changes(self, params: NameParams) -> dict[str, Any]:
        """`{lines: [{kind, text, number}] | None, cut}`: changes since the last consent (`changes.Line`); None if
        unknown. Raises BadParams."""
        from desktop.agents.code.changes import compare

        source = self._shown
        if source is None or params.name not in source.files:
            raise BadParams(problem=f"name: {params.name[:100]}")
        before = self._consents.before(source, params.name)
        found = compare(before, source.text(params.name)) if before is not None else None
        if found is None:
            return {"lines": None, "cut": False}
        return {"lines": [asdict(line) for line in found.lines], "cut": found.cut}

    def _endpoint(self, agent: CodeAgent) -> str:
        """The host whose key the code gets; empty if it gets none."""
        if agent.endpoint == OPENAI_ENDPOINT:
            return host_of(self._services.settings.current.network.api_base)
        found = roster.find(self._services.settings.current.endpoints, agent.endpoint)
        if found is None or not found.needs_key:
            return ""
        return found.name or host_of(found.base_url)

    def _servers(self, agent: CodeAgent) -> list[str]:
        """Names of the MCP servers whose tools the code may call."""
        servers = self._services.settings.current.mcp_servers
        found = [roster.find(servers, name) for name in agent.mcp_servers]
        return [server.label for server in found if server is not None]

    def _missing(self, source: Source, agent: CodeAgent) -> list[str]:
        from desktop.agents.code.imports import wanted

        return wanted(source, [*agent.packages, *self._packages], self._place())

    def _place(self) -> Path:
        from desktop.agents.code.packages import folder

        return folder(self._services.locations.folder)

    # --- yes and no ------------------------------------------------------------------------------

    def _approve(self, params: ApproveParams) -> dict[str, Any]:
        """`{done}`. If the file changed in the meantime, nothing is approved, and `state` is the file as it is now.
        Raises BadParams if `digest` is not that of what is shown."""
        from desktop.agents.code.consent import read

        with self._lock:
            shown = self._shown
        if shown is None or shown.digest != params.digest:
            raise BadParams(problem="digest")
        agent = self._agent()
        try:
            same = read(agent.file).digest == shown.digest
        except AppError:
            same = False
        if not same:
            return {"done": False, "state": self._look(NoParams())}
        self._consents.give(shown)
        log.info("%s was approved: %s", shown.name, shown.digest)
        if self._services.state.taking_over(agent.id):
            self._take_over(agent.id)
        self._services.app.code_approved(agent.id)
        return {"done": True, "state": None}

    def _take_over(self, agent_id: str) -> None:
        """If it replaces a workflow, consent makes it the active agent."""
        services = self._services
        services.settings.change(lambda _now: {"active_agent": agent_id})
        services.state.set_taking_over("")
        services.keeper.forget()
        services.app.reload_chat()

    def _decline(self, _: NoParams) -> None:
        """Nothing runs. The chat window says why and offers this page again. If consent was given earlier, the chat
        continues."""
        app, shown = self._services.app, self._shown
        active = self._services.settings.current.agent()
        if shown is not None and self._consents.given(shown):
            app.code_approved(self._agent_id)
            return
        if active is not None and active.id == self._agent_id:
            app.show_chat(ask=False)
        app.close_window("consent")

    def _choose_file(self, _: NoParams) -> dict[str, Any]:
        """Let the person choose another file for this agent, and show it."""
        if not self._can_choose():
            raise SettingsInvalid(name="agents", problem=Phrase("problems.fixed"))
        texts = self._services.texts
        chosen = self._services.app.pick_file(texts.get("consent.choose_file"), PATTERNS)
        if chosen:
            from desktop.pages.agents.page import own

            self._agent()
            self._services.settings.change(
                lambda now: {
                    "agents": [
                        one.model_copy(update={"file": chosen}) if one.id == self._agent_id else one for one in own(now)
                    ]
                }
            )
        return self._look(NoParams())

    def _agent(self) -> CodeAgent:
        agent = roster.find(self._services.settings.current.agents, self._agent_id)
        if not isinstance(agent, CodeAgent):
            raise AgentNotSet()
        return agent

    def _can_choose(self) -> bool:
        return not lock_of(self._services.settings, "agents", "command_line")

    def _open_agents(self, _: NoParams) -> None:
        self._services.app.show_agents()

    # --- packages --------------------------------------------------------------------------------

    def _install(self, _: NoParams) -> dict[str, bool]:
        """Start installing missing packages. pip's output arrives as `consent.line`, the end as `consent.installed`."""
        source, agent = self._shown, self._agent()
        if source is None:
            raise BadParams(problem="source")
        wanted = self._missing(source, agent)
        with self._lock:
            if self._cancel is not None or self._gone:
                return {"started": False}
            cancel = self._cancel = threading.Event()
        threading.Thread(target=self._run, args=(source, agent, wanted, cancel), name="packages", daemon=True).start()
        return {"started": True}

    def _run(self, source: Source, agent: CodeAgent, wanted: list[str], cancel: threading.Event) -> None:
        from desktop.agents.code import packages

        app, failure = self._services.app, None

        def tell(line: str) -> None:
            app.emit("consent", "consent.line", {"line": line[:500]})

        try:
            if wanted:
                from desktop.agents.from_settings import SettingsSources

                route = SettingsSources(self._services.settings, self._services.keys).route("")
                put = self._put or packages.install
                put(wanted, self._place(), file=source.name, on_line=tell, cancel=cancel, route=route)
        except AppError as error:
            failure = error
        except Exception as error:
            log.exception("packages were not installed")
            failure = InternalError(type(error).__name__)
        with self._lock:
            self._cancel = None
            gone = self._gone
        if not gone:
            told = None if failure is None or cancel.is_set() else failure.describe(self._services.texts)
            missing = self._missing(source, agent)
            app.emit("consent", "consent.installed", {"error": told, "missing": missing})
            if not missing:
                app.packages_installed(agent.id)

    def _stop(self, _: NoParams) -> None:
        cancel = self._cancel
        if cancel is not None:
            cancel.set()

    def _on_gone(self) -> None:
        with self._lock:
            self._gone = True
            cancel = self._cancel
        self._services.agents.code_answered(self._agent_id, given=False)  # after consent, nothing is waiting
        if cancel is not None:
            cancel.set()
