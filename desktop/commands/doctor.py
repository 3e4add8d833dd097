"""Checks everything the app needs and says what to do about what is missing. Exit code 0 or 1.

Every check is real: it creates and cancels a session, requests ChatKit's script, and writes to folders. A check that
depends on a failed one says that it was skipped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from desktop.common.errors import AppError
from desktop.keys.errors import KeyMissing
from desktop.openai_api.errors import ClockWrong, NetworkError
from desktop.settings.errors import AgentNotSet
from desktop.window.loopback import require_loopback

if TYPE_CHECKING:
    from desktop.app.context import Context
    from desktop.openai_api.client import ApiClient
    from desktop.settings.agents import ServerAgent
    from desktop.settings.mcp import McpServer

MOST_SKEW = 300.0
"""Seconds a clock may be off before certificates and signatures start to fail."""


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    made: bool = True
    """False if another check has to pass first, so this one was not made. Not part of the report."""

    def told(self) -> dict[str, Any]:
        """The check as JSON."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "hint": self.hint}


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options besides those of all commands."""


def run(context: Context, args: argparse.Namespace) -> int:
    checks = Doctor(context).examine()
    ok = all(check.ok for check in checks)
    if context.json:
        context.print_json(
            {
                "ok": ok,
                "service": context.brand.app.id,
                "version": context.brand.version,
                "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
                "checks": [check.told() for check in checks],
            }
        )
    else:
        for check in checks:
            mark = context.texts.get(f"doctor.{'ok' if check.ok else 'failed' if check.made else 'not_made'}")
            context.print(f"{mark}  {check.name:<10} {check.detail}")
            if check.hint and not check.ok:
                context.print(f"{'':>{len(mark) + 13}}{check.hint}")
        context.print(context.texts.get("doctor.all_well" if ok else "doctor.not_well"))
    return 0 if ok else 1


class Doctor:
    """The checks of one profile, in the order a start needs them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._text = context.texts.get
        self._key: str | None = None
        self._client: ApiClient | None = None
        self._network: AppError | None = None

    def examine(self) -> list[Check]:
        """Run every check. One that fails does not stop the rest."""
        checks: list[tuple[str, Callable[[], str]]] = [
            ("engine", self._engine),
            ("display", self._display),
            ("keyring", self._keyring),
            ("key", self._key_there),
            ("network", self._reach),
            ("tls", self._tls),
            ("clock", self._clock),
            ("agent", self._agent),
            ("session", self._session),
            ("component", self._component),
            ("folders", self._folders),
            *((f"mcp {server.label}"[:40], partial(self._mcp, server)) for server in self._mcp_servers()),
        ]
        done: list[Check] = []
        for name, check in checks:
            try:
                done.append(Check(name, True, check()))
            except AppError as error:
                described = error.describe(self.context.texts)
                done.append(Check(name, False, described["message"], described["hint"]))
            except _Skipped as skipped:
                done.append(Check(name, False, self._text("doctor.skipped", name=skipped.because), made=False))
        if self._client is not None:
            self._client.close()
        return done

    # --- the machine --------------------------------------------------------------------------

    def _engine(self) -> str:
        from desktop.window import engines, webview2

        wanted = getattr(self.context.args, "engine", None)
        if sys.platform in ("win32", "darwin"):
            return " ".join((engines.choose(wanted), webview2.version())).strip()
        there = [name for name, has in (("gtk", engines.has_gtk), ("qt", engines.has_qt)) if has()]
        if not there or (wanted and wanted not in there):
            raise engines.missing(wanted)
        if "gtk" not in there or wanted == "qt":
            engines.refuse_root("qt", self.context.environ)
        return ", ".join(f"{name} ({self._drawn()})" if name == "gtk" else name for name in there)

    def _drawn(self) -> str:
        """How WebKitGTK draws, and why."""
        from desktop.app.drawing import NONE, OWN, USUAL, WAYS, way_of

        environ, kept = self.context.environ, self.context.state.drawn()
        own = sorted(OWN & environ.keys())
        if own:
            return self._text("doctor.drawn_own", variables=", ".join(f"{name}={environ[name]}" for name in own))
        if kept is None or (kept.way == USUAL and kept.settled):
            return self._text("doctor.drawn_usual")
        from desktop.window.gtk import webkit_version

        version = webkit_version()
        way = way_of(kept, version)
        if way != USUAL:
            variables = " ".join(f"{name}={value}" for name, value in WAYS[way].items())
            return self._text("doctor.drawn_otherwise", variables=variables, version=kept.version)
        if kept.version == version and kept.way == NONE:
            return self._text("doctor.drawn_in_vain", version=kept.version)
        return self._text("doctor.drawn_usual")

    def _display(self) -> str:
        from desktop.window import engines
        from desktop.window.errors import DisplayMissing

        environ = self.context.environ
        if not environ.get("DISPLAY") and not environ.get("WAYLAND_DISPLAY") and os.name == "posix":
            if hasattr(os, "uname") and os.uname().sysname == "Darwin":
                return "macOS"
            raise DisplayMissing()
        if os.name == "posix" and not engines.display_answers(environ):
            raise DisplayMissing()
        return environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY") or "Windows"

    def _folders(self) -> str:
        from desktop.common.errors import FolderUnwritable
        from desktop.common.files import ensure_private_dir

        folder = self.context.locations.folder
        ensure_private_dir(folder)
        probe = folder / ".doctor"
        try:
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise FolderUnwritable(path=str(folder), problem=error.strerror or "") from None
        return str(folder)

    # --- the key ------------------------------------------------------------------------------

    @property
    def _origin(self) -> str:
        from desktop.settings.origins import origin_of

        return origin_of(self.context.settings.network.api_base)

    def _keyring(self) -> str:
        status = self.context.keys.status(self._origin)
        if status.problem is not None:
            raise status.problem
        return status.store_name

    def _key_there(self) -> str:
        if self._server is not None:
            return self._text("doctor.not_needed")
        self._key = self.context.keys.read(self._origin)
        if self._key is None:
            raise KeyMissing(origin=self._origin)
        return self._text("doctor.key_there", origin=self._origin)

    # --- the network --------------------------------------------------------------------------

    def _reach(self) -> str:
        """A request that needs no valid key: any answer in the API's format shows that the API can be reached."""
        try:
            require_loopback()
        except NetworkError as error:
            self._network = error
            raise
        if self._server is not None:
            return self._text("doctor.not_needed")
        self._client = self.context.make_client(self.context.settings.network.api_base, self._key or "none")
        try:
            self._client.request("GET", "/models", retries=0)
        except NetworkError as error:
            self._network = error
            raise
        except AppError:
            pass  # the service refused, so it was reached; the session check tests the key
        return self._client.endpoint.host

    def _tls(self) -> str:
        if self._server is not None:
            return self._text("doctor.not_needed")
        from desktop.openai_api.errors import TlsUntrusted, TlsWrongHost
        from desktop.settings.origins import needs_yes

        if isinstance(self._network, (TlsUntrusted, TlsWrongHost)):
            raise self._network
        if self._network is not None:
            raise _Skipped("network")
        if self._origin.startswith("http://"):
            return self._text("doctor.no_tls_own" if needs_yes(self._origin) else "doctor.no_tls")
        return self._text("doctor.tls")

    def _clock(self) -> str:
        if self._server is not None:
            return self._text("doctor.not_needed")
        if isinstance(self._network, ClockWrong):
            raise self._network
        skew = self._client.clock_skew if self._client is not None else None
        if skew is None:
            raise _Skipped("network")
        if abs(skew) > MOST_SKEW:
            assert self._client is not None  # noqa: S101 - a skew comes from a client
            raise ClockWrong(f"off by {round(skew)} s", host=self._client.endpoint.host)
        return self._text("doctor.clock", seconds=round(abs(skew)))

    # --- the chat -----------------------------------------------------------------------------

    @property
    def _server(self) -> ServerAgent | None:
        """The agent, if it is a ChatKit server: it needs nothing from OpenAI's API."""
        from desktop.settings.agents import ServerAgent

        agent = self.context.settings.agent()
        return agent if isinstance(agent, ServerAgent) else None

    def _agent(self) -> str:
        agent, server = self.context.settings.agent(), self._server
        if agent is None:
            raise AgentNotSet()
        if server is not None:
            host = self.context.agent_host()
            try:
                host.remote.ask(server, "threads.list", limit=1)
            finally:
                host.close()
            return self._text("doctor.server", url=server.url)
        return f"{agent.id} ({agent.kind})"

    def _mcp_servers(self) -> Sequence[McpServer]:
        """The MCP servers of the active agent."""
        from desktop.settings.roster import mcp_of

        agent = self.context.settings.agent()
        wanted = mcp_of(agent) if agent is not None else []
        return [server for server in self.context.settings.mcp_servers if server.id in wanted]

    def _mcp(self, server: McpServer) -> str:
        """Really starts or calls the server, which may take minutes if its program is downloaded first."""
        from desktop.agents.from_settings import SettingsSources
        from desktop.agents.mcp.check import check
        from desktop.agents.mcp.servers import OwnVault
        from desktop.settings.mcp import mcp_secret

        keys = self.context.keys
        sources = SettingsSources(self.context.settings_store, keys)
        tools = check(
            server,
            lambda name: keys.secret(mcp_secret(server, name)),
            sources.route,
            tells=lambda told: self.context.warn(told.told.spell(self.context.texts)),
            vault=OwnVault(sources, server) if server.transport == "http" else None,
        )
        return self._text("doctor.mcp", count=sum(1 for tool in tools if tool.remark in ("", "mended")))

    def _session(self) -> str:
        if self._server is not None:
            return self._text("doctor.not_needed")
        from desktop.openai_api import sessions

        settings = self.context.settings
        agent = settings.workflow()
        if agent is None and settings.agent() is not None:
            return self._text("doctor.no_session")
        if agent is None:
            raise _Skipped("agent")
        if self._key is None:
            raise _Skipped("key")
        if self._network is not None or self._client is None:
            raise _Skipped("network")
        # A separate user id, so that a check adds no threads to the person's history.
        today = datetime.now(UTC).date()
        session = sessions.mint(self._client, settings, agent, "doctor", today=today, retries=0)
        sessions.cancel(self._client, session.id)
        return self._text("doctor.session")

    def _component(self) -> str:
        """Requests the first bytes of ChatKit's script, with this profile's proxy and certificates."""
        from urllib.parse import urlsplit

        from desktop.openai_api.script_check import reach

        network = self.context.settings.network
        url = self.context.component_url
        reach(
            url,
            proxy=network.proxy,
            proxy_password=self.context.keys.proxy_password(network.proxy),
            ca_file=network.ca_file,
            timeout=network.timeout_seconds,
        )
        return urlsplit(url).netloc


class _Skipped(Exception):
    """A check that could not be made."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because
