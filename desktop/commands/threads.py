"""`threads list|search|export|archive|delete`: all chats of a profile from a terminal, wherever they are.

Knows neither the settings file nor the keyring; the context gives it settings, agents and a client.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from desktop.commands._terminal import Bar, interruptible, typed
from desktop.common.errors import AppError, InternalError, UsageError
from desktop.common.unseen import one_line

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.chats.library import Library
    from desktop.chats.types import Chat, Found, Where
    from desktop.common.locations import Locations
    from desktop.common.texts import Catalogue
    from desktop.openai_api.client import ApiClient
    from desktop.settings.model import Settings

log = logging.getLogger(__name__)


class Context(Protocol):
    """What this command needs of `desktop.app.context.Context`."""

    json: bool

    @property
    def texts(self) -> Catalogue: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def locations(self) -> Locations: ...
    def client(self) -> ApiClient: ...
    def agent_host(self) -> AgentHost: ...
    def print(self, text: str = "") -> None: ...
    def print_data(self, text: str) -> None: ...
    def print_json(self, value: Any) -> None: ...
    def warn(self, text: str) -> None: ...
    def fail(self, error: AppError) -> int: ...


def arguments(parser: argparse.ArgumentParser, texts: Catalogue | None = None) -> None:
    """`texts` gives the help its language."""
    if texts is None:
        from desktop.common.texts import Catalogue as Texts

        texts = Texts()
    say = texts.get
    # The options for all commands are taken after the action's name too.
    common = argparse.ArgumentParser(parents=[parser], add_help=False, conflict_handler="resolve")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|search|export|archive|delete")

    def action(name: str, help_: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, parents=[common], add_help=False, help=help_)

    listing = action("list", say("threads.help_list"))
    search = action("search", say("threads.help_search"))
    export = action("export", say("threads.help_export"))
    archive = action("archive", say("threads.help_archive"))
    delete = action("delete", say("threads.help_delete"))
    search.add_argument("query", nargs="+", metavar="TEXT", help=say("threads.help_query"))
    export.add_argument("ids", nargs="*", metavar="ID", help=say("threads.help_ids"))
    delete.add_argument("ids", nargs="+", metavar="ID", help=say("threads.help_ids"))
    export.add_argument("--all", action="store_true", help=say("threads.help_all"))
    for one in (listing, search, export, archive):
        one.add_argument("--since", metavar="DATE", help=say("threads.help_since"))
        one.add_argument("--limit", metavar="N", help=say("threads.help_limit"))
    for one in (listing, search, export):
        one.add_argument("--local", action="store_true", help=say("threads.help_local"))
    listing.add_argument("--all-users", action="store_true", help=say("threads.help_all_archived"))
    archive.add_argument("--all-users", action="store_true", help=say("threads.help_all_users"))
    archive.add_argument("--again", action="store_true", help=say("threads.help_again"))
    for one in (export, archive):
        one.add_argument("--out", metavar="PATH", help=say("threads.help_out"))
        one.add_argument("--format", choices=("json", "md", "html"), default="json", help=say("threads.help_format"))
    export.add_argument("--force", action="store_true", help=say("threads.help_force"))
    delete.add_argument("--hosted", action="store_true", help=say("threads.help_hosted"))
    delete.add_argument("--yes", action="store_true", help=say("threads.help_yes"))
    for one in (listing, search, export, archive, delete):
        # SUPPRESS: an option before the action's name keeps its effect.
        own: dict[str, dict[str, Any]] = {
            "--json": {"action": "store_true", "help": say("threads.help_json")},
            "--agent": {"metavar": "AGENT", "help": say("threads.help_agent")},
        }
        for name, how in own.items():
            try:
                one.add_argument(name, default=argparse.SUPPRESS, **how)
            except argparse.ArgumentError:
                pass  # it is among the options for all commands


def run(
    context: Context,
    args: argparse.Namespace,
    *,
    stdin: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """0 fine, 1 something failed, 2 wrong usage. Every AppError is said through the context."""
    from desktop.chats.sources.patient import CancelledError
    from desktop.commands._threads_delete import delete
    from desktop.commands._threads_write import archive, export

    actions = {"list": _list, "search": _search, "export": export, "archive": archive, "delete": delete}
    command = Command(context, args, stdin or sys.stdin, stderr or sys.stderr)
    try:
        return actions[args.action](command)
    except AppError as error:
        command.bar.line()
        return context.fail(error)
    except CancelledError:
        command.bar.line()
        if command.json:
            context.print_json({"ok": False, "cancelled": True, "error": None})
        else:
            context.print(context.texts.get("threads.stopped"))
        return 1
    finally:
        command.close()


class Problem(NamedTuple):
    """Why chats are lacking."""

    source: str | None
    """An agent that is a server, `library.OPENAI`; None: what is on this machine."""
    error: AppError


class Command:
    """One call of the command: what was typed, where it reads and tells, and the library, made when it is needed."""

    def __init__(self, context: Context, args: argparse.Namespace, stdin: TextIO | None, stderr: TextIO | None) -> None:
        self.context = context
        self.args = args
        self.stdin = stdin
        self.stderr = stderr
        self.json = bool(context.json or getattr(args, "json", False))
        self.say: Callable[..., str] = context.texts.get
        self.bar = Bar(stderr, context.texts, quiet=self.json)
        self._library: Library | None = None
        self._host: AgentHost | None = None
        self._client: ApiClient | None = None

    def close(self) -> None:
        if self._library is not None:
            self._library.close()
        if self._client is not None:
            self._client.close()
        if self._host is not None:
            self._host.close(limit=5.0)

    @property
    def library(self) -> Library:
        if self._library is None:
            from desktop.chats.library import Library

            context = self.context
            self._host = context.agent_host()
            self._library = Library(
                context.locations, lambda: context.settings, host=self._host, client=self._opened_client
            )
        return self._library

    def _opened_client(self) -> ApiClient:
        if self._client is None:
            self._client = self.context.client()
        return self._client

    # --- what was typed -----------------------------------------------------------------------

    def agent(self) -> str | None:
        """--agent as an id: an id or a name of the settings, a code agent's file, or an agent that left chats here."""
        typed = getattr(self.args, "agent", None)
        if not typed:
            return None
        known = self.library.agents()
        named = [one for one, name in known.items() if name.casefold() == typed.casefold()]
        if typed in known or len(named) == 1:
            return typed if typed in known else named[0]
        if typed.endswith(".py"):
            from desktop.settings.roster import code_id

            return code_id(str(Path(typed).absolute()))
        if self.library.chats(agent=typed, limit=1).data:
            return str(typed)
        raise UsageError(problem=self.say("threads.no_agent", name=one_line(typed), known=", ".join(known) or "-"))

    def since(self) -> datetime | None:
        """--since: midnight of that day here."""
        value = self.args.since
        if value is None:
            return None
        try:
            return datetime.strptime(value, "%Y-%m-%d").astimezone()
        except (ValueError, OverflowError, OSError):
            raise UsageError(problem=self.say("threads.bad_date", value=one_line(value))) from None

    def limit(self) -> int | None:
        value = self.args.limit
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and 0 < int(value) < 10**9):
            raise UsageError(problem=self.say("threads.bad_limit", value=one_line(value)))
        return int(value)

    # --- what is said -------------------------------------------------------------------------

    def title(self, chat: Chat) -> str:
        return one_line(chat.title or "") or self.say("threads.untitled")

    def line(self, chat: Chat) -> str:
        """A chat on one line: id, day, where it is, agent, title."""
        where = {
            "in_app": self.say("threads.in_app"),
            "archived": self.say("threads.copied"),
            "hosted": self.say("threads.hosted"),
            "server": self.say("threads.at_server", host=one_line(chat.server)),
        }[chat.where]
        owner = one_line(chat.agent_name or chat.agent_id or chat.user)
        when = chat.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
        return "  ".join(part for part in (one_line(chat.id), when, where, owner, self.title(chat)) if part)

    def refreshed(self, agent: str | None) -> list[Problem]:
        """Asks OpenAI and the servers for their chats, all at once; what kept them from that, when the rest can be
        shown. `agent`: only those that have chats of it."""
        sources = () if self.args.local else self.library.sources(agent)
        if not sources:
            return []
        from desktop.chats.sources.patient import CancelledError

        counts = dict.fromkeys(sources, 0)
        failed: dict[str, AppError] = {}

        def ask(source: str, cancel: threading.Event) -> None:
            def told(count: int) -> None:
                counts[source] = count
                self.bar.line(self.say("threads.counting", count=sum(counts.values())))

            try:
                self.library.refresh(cancel, told, source)
            except AppError as error:
                failed[source] = error
            except Exception as error:
                log.exception("the chats of %s", source or "OpenAI")
                failed[source] = InternalError(type(error).__name__)

        def ask_all(cancel: threading.Event) -> list[Problem]:
            # Daemons: a second Ctrl+C leaves without waiting for a source that is silent.
            asking = [threading.Thread(target=ask, args=(one, cancel), daemon=True) for one in sources]
            for one in asking:
                one.start()
            for one in asking:
                one.join()
            if cancel.is_set():
                raise CancelledError
            return [Problem(source, failed[source]) for source in sources if source in failed]

        try:
            return interruptible(ask_all)
        finally:
            self.bar.line()

    def typed(self, question: str, word: str) -> bool:
        """Whether `word` was typed."""
        return typed(question, word, self.stdin, self.stderr)

    def where(self) -> tuple[Where, ...]:
        from desktop.chats.types import EVERYWHERE, HERE

        return HERE if self.args.local else EVERYWHERE

    def here(self) -> list[Problem]:
        """Why the list lacks chats that are on this machine."""
        return [Problem(None, error) for error in self.library.problems]

    def wire(self, problems: Sequence[Problem]) -> dict[str, Any]:
        """The end of a `--json` object: the first problem, and all of them with the agent whose chats are lacking."""
        names = self.library.agents()

        def told(one: Problem) -> dict[str, Any]:
            agent = {"id": one.source, "name": names.get(one.source, "")} if one.source else None
            return {"agent": agent, "error": one.error.describe(self.context.texts)}

        every = [told(one) for one in problems]
        return {"error": every[0]["error"] if every else None, "problems": every}

    def end(self, answer: dict[str, Any], problems: Sequence[Problem]) -> int:
        """What `list` and `search` end with: the chats they have, and what kept them from others."""
        if self.json:
            self.context.print_json({"ok": not problems, **answer, **self.wire(problems)})
        else:
            self.fail(problems)
        return problems[0].error.exit_code if problems else 0

    def fail(self, problems: Sequence[Problem]) -> None:
        names = self.library.agents()
        for one in problems:
            if one.source is not None:
                name = one_line(names.get(one.source, "")) if one.source else "OpenAI"
                self.context.warn(self.say("threads.not_listed", name=name))
            self.context.fail(one.error)


def _list(command: Command) -> int:
    since, limit = command.since(), command.limit()
    agent = command.agent()
    problems = command.refreshed(agent)
    every = command.library.all(agent=agent, since=since, where=command.where(), everybody=command.args.all_users)
    shown: list[Chat] = []
    try:
        for chat in islice(every, limit):
            shown.append(chat)
            if not command.json:
                command.context.print(command.line(chat))
    except AppError as error:
        problems.append(Problem(None, error))
    else:
        problems += command.here()
    if not shown and not command.json and not problems:
        command.context.print(command.say("threads.none"))
    return command.end({"threads": [chat.wire() for chat in shown]}, problems)


def _search(command: Command) -> int:
    since, limit = command.since(), command.limit()
    agent = command.agent()
    problems = command.refreshed(agent)
    found: Sequence[Found] = ()
    try:
        found = command.library.search(
            " ".join(command.args.query), agent=agent, since=since, where=command.where(), limit=limit or 50
        )
    except AppError as error:
        problems.append(Problem(None, error))
    else:
        problems += command.here()
    if not command.json:
        for one in found:
            command.context.print(command.line(one.chat))
            if one.passage is not None:
                command.context.print(f"    {one_line(one.passage.text)}")
        if not found and not problems:
            command.context.print(command.say("threads.none"))
    return command.end({"threads": [one.wire() for one in found]}, problems)
