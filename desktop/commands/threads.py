"""`threads list|export|archive|delete`: the hosted chats from a terminal.

Knows neither the settings file nor the keyring; the context gives it settings and a client.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from desktop.errors import AgentNotSet, AppError, FileExists_, FolderUnwritable, UsageError

if TYPE_CHECKING:
    from desktop.archive import Summary
    from desktop.openai_api.client import ApiClient
    from desktop.openai_api.wire import Thread
    from desktop.settings.locations import Locations
    from desktop.settings.model import Settings
    from desktop.texts import Catalogue


class Context(Protocol):
    """What this command needs of `desktop.context.Context`."""

    json: bool

    @property
    def texts(self) -> Catalogue: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def locations(self) -> Locations: ...
    def client(self) -> ApiClient: ...
    def print(self, text: str = "") -> None: ...
    def print_json(self, value: Any) -> None: ...
    def fail(self, error: AppError) -> int: ...


def arguments(parser: argparse.ArgumentParser, texts: Catalogue | None = None) -> None:
    """`texts` gives the help its language."""
    if texts is None:
        from desktop.texts import Catalogue as Texts

        texts = Texts()
    say = texts.get
    # The options for all commands are taken after the action's name too.
    common = argparse.ArgumentParser(parents=[parser], add_help=False, conflict_handler="resolve")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|export|archive|delete")
    listing = actions.add_parser("list", parents=[common], add_help=False, help=say("threads.help_list"))
    export = actions.add_parser("export", parents=[common], add_help=False, help=say("threads.help_export"))
    archive = actions.add_parser("archive", parents=[common], add_help=False, help=say("threads.help_archive"))
    delete = actions.add_parser("delete", parents=[common], add_help=False, help=say("threads.help_delete"))
    for one in (listing, archive):
        one.add_argument("--since", metavar="DATE", help=say("threads.help_since"))
        one.add_argument("--limit", metavar="N", help=say("threads.help_limit"))
        one.add_argument("--all-users", action="store_true", help=say("threads.help_all_users"))
    for one in (export, delete):
        one.add_argument("ids", nargs="+", metavar="ID", help=say("threads.help_ids"))
    export.add_argument("--format", choices=("json", "md"), default="json", help=say("threads.help_format"))
    export.add_argument("--force", action="store_true", help=say("threads.help_force"))
    for one in (export, archive):
        one.add_argument("--out", metavar="PATH", help=say("threads.help_out"))
    delete.add_argument("--yes", action="store_true", help=say("threads.help_yes"))
    for one in (listing, export, archive, delete):
        try:
            # SUPPRESS: a --json before the command's name keeps its effect.
            one.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=say("threads.help_json"))
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
    try:
        action = {"list": _list, "export": _export, "archive": _archive, "delete": _delete}[args.action]
        return action(Command(context, args, stdin or sys.stdin, stderr or sys.stderr))
    except AppError as error:
        return context.fail(error)


class Command:
    """One call of the command: where it reads, where it tells, what was typed."""

    def __init__(self, context: Context, args: argparse.Namespace, stdin: TextIO, stderr: TextIO | None) -> None:
        self.context = context
        self.args = args
        self.stdin = stdin
        self.stderr = stderr
        self.json = bool(context.json or getattr(args, "json", False))
        self.say: Callable[..., str] = context.texts.get

    def user(self) -> str | None:
        """Whose chats: this profile's own user. None: everybody's; "": there has been no chat yet."""
        if self.args.all_users:
            return None
        agent = self.context.settings.workflow()
        if agent is None:
            raise AgentNotSet
        return self.context.settings.user_ids.get(agent.id, "")

    def since(self) -> float | None:
        """--since as unix seconds: midnight of that day here."""
        value = self.args.since
        if value is None:
            return None
        try:
            return datetime.strptime(value, "%Y-%m-%d").astimezone().timestamp()
        except (ValueError, OverflowError, OSError):
            raise UsageError(problem=self.say("threads.bad_date", value=plain(value))) from None

    def limit(self) -> int | None:
        value = self.args.limit
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and 0 < int(value) < 10**9):
            raise UsageError(problem=self.say("threads.bad_limit", value=plain(value)))
        return int(value)

    def title(self, thread: Thread) -> str:
        return plain(thread.title or "") or self.say("threads.untitled")

    def tell(self, text: str = "") -> None:
        """A line that takes the place of the last one, on a terminal only."""
        if self.stderr is not None and not self.json and self.stderr.isatty():
            self.stderr.write(f"\r\x1b[K{text[:100]}")
            self.stderr.flush()


def plain(text: str) -> str:
    """`text` on one line, without characters that a terminal would obey."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:200]


def day(created_at: int) -> str:
    try:
        return datetime.fromtimestamp(created_at).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "?"


def _list(command: Command) -> int:
    from desktop.archive import threads_since

    user, since, limit = command.user(), command.since(), command.limit()
    found: list[Thread] = []
    if user != "":
        with command.context.client() as client:
            found = list(threads_since(client, user, since, limit))
    if command.json:
        command.context.print_json({"ok": True, "threads": [thread.raw() for thread in found]})
        return 0
    for thread in found:
        owner = f"  {plain(thread.user)}" if user is None else ""
        command.context.print(f"{thread.id}  {day(thread.created_at)}{owner}  {command.title(thread)}")
    if not found:
        command.context.print(command.say("threads.none"))
    return 0


def _export(command: Command) -> int:
    from desktop import archive
    from desktop.openai_api import threads

    args, context = command.args, command.context
    ids = list(dict.fromkeys(args.ids))
    out = Path(args.out) if args.out else None
    if out is not None and len(ids) > 1 and out.is_file():
        raise UsageError(problem=command.say("threads.out_is_file", path=str(out)))
    documents: list[archive.Document] = []
    with context.client() as client:
        for number, thread_id in enumerate(ids):
            command.tell(command.say("threads.progress", done=number, total=len(ids), title=plain(thread_id)))
            documents.append(archive.read_document(client, threads.get_thread(client, thread_id)))
    command.tell()

    def content(document: archive.Document) -> str:
        return archive.to_json(document) if args.format == "json" else archive.to_markdown(document, context.texts)

    if out is None:
        if command.json:
            context.print_json({"ok": True, "threads": documents})
        else:
            context.print("\n".join(content(document) for document in documents).rstrip("\n"))
        return 0
    written = []
    single = len(documents) == 1 and not out.is_dir() and not str(args.out).endswith(("/", "\\"))
    for document in documents:
        thread = document["thread"]
        stem = archive.file_stem(thread["id"], thread.get("created_at"))
        path = out if single else out / f"{stem}.{args.format}"
        _write(path, content(document), force=args.force)
        written.append({"id": thread["id"], "path": str(path)})
        if not command.json:
            title = plain(thread.get("title") or "") or command.say("threads.untitled")
            context.print(command.say("threads.exported", title=title, path=str(path)))
    if command.json:
        context.print_json({"ok": True, "exported": written})
    return 0


def _write(path: Path, content: str, *, force: bool) -> None:
    """Raises FileExists_, FolderUnwritable. A chat is private: new folders are 0700, the file is 0600."""
    from desktop.files import ensure_private_dir, write_private

    if path.exists() and not force:
        raise FileExists_(path=str(path))
    try:
        if not path.parent.exists():
            ensure_private_dir(path.parent)  # a folder of the user's that is there keeps its mode
        write_private(path, content)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise FolderUnwritable(repr(error), path=str(path), problem=problem) from None


def _archive(command: Command) -> int:
    from desktop.archive import Summary, ThreadArchive

    args, context = command.args, command.context
    user, since, limit = command.user(), command.since(), command.limit()
    folder = Path(args.out) if args.out else context.locations.archive

    def progress(done: int, total: int | None, title: str) -> None:
        if total is None:
            command.tell(command.say("threads.counting"))
        else:
            name = plain(title) or command.say("threads.untitled")
            command.tell(command.say("threads.progress", done=done, total=total, title=name))

    if user == "":
        summary = Summary(folder)
    else:
        with context.client() as client:
            try:
                archive = ThreadArchive(folder, client, user, texts=context.texts)
                summary = archive.run(progress=progress, since=since, limit=limit)
            except KeyboardInterrupt:
                command.tell()
                summary = Summary(folder, cancelled=True)
    command.tell()
    if command.json:
        context.print_json(_summary_json(summary, context.texts))
        return 0 if summary.ok else 1
    return _say_summary(command, summary)


def _say_summary(command: Command, summary: Summary) -> int:
    context = command.context
    if summary.cancelled:
        context.print(command.say("threads.stopped"))
        return 1
    folder, written, unchanged = str(summary.folder), summary.written, summary.unchanged
    if summary.total:
        context.print(command.say("threads.archived", written=written, unchanged=unchanged, folder=folder))
    elif summary.error is None:
        context.print(command.say("threads.none"))
    if summary.vanished:
        context.print(command.say("threads.vanished", count=summary.vanished))
    if summary.failed:
        context.print(command.say("threads.failed", count=summary.failed))
    return 0 if summary.error is None else context.fail(summary.error)


def _summary_json(summary: Summary, texts: Catalogue) -> dict[str, Any]:
    return {
        "ok": summary.ok,
        "folder": str(summary.folder),
        "total": summary.total,
        "written": summary.written,
        "unchanged": summary.unchanged,
        "vanished": summary.vanished,
        "failed": summary.failed,
        "cancelled": summary.cancelled,
        "error": summary.error.describe(texts) if summary.error else None,
    }


def _delete(command: Command) -> int:
    from desktop.openai_api import threads

    args, context = command.args, command.context
    if command.json and not args.yes:
        raise UsageError(problem=command.say("threads.needs_yes"))
    deleted: list[str] = []
    failed: list[tuple[str, AppError]] = []
    with context.client() as client:
        found: list[Thread] = []
        for thread_id in dict.fromkeys(args.ids):
            try:
                found.append(threads.get_thread(client, thread_id))
            except AppError as error:
                failed.append((thread_id, error))
        if found and not args.yes and not _confirmed(command, found):
            context.print(command.say("threads.not_deleted"))
            return 1
        for thread in found:
            try:
                threads.delete_thread(client, thread.id)
            except AppError as error:
                failed.append((thread.id, error))
            else:
                deleted.append(thread.id)
                if not command.json:
                    context.print(command.say("threads.deleted", title=command.title(thread)))
    if command.json:
        problems = [{"id": thread_id, "error": problem.describe(context.texts)} for thread_id, problem in failed]
        context.print_json({"ok": not failed, "deleted": deleted, "failed": problems})
        return 1 if failed else 0
    for _, problem in failed:
        context.fail(problem)
    return 1 if failed else 0


def _confirmed(command: Command, found: list[Thread]) -> bool:
    """Whether the word was typed. The question goes to standard error; the end of input is a no."""
    word = command.say("threads.confirm_word")
    lines = [command.say("threads.delete_warning"), *(f"  {one.id}  {command.title(one)}" for one in found)]
    if command.stderr is not None:
        command.stderr.write("\n".join(lines) + "\n" + command.say("threads.confirm", word=word, count=len(found)))
        command.stderr.flush()
    return command.stdin.readline().strip() == word
