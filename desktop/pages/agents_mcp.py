"""The MCP servers' part of the page for agents: its methods. A secret goes in and never comes out.

Knows the page only by the state that it hands back after a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from desktop.agents.from_settings import SettingsSources
from desktop.errors import McpError, Phrase, SettingsInvalid
from desktop.page import Method, Params
from desktop.pages.check_run import Closes, FieldError
from desktop.pages.checks import CancelParams, told
from desktop.pages.fields import lock_of
from desktop.pages.mcp_check import McpCheck, McpDraft, Tool
from desktop.pages.mcp_edit import McpForm, Typed, form_of, split_command
from desktop.pages.mcp_paste import read_block
from desktop.settings import roster
from desktop.settings.mcp import McpServer, mcp_secret
from desktop.settings.secret_shapes import is_secret

if TYPE_CHECKING:
    from desktop.pages.services import Services
    from desktop.settings.model import Settings

LARGEST = 512 * 1024
"""Bytes of one call: a form full of variables."""
LONGEST_BLOCK = 100_000
LONGEST_DESCRIPTION = 300
"""Characters of a tool's description that are shown; the model is given all of it."""
MOST_TOOLS = 500

Id = Annotated[str, StringConstraints(max_length=64)]


class McpIdParams(Params):
    id: Id


class McpSaveParams(McpForm):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    id: Id = ""
    """Empty: a new one."""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False


class CommandParams(Params):
    line: Typed


class PasteParams(Params):
    text: Annotated[str, StringConstraints(max_length=LONGEST_BLOCK)]


class ToolParams(Params):
    id: Id
    tool: Annotated[str, StringConstraints(max_length=200)]


@dataclass(frozen=True)
class Stop:
    """What ends a check, as `CheckRuns` wants it."""

    close: Callable[[], None]


def mcp_check(services: Services) -> McpCheck:
    """The check of MCP servers with this application's parts."""
    sources = SettingsSources(services.settings, services.keys)

    def ask(server: McpServer, secrets: Mapping[str, str], uses: Callable[[Closes], object]) -> Sequence[Tool]:
        from desktop.agents.mcp.check import check

        return check(server, secrets.get, sources.route, stops=lambda stop: uses(Stop(stop)))

    return McpCheck(services.keys, services.settings, ask)


class McpPart:
    """One for each showing of the page. `state`: everything that the page is told after a change."""

    def __init__(self, services: Services, state: Callable[[], dict[str, Any]], check: McpCheck | None = None) -> None:
        self._services = services
        self._page_state = state
        self._check = check or mcp_check(services)

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "mcp.get": Method(McpIdParams, self._get),
            "mcp.secrets": Method(McpIdParams, self._secrets),
            "mcp.command": Method(CommandParams, self._command),
            "mcp.read": Method(PasteParams, self._read, limit=LARGEST),
            "mcp.save": Method(McpSaveParams, self._save, limit=LARGEST),
            "mcp.cancel": Method(CancelParams, self._cancel),
            "mcp.ask_again": Method(ToolParams, self._ask_again),
            "mcp.remove": Method(McpIdParams, self._remove),
        }

    def state(self) -> dict[str, Any]:
        """The list, and whether it can be changed."""
        settings = self._services.settings.current
        return {
            "mcp": [
                {
                    "id": one.id,
                    "name": one.label,
                    "below": PurePath(one.command).name if one.transport == "stdio" else urlsplit(one.url).netloc,
                    "users": roster.mcp_users(settings, one.id),
                    "always": one.always,
                }
                for one in settings.mcp_servers
            ],
            "mcp_locked": lock_of(self._services.settings, "mcp_servers"),
        }

    def gone(self) -> None:
        """Nobody looks any more: what is being checked ends, and is not saved."""
        self._check.gone()

    def _get(self, params: McpIdParams) -> dict[str, Any]:
        """The form of a server; never a secret's value."""
        return form_of(self._found(params.id))

    def _secrets(self, params: McpIdParams) -> dict[str, Any]:
        """Where each secret is kept: `{where: {name: keyring|session|nowhere}, store, problem}`. May wait for the
        keyring, and asks no more of one that could not be asked."""
        keys, server = self._services.keys, self._found(params.id)
        where = dict.fromkeys(server.secrets, "nowhere")
        problem = None
        for name in server.secrets:
            status = keys.secret_status(mcp_secret(server, name))
            where[name] = status.where
            if status.problem is not None and not status.present:
                problem = status.problem.describe(self._services.texts)
                break
        return {"where": where, "store": keys.store.name, "problem": problem}

    def _command(self, params: CommandParams) -> dict[str, Any]:
        """A line as in a terminal, taken apart."""
        command, args = split_command(params.line)
        if any(is_secret(arg) for arg in args):
            raise FieldError("command", Phrase("agents_mcp.args_secret"))
        return {"command": command, "args": args}

    def _read(self, params: PasteParams) -> dict[str, Any]:
        return {"servers": read_block(params.text)}

    def _save(self, params: McpSaveParams) -> dict[str, Any]:
        """Checked by a real start or call, then saved. `{error, can_save, cancelled, id, tools, state}`."""
        self._unlocked()
        drafted: list[McpServer] = []

        def wanted() -> McpDraft:
            draft = self._check.draft(params, params.id)
            drafted.append(draft.server)
            return draft

        outcome = self._check.run(params.number, wanted, params.keep, unchecked=params.unchecked)
        done = outcome.error is None and not outcome.cancelled
        answer = told(outcome, self._services.texts)
        if isinstance(outcome.error, McpError):
            # Its own hint is written for the chat, and sends people here.
            hint = Phrase(f"agents_mcp.hint_{outcome.error.code}", fallback="")
            answer["error"]["hint"] = hint.spell(self._services.texts)
        return {
            **answer,
            "id": drafted[-1].id if done else "",
            "tools": [shown(tool) for tool in self._check.tools[:MOST_TOOLS]] if done and not params.unchecked else [],
            "state": self._page_state(),
        }

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._check.cancel(params.number)}

    def _ask_again(self, params: ToolParams) -> dict[str, Any]:
        """A tool that ran without a question is asked for from now on."""
        self._unlocked()

        def changes(settings: Settings) -> dict[str, Any]:
            server = roster.find(settings.mcp_servers, params.id)
            if server is None:
                raise _gone()
            left = [one for one in server.always if one != params.tool]
            return {"mcp_servers": roster.put(settings.mcp_servers, server.model_copy(update={"always": left}))}

        self._services.settings.change(changes)
        return self._page_state()

    def _remove(self, params: McpIdParams) -> dict[str, Any]:
        """The server, its secrets, and its place with every agent."""
        self._unlocked()
        agents = lock_of(self._services.settings, "agents", "command_line") == ""
        self._check.remove(self._found(params.id), agents=agents)
        return self._page_state()

    def _found(self, server_id: str) -> McpServer:
        server = roster.find(self._services.settings.current.mcp_servers, server_id)
        if server is None:
            raise _gone()
        return server

    def _unlocked(self) -> None:
        if lock_of(self._services.settings, "mcp_servers"):
            raise SettingsInvalid(name="mcp_servers", problem=Phrase("errors.problem.fixed"))


def _gone() -> FieldError:
    return FieldError("mcp", Phrase("agents_mcp.gone"))


def shown(tool: Tool) -> dict[str, str]:
    """A tool as the page lists it."""
    about = " ".join(tool.description.split())
    short = about if len(about) <= LONGEST_DESCRIPTION else f"{about[: LONGEST_DESCRIPTION - 1].rstrip()}…"
    return {"name": tool.name, "description": short}
