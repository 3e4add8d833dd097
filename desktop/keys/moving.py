"""Moves secrets from MCP servers' addresses in the settings file to the keyring.

Earlier versions stored addresses as typed, and people edit the file by hand.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from desktop.common.errors import AppError
from desktop.keys.errors import McpSecretMoved
from desktop.settings.mcp import MOST_SECRETS, McpServer, mcp_secret
from desktop.settings.mcp_secrets import Taken, taken_out

if TYPE_CHECKING:
    from desktop.keys.access import Keys
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings

log = logging.getLogger(__name__)


def move_secrets(settings: SettingsStore, keys: Keys) -> list[AppError]:
    """Move secrets. Returns a notice for each, also added to `settings.notices`. Blocks on the keyring.

    The keyring comes first: if it refuses, the file stays as it is, and the next start tries again. Never raises.
    """
    if settings.is_fixed("mcp_servers") or settings.layer_of("mcp_servers") != "settings" or settings.read_only:
        return []
    moved: list[AppError] = []
    for server in settings.current.mcp_servers:
        out = taken_out(server) if server.transport == "http" else Taken(server)
        if not out.values or len(out.server.secrets) > MOST_SECRETS:
            continue
        try:
            for name, value in out.values.items():
                keys.save_secret(mcp_secret(out.server, name), value)
            settings.change(lambda now, was=server, made=out.server: _changes(now, was, made))  # type: ignore[misc]
        except AppError as error:
            log.warning("a secret in the address of an MCP server was not moved: %s", error.code)
            continue
        moved.append(McpSecretMoved(server=server.label))
    settings.notices += moved
    return moved


def _changes(settings: Settings, was: McpServer, made: McpServer) -> dict[str, Any]:
    """The changes; empty if that server was changed in the meantime."""
    put = [made.model_copy(update={"always": one.always}) if one == was else one for one in settings.mcp_servers]
    return {"mcp_servers": put}
