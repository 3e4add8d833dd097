"""`threads list|search|export|archive|delete`: all chats of a profile, wherever they are kept.

Does not know the settings file or the keyring: the context provides settings, agents and a client.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, TextIO

from desktop.commands._threads_command import Command, Context
from desktop.common.errors import AppError

if TYPE_CHECKING:
    from desktop.common.texts import Catalogue


def arguments(parser: argparse.ArgumentParser, texts: Catalogue | None = None) -> None:
    """`texts`: the language of the help."""
    if texts is None:
        from desktop.common.texts import Catalogue as Texts

        texts = Texts()
    say = texts.get
    # The options of all commands are accepted after the action's name too.
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
                pass  # one of the options of all commands


def run(
    context: Context,
    args: argparse.Namespace,
    *,
    stdin: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Exit code: 0 success, 1 failure, 2 wrong usage. The context reports every AppError."""
    from desktop.chats.sources.patient import CancelledError
    from desktop.commands._threads_delete import delete
    from desktop.commands._threads_read import list_chats, search
    from desktop.commands._threads_write import archive, export

    actions = {"list": list_chats, "search": search, "export": export, "archive": archive, "delete": delete}
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
