"""`chatkit-desktop key set|status|remove`. Reads a key from a hidden prompt or standard input, never an argument."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from desktop.common import streams
from desktop.common.errors import AppError
from desktop.keys import normalise_key, origin_of

if TYPE_CHECKING:
    from desktop.app.context import Context

INPUT_LIMIT = 10_000
"""Characters read from standard input. A key has about 200."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("set", "status", "remove"))


def run(context: Context, args: argparse.Namespace) -> int:
    """Exit code 0; 1 if the keyring refuses, or if `status` finds no key."""
    try:
        context.keys.on_waiting = lambda: _say(context, context.texts.get("cli.key.unlock"))
        origin = origin_of(context.settings.network.api_base)
        if args.action == "set":
            return _set(context, origin)
        if args.action == "remove":
            return _remove(context, origin)
        return _status(context, origin)
    except AppError as error:
        return context.fail(error)


def _set(context: Context, origin: str) -> int:
    key = normalise_key(_typed(context, origin), origin)
    context.keys.save(origin, key)
    store = context.keys.store.name
    if context.json:
        context.print_json({"ok": True, "origin": origin, "where": "keyring", "store": store})
    else:
        context.print(context.texts.get("cli.key.saved", origin=origin, store=store))
    return 0


def _status(context: Context, origin: str) -> int:
    status = context.keys.status(origin)
    problem = status.problem.describe(context.texts) if status.problem else None
    if context.json:
        context.print_json(
            {
                "ok": status.present,
                "origin": origin,
                "present": status.present,
                "where": status.where,
                "store": status.store_name,
                "problem": problem,
            }
        )
        return 0 if status.present else 1
    if status.problem is not None:
        return context.fail(status.problem)
    if status.present:
        context.print(context.texts.get("cli.key.present", origin=origin, store=status.store_name))
        return 0
    context.print(context.texts.get("cli.key.absent", origin=origin, store=status.store_name))
    return 1


def _remove(context: Context, origin: str) -> int:
    context.keys.remove(origin)
    store = context.keys.store.name
    if context.json:
        context.print_json({"ok": True, "origin": origin, "present": False, "store": store})
    else:
        context.print(context.texts.get("cli.key.removed", origin=origin, store=store))
    return 0


def _typed(context: Context, origin: str) -> str:
    if sys.stdin is None:  # a windowed app without a terminal
        return ""
    if not sys.stdin.isatty():
        return streams.read(sys.stdin, INPUT_LIMIT)
    import getpass

    return getpass.getpass(context.texts.get("cli.key.prompt", origin=origin))


def _say(context: Context, text: str) -> None:
    """Tell the person something, unless `--json` prints instead."""
    if not context.json:
        context.print(text)
