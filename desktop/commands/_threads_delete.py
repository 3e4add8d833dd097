"""`threads delete`: deletes chats where they are kept, hosted ones at OpenAI only with --hosted. Always asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.chats.errors import ChatAtOpenAI
from desktop.common.errors import AppError, UsageError
from desktop.common.unseen import one_line

if TYPE_CHECKING:
    from desktop.chats.types import Chat
    from desktop.commands._threads_command import Command


def delete(command: Command) -> int:
    args, context = command.args, command.context
    if command.json and not args.yes:
        raise UsageError(problem=command.say("threads.needs_yes"))
    found: list[Chat] = []
    failed: list[tuple[str, AppError]] = []
    for chat_id in dict.fromkeys(args.ids):
        try:
            found.append(_deletable(command, chat_id))
        except AppError as error:
            failed.append((chat_id, error))
    if found and not args.yes and not _confirmed(command, found):
        context.print(command.say("threads.not_deleted"))
        return 1
    done = command.library.delete([chat.id for chat in found], at_openai=args.hosted)
    failed += done.failed
    if command.json:
        problems = [{"id": chat_id, "error": error.describe(context.texts)} for chat_id, error in failed]
        context.print_json({"ok": not failed, "deleted": list(done.deleted), "failed": problems})
        return max((problem.exit_code for _, problem in failed), default=0)
    chats = {chat.id: chat for chat in found}
    for chat_id in done.deleted:
        chat, title = chats[chat_id], command.title(chats[chat_id])
        if args.hosted:
            context.print(command.say("threads.deleted_hosted", title=title))
        elif chat.where == "server":
            context.print(command.say("threads.deleted_server", title=title, host=one_line(chat.server)))
        else:
            context.print(command.say("threads.deleted", title=title))
    for _, problem in failed:
        context.fail(problem)
    return max((problem.exit_code for _, problem in failed), default=0)


def _deletable(command: Command, chat_id: str) -> Chat:
    """The chat, if it may be deleted. Raises ThreadNotFound, ChatAtOpenAI, ApiError, NetworkError, ServerError, and
    UsageError for --hosted with a chat that is not at OpenAI."""
    chat = command.library.chat(chat_id)
    if command.args.hosted and chat.where in ("in_app", "server"):
        raise UsageError(problem=command.say("threads.not_hosted", id=one_line(chat_id)))
    if not command.args.hosted and chat.where == "hosted":
        raise ChatAtOpenAI(chat_id)
    return chat


def _confirmed(command: Command, found: list[Chat]) -> bool:
    """Whether the word was typed."""
    word = command.say("threads.confirm_word")
    hosts = dict.fromkeys(one_line(chat.server) for chat in found if chat.where == "server")
    lines: list[str] = []

    def told(warning: str, some: list[Chat]) -> None:
        if some:
            lines.extend([warning, *(f"  {command.line(chat)}" for chat in some)])

    if command.args.hosted:
        told(command.say("threads.delete_hosted_warning"), found)
    else:
        told(command.say("threads.delete_warning"), [chat for chat in found if chat.where != "server"])
    for host in hosts:
        warning = command.say("threads.delete_server_warning", host=host)
        told(warning, [chat for chat in found if chat.where == "server" and one_line(chat.server) == host])
    return command.typed("\n".join([*lines, command.say("threads.confirm", word=word, count=len(found))]), word)
