"""Installs packages that code agents need into a folder of the profile."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from desktop.common.errors import AppError

if TYPE_CHECKING:
    from desktop.app.context import Context


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("deed", nargs="?", choices=("install",), default="install", metavar="install")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="as for pip; without any: the packages named in the settings"
    )


def run(context: Context, args: argparse.Namespace) -> int:
    from desktop.agents.code import packages
    from desktop.agents.from_settings import SettingsSources
    from desktop.settings.agents import CodeAgent

    place = packages.folder(context.locations.folder)
    try:
        wanted = list(args.names)
        if not wanted:
            named = [
                name for agent in context.settings.agents if isinstance(agent, CodeAgent) for name in agent.packages
            ]
            wanted = packages.missing(dict.fromkeys(named), place)
        if wanted:
            route = SettingsSources(context.settings_store, context.keys).route("")
            packages.install(
                wanted, place, on_line=lambda line: None if context.json else context.warn(line), route=route
            )
    except AppError as error:
        return context.fail(error)
    if context.json:
        context.print_json({"ok": True, "installed": wanted, "folder": str(place)})
    elif wanted:
        context.print(context.texts.get("code.terminal.installed", packages=", ".join(wanted)))
    else:
        context.print(context.texts.get("code.terminal.nothing_missing"))
    return 0
