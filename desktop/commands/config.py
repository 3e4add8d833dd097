"""`chatkit-desktop config` prints every setting in effect and the layer it comes from. Changes nothing."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from desktop.common.errors import AppError

if TYPE_CHECKING:
    from desktop.app.context import Context

LAYERS = {
    "command_line": "cli.layer.command_line",
    "environment": "cli.layer.environment",
    "settings": "cli.layer.settings",
    "brand": "cli.layer.brand",
    "default": "cli.layer.default",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options besides those of all commands."""


def run(context: Context, args: argparse.Namespace) -> int:
    """Exit code 0; 1 if part of the settings file is ignored."""
    try:
        store = context.settings_store
        rows = store.rows()
    except AppError as error:
        return context.fail(error)
    notices = [notice.describe(context.texts) for notice in store.notices]
    if context.json:
        context.print_json(
            {
                "ok": not notices,
                "profile": context.profile,
                "file": str(context.locations.settings),
                "settings": {row.name: {"value": row.value, "layer": row.layer} for row in rows},
                "notices": notices,
            }
        )
    else:
        context.print(context.texts.get("cli.config.file", path=context.locations.settings))
        for row in rows:
            value = json.dumps(row.value, ensure_ascii=False)
            context.print(f"{row.name} = {value}  [{context.texts.get(LAYERS[row.layer])}]")
        for notice in notices:
            context.print(f"{notice['message']} {notice['hint']}")
    return 1 if notices else 0
