"""MCP servers on the agents page. The page can set a secret but never gets one.

Knows the page only by the state it returns after a change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from desktop.agents.from_settings import SettingsSources
from desktop.agents.mcp.errors import McpError
from desktop.common import logs
from desktop.common.errors import Phrase
from desktop.common.page import Method, NoParams, Params
from desktop.pages.agents.mcp_check import McpCheck, McpDraft, Tool
from desktop.pages.agents.mcp_dialects import Written, written
from desktop.pages.agents.mcp_edit import LONGEST_SECRET, McpForm, Typed, form_of, split_command
from desktop.pages.agents.mcp_paste import filled, shape_of
from desktop.pages.agents.mcp_sign_in import SignIns, Wanted, offered
from desktop.pages.common.check_run import Closes, FieldError
from desktop.pages.common.checks import CancelParams, told
from desktop.pages.common.fields import lock_of
from desktop.settings import roster
from desktop.settings.errors import SettingsInvalid
from desktop.settings.mcp import McpServer, ToolName, mcp_secret
from desktop.settings.mcp_secrets import taken_out
from desktop.settings.secret_shapes import is_secret

if TYPE_CHECKING:
    from desktop.agents.mcp.grants import Grant
    from desktop.agents.mcp.starts import Starting
    from desktop.common.texts import Catalogue
    from desktop.pages.common.services import Services
    from desktop.settings.model import Settings

LARGEST = 512 * 1024
"""The largest call, in bytes: a form full of variables."""
LONGEST_BLOCK = 100_000
LONGEST_DESCRIPTION = 300
"""Characters shown of a tool's description. The model gets all of it."""
MOST_TOOLS = 500

Id = Annotated[str, StringConstraints(max_length=64)]


class McpIdParams(Params):
    id: Id


class McpSaveParams(McpForm):
    number: Annotated[int, Field(ge=1, le=1_000_000)]
    id: Id = ""
    """Empty for a new one."""
    keep: Literal["keyring", "session"] = "keyring"
    unchecked: bool = False
    pasted: Annotated[int, Field(ge=-1, le=1000)] = -1
    """The server in the pasted block that the secrets belong to; -1 for none."""
    plain: bool = False
    """Whether the person has just allowed http on their own network."""
    sign_in: bool = False
    """Sign in with the browser first; the person has clicked for it."""
    client_id: Typed = ""
    client_secret: Typed = Field(default="", repr=False)
    client_host: Annotated[str, StringConstraints(max_length=300)] = ""
    """The app's client id at the authorization server; if empty, the app registers itself."""


class CommandParams(Params):
    line: Typed


class PasteParams(Params):
    text: Annotated[str, StringConstraints(max_length=LONGEST_BLOCK)]


class FillParams(Params):
    which: Annotated[int, Field(ge=0, le=1000)]
    answers: Annotated[
        dict[Annotated[str, StringConstraints(max_length=200)], Typed], Field(max_length=100, repr=False)
    ]


class ToolParams(Params):
    id: Id
    tool: Annotated[str, StringConstraints(max_length=200)]


class ToolsParams(Params):
    id: Id
    off: Annotated[list[ToolName], Field(max_length=1000)]


@dataclass(frozen=True)
class Stop:
    """Ends a check; for `CheckRuns`."""

    close: Callable[[], None]


def mcp_check(services: Services) -> McpCheck:
    """The check of MCP servers with this application's services."""
    sources = SettingsSources(services.settings, services.keys)

    def begin(
        server: McpServer,
        secrets: Mapping[str, str],
        wanted: Wanted,
        before: Grant | None,
        uses: Callable[[Closes], object],
    ) -> Grant:
        from desktop.agents.mcp.sign_in import Client, sign_in

        return sign_in(
            server,
            secrets,
            sources.route,
            services.app.open_external,
            services.texts,
            name=services.brand.app.name,
            typed=Client(wanted.client_id, wanted.client_secret, wanted.host) if wanted.client_id else None,
            before=before,
            stops=lambda stop: uses(Stop(stop)),
        )

    sign_ins = SignIns(services.keys, sources, begin)

    def ask(server: McpServer, secrets: Mapping[str, str], uses: Callable[[Closes], object]) -> Sequence[Tool]:
        from desktop.agents.mcp.check import check

        return check(
            server,
            secrets.get,
            sources.route,
            stops=lambda stop: uses(Stop(stop)),
            tells=tells,
            vault=sign_ins.vault(server) if server.transport == "http" else None,
        )

    def tells(told: Starting) -> None:
        made.told = told.told

    made = McpCheck(services.keys, services.settings, ask, sign_ins)
    return made


class McpPart:
    """One for each showing of the page. `state`: everything the page needs after a change."""

    def __init__(self, services: Services, state: Callable[[], dict[str, Any]], check: McpCheck | None = None) -> None:
        self._services = services
        self._page_state = state
        self._check = check or mcp_check(services)
        self._written: list[Written] = []
        self._held: dict[int, dict[str, str]] = {}
        """The secrets of a pasted block, by the server's number in it, until it is saved or the page closes."""

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "mcp.get": Method(McpIdParams, self._get),
            "mcp.secrets": Method(McpIdParams, self._secrets),
            "mcp.command": Method(CommandParams, self._command),
            "mcp.read": Method(PasteParams, self._read, limit=LARGEST),
            "mcp.fill": Method(FillParams, self._fill, limit=LARGEST),
            "mcp.progress": Method(NoParams, self._progress),
            "mcp.tools_off": Method(ToolsParams, self._tools_off, limit=LARGEST),
            "mcp.save": Method(McpSaveParams, self._save, limit=LARGEST),
            "mcp.cancel": Method(CancelParams, self._cancel),
            "mcp.ask_again": Method(ToolParams, self._ask_again),
            "mcp.remove": Method(McpIdParams, self._remove),
            "mcp.sign_out": Method(McpIdParams, self._sign_out),
        }

    def state(self) -> dict[str, Any]:
        """The servers, and whether they can be changed."""
        settings = self._services.settings.current
        return {
            "mcp": [
                {
                    "id": one.id,
                    "name": one.label,
                    "below": PurePath(one.command).name if one.transport == "stdio" else urlsplit(one.url).netloc,
                    "users": roster.mcp_users(settings, one.id),
                    "always": [known.tool for known in one.always if known.digest],
                    "off": one.tools_off,
                }
                for one in settings.mcp_servers
            ],
            "mcp_locked": lock_of(self._services.settings, "mcp_servers"),
        }

    def gone(self) -> None:
        """The page is gone: end a running check without saving."""
        self._check.gone()
        self._written, self._held = [], {}
        if self._check.sign_ins is not None:
            self._check.sign_ins.gone()

    def _get(self, params: McpIdParams) -> dict[str, Any]:
        """A server's form, without the values of secrets."""
        return form_of(taken_out(self._found(params.id)).server)  # nor a secret not yet in the keyring

    def _secrets(self, params: McpIdParams) -> dict[str, Any]:
        """Where each secret is kept: `{where: {name: keyring|session|nowhere}, store, problem, signed_in}`.
        `signed_in`: where the sign-in is kept. May wait for the keyring, and stops asking once it has failed."""
        keys, server = self._services.keys, self._found(params.id)
        where = dict.fromkeys(server.secrets, "nowhere")
        problem = None
        for name in server.secrets:
            status = keys.secret_status(mcp_secret(server, name))
            where[name] = status.where
            if status.problem is not None and not status.present:
                problem = status.problem.describe(self._services.texts)
                break
        sign_ins = self._check.sign_ins
        signed = sign_ins.status(server) if sign_ins is not None and problem is None else None
        signed_in = signed.where if signed is not None else "nowhere"
        return {"where": where, "store": keys.store.name, "problem": problem, "signed_in": signed_in}

    def _command(self, params: CommandParams) -> dict[str, Any]:
        """Split a command line as typed in a terminal."""
        command, args = split_command(params.line)
        if any(is_secret(arg) for arg in args):
            raise FieldError("command", Phrase("agents.mcp.args_secret"))
        return {"command": command, "args": args}

    def _read(self, params: PasteParams) -> dict[str, Any]:
        """The servers in a block, with a form for each: `{servers, forms: [{form, held, asks, notes}]}`."""
        self._written, self._held = written(params.text), {}
        shapes = [shape_of(one) for one in self._written]
        return {"servers": shapes, "forms": [self._filled(number, {}) for number in range(len(shapes))]}

    def _fill(self, params: FillParams) -> dict[str, Any]:
        """The form for a server of the block, with the answers filled in."""
        if params.which >= len(self._written):
            raise FieldError("block", Phrase("agents.mcp.paste_empty"))
        return self._filled(params.which, params.answers)

    def _filled(self, which: int, answers: Mapping[str, str]) -> dict[str, Any]:
        made = filled(self._written[which], answers, self._services.environ)
        self._held[which] = made.held
        for value in made.held.values():
            logs.add_secret(value)
        texts = self._services.texts
        return {
            "form": made.form,
            "held": list(made.held),
            "asks": made.asks,
            "notes": [note.spell(texts) for note in made.notes],
        }

    def _progress(self, _params: NoParams) -> dict[str, str]:
        """The progress of the start being checked; empty if there is nothing to report."""
        told = self._check.told
        return {"text": told.spell(self._services.texts) if told is not None else ""}

    def _tools_off(self, params: ToolsParams) -> dict[str, Any]:
        """Set which of a server's tools no agent gets."""
        self._unlocked()

        def changes(settings: Settings) -> dict[str, Any]:
            server = roster.find(settings.mcp_servers, params.id)
            if server is None:
                raise _gone()
            off = list(dict.fromkeys(params.off))
            return {"mcp_servers": roster.put(settings.mcp_servers, server.model_copy(update={"tools_off": off}))}

        self._services.settings.change(changes)
        return self._page_state()

    def _save(self, params: McpSaveParams) -> dict[str, Any]:
        """Check by a real start or call, then save: `{error, can_save, cancelled, id, tools, state}`, plus the result
        of `offered`."""
        self._unlocked()
        drafted: list[McpServer] = []

        form = self._with_held(params)

        def wanted() -> McpDraft:
            draft = self._check.draft(form, params.id, sign_in_of(params), plain=params.plain)
            drafted.append(draft.server)
            return draft

        outcome = self._check.run(params.number, wanted, params.keep, unchecked=params.unchecked)
        done = outcome.error is None and not outcome.cancelled
        answer = told(outcome, self._services.texts)
        if isinstance(outcome.error, McpError):
            # The error's own hint is written for the chat and points here.
            hint = Phrase(f"agents.mcp.hint_{outcome.error.code}", fallback="").spell(self._services.texts)
            how = outcome.error.values.get("how")
            got = how.spell(self._services.texts) if isinstance(how, Phrase) else ""
            answer["error"]["hint"] = f"{got} {hint}".strip()
        if done and params.pasted >= 0:
            self._written, self._held = [], {}
        return {
            **answer,
            **offered(outcome.error, drafted[-1] if drafted else None),
            "id": drafted[-1].id if done else "",
            "moved": _moved(drafted[-1], params) if done else [],
            "tools": self._tools() if done and not params.unchecked else [],
            "state": self._page_state(),
        }

    def _with_held(self, params: McpSaveParams) -> McpForm:
        """The form with secrets of the pasted block where none was typed."""
        held = self._held.get(params.pasted, {})
        rows = {
            kind: [
                row.model_copy(update={"value": held[row.name]})
                if row.secret and not row.value and row.name in held
                else row
                for row in given
            ]
            for kind, given in (("variables", params.variables), ("headers", params.headers))
        }
        return params.model_copy(update=rows)

    def _tools(self) -> list[dict[str, str]]:
        return [shown(tool, self._services.texts) for tool in self._check.tools[:MOST_TOOLS]]

    def _cancel(self, params: CancelParams) -> dict[str, bool]:
        return {"stopped": self._check.cancel(params.number)}

    def _ask_again(self, params: ToolParams) -> dict[str, Any]:
        """From now on, ask before this tool runs."""
        self._unlocked()

        def changes(settings: Settings) -> dict[str, Any]:
            server = roster.find(settings.mcp_servers, params.id)
            if server is None:
                raise _gone()
            left = [one for one in server.always if one.tool != params.tool]
            return {"mcp_servers": roster.put(settings.mcp_servers, server.model_copy(update={"always": left}))}

        self._services.settings.change(changes)
        return self._page_state()

    def _remove(self, params: McpIdParams) -> dict[str, Any]:
        """Remove the server, its secrets, and its use by every agent."""
        self._unlocked()
        agents = lock_of(self._services.settings, "agents", "command_line") == ""
        self._check.remove(self._found(params.id), agents=agents)
        return self._page_state()

    def _sign_out(self, params: McpIdParams) -> dict[str, Any]:
        """Delete the sign-in; the server stays. Raises KeyStoreError."""
        if self._check.sign_ins is not None:
            self._check.sign_ins.drop(self._found(params.id))
        return self._page_state()

    def _found(self, server_id: str) -> McpServer:
        server = roster.find(self._services.settings.current.mcp_servers, server_id)
        if server is None:
            raise _gone()
        return server

    def _unlocked(self) -> None:
        if lock_of(self._services.settings, "mcp_servers"):
            raise SettingsInvalid(name="mcp_servers", problem=Phrase("problems.fixed"))


def _moved(server: McpServer, form: McpForm) -> list[str]:
    """Names of secrets that were typed inside another field."""
    rows = {row.name.strip() for row in (*form.variables, *form.headers)}
    return [name for name in server.secrets if name not in rows]


def sign_in_of(params: McpSaveParams) -> Wanted | None:
    """Raises FieldError."""
    if not params.sign_in:
        return None
    client, secret = params.client_id.strip(), params.client_secret.strip()
    if params.client_host and not client:
        raise FieldError("client_id", Phrase("agents.mcp.client_id_empty"))
    for name, value in (("client_id", client), ("client_secret", secret)):
        if len(value) > LONGEST_SECRET or not (value.isascii() and (value.isprintable() or not value)):
            raise FieldError(name, Phrase("problems.form_plain"))
    return Wanted(client, secret, params.client_host)


def _gone() -> FieldError:
    return FieldError("mcp", Phrase("agents.mcp.gone"))


def shown(tool: Tool, texts: Catalogue) -> dict[str, str]:
    """A tool as the page lists it, with `remark` for a note and `left_out` if it can't be used."""
    about = " ".join(tool.description.split())
    short = about if len(about) <= LONGEST_DESCRIPTION else f"{about[: LONGEST_DESCRIPTION - 1].rstrip()}…"
    told = {"name": tool.name, "description": short}
    remark = getattr(tool, "remark", "")
    if remark:
        told["remark"] = Phrase(f"agents.mcp.tool_{remark}", fallback="").spell(texts)
        told["left_out"] = "" if remark == "mended" else "yes"
    return told
