"""The processes of code agents: started ahead, taken for a chat, kept for the next message, ended.

Lives on the agents' event loop. Knows the processes, not what is said to them in a turn.
"""

from __future__ import annotations

import asyncio
import base64
import contextvars
import logging
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from desktop.agents.chatkit.runs import CURRENT
from desktop.agents.code import consent
from desktop.agents.code.environment import clean, with_proxy
from desktop.agents.code.errors import CodeEnded
from desktop.agents.code.live import Live, Want
from desktop.agents.code.packages import shipped
from desktop.agents.code.place import Place
from desktop.agents.code.process import Child
from desktop.agents.sources import Sources
from desktop.common.errors import AppError
from desktop.common.files import ensure_private_dir
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyMissing
from desktop.settings.agents import CodeAgent
from desktop.settings.origins import origin_of

log = logging.getLogger(__name__)

MOST_IDLE = 3
"""Processes that wait for the next message. The one that has waited longest ends first."""


class Processes:
    """The processes of all code agents. `silence`: seconds without output until a process gives up on its model."""

    def __init__(self, sources: Sources, texts: Catalogue, place: Place, silence: float) -> None:
        self._sources = sources
        self._texts = texts
        self._place = place
        self._silence = silence
        self._lives: list[Live] = []
        """The least recently used first."""
        self._stopping: set[asyncio.Task[None]] = set()

    async def warm(self, agent: CodeAgent) -> None:
        """Start a process for the next new chat and load the file, if that is allowed. Reports nothing."""
        try:
            want = await self.want(agent)
            if not any(not live.thread and live.fits(agent.id, want) for live in self._lives):
                self._begin(agent.id, want)
        except (AppError, OSError) as error:
            log.info("no process was started ahead: %s", type(error).__name__)

    async def tidy(self) -> None:
        """End processes whose agent is gone, has another file, or lost its consent; busy ones after their turn."""
        for live in list(self._lives):
            live.unwanted = not await asyncio.to_thread(self._is_wanted, live)
            if live.unwanted and not live.busy:
                self.end(live)

    def _is_wanted(self, live: Live) -> bool:
        source = live.want.source
        try:
            agent = self._sources.agent(live.agent_id)
        except AppError:
            return False
        same = isinstance(agent, CodeAgent) and Path(agent.file).expanduser().absolute() == source.path
        return same and self._place.consents.given(source)

    async def close(self, limit: float = 1.0) -> None:
        """End every process."""
        lives, self._lives = self._lives, []
        for task in self._stopping:
            task.cancel()
        for live in lives:
            live.child.kill()
        if lives:
            waits = [asyncio.to_thread(live.child.wait, limit) for live in lives]
            await asyncio.gather(*waits, return_exceptions=True)

    @property
    def ids(self) -> list[int]:
        """Their process ids, for tests and diagnostics."""
        return [live.child.pid for live in self._lives]

    async def want(self, agent: CodeAgent) -> Want:
        """What a process for this agent needs. Raises CodeUnreadable, CodeConsentNeeded, AgentNotSet, KeyMissing,
        KeyStoreError."""
        source = await asyncio.to_thread(consent.read, agent.file)
        await asyncio.to_thread(self._place.consents.require, source)
        endpoint = self._sources.endpoint(agent.endpoint)
        key = await asyncio.to_thread(self._sources.key, endpoint.base_url) if endpoint.needs_key else None
        if endpoint.needs_key and not key:
            raise KeyMissing(origin=origin_of(endpoint.base_url))
        route = await asyncio.to_thread(self._sources.route, endpoint.base_url)
        models = tuple(sorted(agent.model_overrides.items()))
        return Want(source, endpoint, key, with_proxy(route), agent.entry, models, agent.max_runs)

    def _begin(self, agent_id: str, want: Want) -> Live:
        """Raises CodeEnded."""
        secrets = tuple(secret for secret in (want.key, want.route.proxy_password) if secret)
        try:
            environ = clean(self._place.environ, secrets)
            child = Child(want.source.name, environ, lambda: secrets, self._place.start)
        except OSError as error:
            raise CodeEnded(repr(error), file=want.source.name, problem=error.strerror or "") from None
        live = Live(agent_id, want, child)
        self._lives.append(live)
        if self._place.packages is not None:
            with suppress(AppError):
                # Python ignores a missing folder. It must exist, so that a running process finds packages installed
                # later.
                ensure_private_dir(self._place.packages)
        packages = [str(path) for path in (self._place.packages, shipped()) if path is not None]
        child.send({"type": "prepare", "language": self._texts.language, "paths": packages})
        child.send(
            {
                "type": "load",
                "folder": str(want.source.path.parent),
                "main": want.source.name,
                "files": {name: base64.b64encode(data).decode() for name, data in want.source.files.items()},
                "client": {
                    "endpoint": want.endpoint.model_dump(mode="json"),
                    "key": want.key,
                    "route": asdict(want.route),
                    "models": dict(want.models),
                },
                "entry": want.entry,
                "max_runs": want.max_runs,
                "silence": self._silence,
            }
        )
        return live

    def take(self, agent_id: str, thread_id: str, want: Want) -> Live:
        """The process that served this chat, or an unused one, or a new one. It is now busy."""
        for live in list(self._lives):
            stale = live.agent_id == agent_id and not live.busy and not live.fits(agent_id, want)
            if stale or not live.child.alive:
                self.end(live)
        fitting = [live for live in self._lives if live.fits(agent_id, want)]
        had = [one for one in fitting if one.thread == thread_id] or [one for one in fitting if not one.thread]
        live = had[0] if had else self._begin(agent_id, want)
        live.busy, live.thread = True, thread_id
        self._lives.remove(live)
        self._lives.append(live)
        return live

    def rest(self, live: Live) -> None:
        """A turn is over: keep the process for the next one."""
        live.busy = False
        live.held.clear()
        if live.unwanted:
            self.end(live)
        idle = [one for one in self._lives if not one.busy]
        for one in idle[: max(0, len(idle) - MOST_IDLE)]:
            self.end(one)

    def end(self, live: Live) -> None:
        live.busy = True
        live.calls.stop()
        if live in self._lives:
            self._lives.remove(live)
        live.child.kill()

    def stop(self, live: Live) -> None:
        """Ask a run to stop; kill its process if it does not."""
        live.calls.stop()
        if not live.loaded:
            self.end(live)
            return
        context = contextvars.copy_context()
        context.run(CURRENT.set, None)  # otherwise the run would end this task with its own
        task = asyncio.get_running_loop().create_task(self._ask_to_stop(live), context=context)
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _ask_to_stop(self, live: Live) -> None:
        live.child.send({"type": "stop"})
        try:
            async with asyncio.timeout(self._place.stop):
                while (await live.child.receive())["type"] not in ("end", "failed"):
                    pass
            self.rest(live)
        except (TimeoutError, AppError):
            log.info("%s did not stop when asked", live.want.source.name)
            self.end(live)
        except asyncio.CancelledError:
            self.end(live)
            raise
