"""`threads list` and `threads search`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from desktop.commands._threads_command import Command, Problem
from desktop.common.errors import AppError
from desktop.common.unseen import one_line

if TYPE_CHECKING:
    from desktop.chats.types import Chat, Found


def list_chats(command: Command) -> int:
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


def search(command: Command) -> int:
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
