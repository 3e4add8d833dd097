"""`threads export|archive`: writes chats to the screen, a file or a folder; copies hosted ones to this computer."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.commands._terminal import interruptible
from desktop.common.errors import UsageError
from desktop.settings.errors import AgentNotSet

if TYPE_CHECKING:
    from desktop.chats.export.exporting import Export
    from desktop.chats.types import Archived, Chat, Exported
    from desktop.commands._threads_command import Command, Problem
    from desktop.common.texts import Catalogue


def export(command: Command) -> int:
    from desktop.chats.export.exporting import Export

    args, context = command.args, command.context
    since, limit = command.since(), command.limit()
    ids = list(dict.fromkeys(args.ids))
    if bool(ids) == args.all:
        raise UsageError(problem=command.say("threads.ids_or_all"))
    if args.all and not args.out:
        raise UsageError(problem=command.say("threads.all_needs_out"))
    out = Path(args.out) if args.out else None
    if out is not None and (len(ids) > 1 or args.all) and out.is_file():
        raise UsageError(problem=command.say("threads.out_is_file", path=str(out)))
    problems: list[Problem] = []
    if args.all:
        agent = command.agent()
        problems = command.refreshed(agent)
        every = command.library.all(agent=agent, since=since, where=command.where())
        chats = list(islice(every, limit))
        problems += command.here()
    else:
        chats = [command.library.chat(one) for one in ids]
    writer = Export(command.library, context.texts, args.format)
    if out is None:
        _print(command, writer, chats)
        return 0
    single = not args.all and len(ids) == 1 and not out.is_dir() and not str(args.out).endswith(("/", "\\"))
    if single:
        done = interruptible(
            lambda cancel: writer.to_file(chats[0], out, force=args.force, tell=command.bar.tell, cancel=cancel)
        )
    else:
        done = interruptible(lambda cancel: writer.to_folder(chats, out, tell=command.bar.tell, cancel=cancel))
    command.bar.line()
    if command.json:
        answer = exported_json(done, context.texts)
        context.print_json(answer | {"ok": done.ok and not problems, "problems": command.wire(problems)["problems"]})
    else:
        _say_exported(command, done, chats)
        if done.error is not None:
            context.fail(done.error)
        command.fail(problems)
    error = done.error or (problems[0].error if problems else None)
    return 0 if done.ok and error is None else error.exit_code if error is not None else 1


def _print(command: Command, writer: Export, chats: list[Chat]) -> None:
    """Print the chats on standard output."""
    if not command.json:
        for chat in chats:
            command.context.print_data("".join(writer.pieces(chat)).rstrip("\n"))
        return
    told: list[Any] = []
    for chat in chats:
        text = "".join(writer.pieces(chat))
        told.append(json.loads(text) if command.args.format == "json" else {"id": chat.id, "text": text})
    command.context.print_json({"ok": True, "threads": told})


def _say_exported(command: Command, done: Exported, chats: list[Chat]) -> None:
    titles = {chat.id: command.title(chat) for chat in chats}
    if done.total == 1:
        for chat, path in done.files:
            command.context.print(command.say("threads.exported", title=titles[chat], path=str(path)))
    elif done.written or done.unchanged:
        command.context.print(_written(command, done))
    elif not done.total:
        command.context.print(command.say("threads.none"))
    if done.failed and done.total > 1:
        command.context.print(command.say("threads.failed", count=done.failed))
    if done.cancelled:
        command.context.print(command.say("threads.stopped"))


def exported_json(done: Exported, texts: Catalogue) -> dict[str, Any]:
    return {
        "ok": done.ok,
        "out": str(done.out),
        "total": done.total,
        "written": done.written,
        "unchanged": done.unchanged,
        "failed": done.failed,
        "cancelled": done.cancelled,
        "exported": [{"id": chat, "path": str(path)} for chat, path in done.files],
        "error": done.error.describe(texts) if done.error else None,
    }


def archive(command: Command) -> int:
    args, context = command.args, command.context
    since, limit = command.since(), command.limit()
    out = Path(args.out) if args.out else None
    if out is not None and out.is_file():
        raise UsageError(problem=command.say("threads.out_is_file", path=str(out)))
    agent = command.agent()
    if args.all_users and not _everybody(command):
        context.print(command.say("threads.not_archived"))
        return 1
    if not args.all_users and not any(one.kind == "workflow" for one in context.settings.agents):
        raise AgentNotSet
    done = interruptible(
        lambda cancel: command.library.archive(
            tell=command.bar.tell,
            cancel=cancel,
            agent=agent,
            since=since,
            limit=limit,
            everybody=args.all_users,
            again=args.again,
        )
    )
    command.bar.line()
    copied: Exported | None = None
    if out is not None and not done.cancelled and done.ended is None:
        chats = list(command.library.all(agent=agent, since=since, where=("archived",), everybody=args.all_users))
        copied = interruptible(
            lambda cancel: command.library.export(
                chats, out, args.format, context.texts, tell=command.bar.tell, cancel=cancel
            )
        )
        command.bar.line()
    if command.json:
        answer = _archived_json(done, context.texts)
        answer["exported"] = exported_json(copied, context.texts) if copied else None
        answer["ok"] = done.ok and (copied is None or copied.ok)
        context.print_json(answer)
        return 0 if answer["ok"] else 1
    return _say_archived(command, done, copied)


def _everybody(command: Command) -> bool:
    """Whether the number of users was typed. The question goes to standard error; end of input means no."""
    command.bar.line(command.say("threads.counting", count=0))
    threads, users = interruptible(command.library.users_in_project)
    command.bar.line()
    chats, people = command.say("threads.chats", count=threads), command.say("threads.users", count=users)
    warning = command.say("threads.all_users_warning", chats=chats, users=people)
    question = command.say("threads.all_users_confirm", users=users)
    return command.typed("\n".join((warning, question)), str(users))


def _written(command: Command, done: Exported) -> str:
    unchanged = _unchanged(command, done.unchanged)
    return command.say("threads.exported_all", count=done.written, unchanged=unchanged, folder=str(done.out))


def _unchanged(command: Command, count: int) -> str:
    return command.say("threads.unchanged", count=count)


def _say_archived(command: Command, done: Archived, copied: Exported | None) -> int:
    context = command.context
    if done.cancelled or (copied is not None and copied.cancelled):
        context.print(command.say("threads.stopped"))
        return 1
    if done.total:
        context.print(
            command.say("threads.archived", count=done.written, unchanged=_unchanged(command, done.unchanged))
        )
    elif done.error is None:
        context.print(command.say("threads.none"))
    if done.vanished:
        context.print(command.say("threads.vanished", count=done.vanished))
    if done.failed:
        context.print(command.say("threads.failed", count=done.failed))
    if copied is not None and (copied.written or copied.unchanged):
        context.print(_written(command, copied))
    error = done.error or (copied.error if copied else None)
    return 0 if error is None else context.fail(error)


def _archived_json(done: Archived, texts: Catalogue) -> dict[str, Any]:
    return {
        "ok": done.ok,
        "total": done.total,
        "written": done.written,
        "unchanged": done.unchanged,
        "vanished": done.vanished,
        "failed": done.failed,
        "cancelled": done.cancelled,
        "error": done.error.describe(texts) if done.error else None,
    }
