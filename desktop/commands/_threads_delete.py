"""`threads delete`: chats deleted on this computer, or at OpenAI where that was said; never unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.errors import AppError, ChatAtOpenAI, ThreadNotFound, UsageError

if TYPE_CHECKING:
    from desktop.chats.types import Chat
    from desktop.commands.threads import Command


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
        return 1 if failed else 0
    titles = {chat.id: command.title(chat) for chat in found}
    for chat_id in done.deleted:
        if args.hosted:
            context.print(command.say("threads.deleted_hosted", title=titles[chat_id]))
        else:
            context.print(command.say("threads.deleted", title=titles[chat_id]))
    for _, problem in failed:
        context.fail(problem)
    return 1 if failed else 0


def _deletable(command: Command, chat_id: str) -> Chat:
    """The chat, where it is what was asked for. Raises ThreadNotFound, ChatAtOpenAI, ApiError, NetworkError."""
    chat = command.library.chat(chat_id)
    if command.args.hosted and chat.where == "in_app":
        raise ThreadNotFound("it is in the app", status=0, thread=chat_id[:60])
    if not command.args.hosted and chat.where == "hosted":
        raise ChatAtOpenAI(chat_id)
    return chat


def _confirmed(command: Command, found: list[Chat]) -> bool:
    """Whether the word was typed."""
    word = command.say("threads.confirm_word")
    warning = command.say("threads.delete_hosted_warning" if command.args.hosted else "threads.delete_warning")
    lines = [warning, *(f"  {command.line(chat)}" for chat in found)]
    return command.typed("\n".join([*lines, command.say("threads.confirm", word=word, count=len(found))]), word)
