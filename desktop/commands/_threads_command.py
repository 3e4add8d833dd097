"""One call of `threads`: its arguments, its input and output, and the library it works on."""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from desktop.commands._terminal import Bar, interruptible, typed
from desktop.common.errors import AppError, InternalError, UsageError
from desktop.common.unseen import one_line

if TYPE_CHECKING:
    from desktop.agents.host import AgentHost
    from desktop.chats.library import Library
    from desktop.chats.types import Chat, Where
    from desktop.common.locations import Locations
    from desktop.common.texts import Catalogue
    from desktop.openai_api.client import ApiClient
    from desktop.settings.model import Settings

log = logging.getLogger(__name__)


class Context(Protocol):
    """The part of `desktop.app.context.Context` that the command needs."""

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


class Problem(NamedTuple):
    """Why some chats are missing from the list."""

    source: str | None
    """A ChatKit server's agent, or `library.OPENAI`; None for chats on this computer."""
    error: AppError


class Command:
    """One call of the command: its arguments, its input and output, and the library, opened when needed."""

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
        """The id meant by --agent: an id or a name from the settings, a code agent's file, or a former agent's id."""
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
        """--since as midnight of that day, local time."""
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
        """A chat on one line: id, date, place, agent, title."""
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
        """Ask OpenAI and the servers for their chats, all at once. Returns what failed; the rest can be shown. `agent`:
        ask only where it has chats."""
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
            # Daemon threads: a second Ctrl+C does not wait for a silent source.
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
        """Why chats on this computer are missing from the list."""
        return [Problem(None, error) for error in self.library.problems]

    def wire(self, problems: Sequence[Problem]) -> dict[str, Any]:
        """The end of a `--json` object: the first problem, then all of them with the agent whose chats are missing."""
        names = self.library.agents()

        def told(one: Problem) -> dict[str, Any]:
            agent = {"id": one.source, "name": names.get(one.source, "")} if one.source else None
            return {"agent": agent, "error": one.error.describe(self.context.texts)}

        every = [told(one) for one in problems]
        return {"error": every[0]["error"] if every else None, "problems": every}

    def end(self, answer: dict[str, Any], problems: Sequence[Problem]) -> int:
        """The end of `list` and `search`: the chats found, and why others are missing."""
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
