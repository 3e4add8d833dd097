"""What an MCP server's program finds in its environment: a few plain variables, its own, and its own secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from desktop.agents.code.environment import clean
from desktop.settings.mcp import McpServer

PLAIN = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TZ|TMPDIR|LANG|LANGUAGE|LC_\w+|XDG_\w+_(?:HOME|DIRS?)|SSL_CERT_(?:FILE|DIR)"
    r"|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|(?:https?|no|all)_proxy"
    # Windows
    r"|APPDATA|LOCALAPPDATA|PROGRAMDATA|HOMEDRIVE|HOMEPATH|PATHEXT|PROCESSOR_ARCHITECTURE|SYSTEMDRIVE|SYSTEMROOT|WINDIR"
    r"|TEMP|TMP|USERNAME|USERPROFILE|COMSPEC|PROGRAMFILES(?:\(X86\))?",
    re.IGNORECASE,
)
WITH_PASSWORD = re.compile(r"://[^/\s]*@")


def of_program(server: McpServer, secrets: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the program. Of ours, only what is plain, and nothing that looks like a key."""
    ours = {
        name: value
        for name, value in environ.items()
        if PLAIN.fullmatch(name) and not value.startswith("()") and not WITH_PASSWORD.search(value)
    }
    return {**clean(ours), **server.env, **secrets}
