"""What the tests of MCP servers in the page for agents share: a page, what a check meets, and what is typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.common.errors import AppError
from desktop.pages.agents.mcp_check import McpCheck
from desktop.pages.agents.page import AgentsPage
from desktop.pages.common.check_run import Closes
from desktop.settings.mcp import McpServer
from tests.pages.app_parts import Asked, House

Make = Callable[..., House]
SENTINEL = "ghp_PlantedNeverToBeSeen0123456789abcdef"


@dataclass
class Found:
    name: str
    description: str = ""


class Server:
    """What a check meets: its tools or its error; notes what it was given."""

    def __init__(self) -> None:
        self.tools: Sequence[Found] = [Found("read", "Reads.\n  A file."), Found("write")]
        self.error: AppError | None = None
        self.asked: list[tuple[McpServer, dict[str, str]]] = []

    def __call__(
        self, server: McpServer, secrets: Mapping[str, str], _uses: Callable[[Closes], object]
    ) -> Sequence[Found]:
        self.asked.append((server, dict(secrets)))
        if self.error:
            raise self.error
        return self.tools


def asked_of(house: House, server: Server) -> Asked:
    check = McpCheck(house.keys, house.settings, server, background=lambda work: work())
    return Asked(AgentsPage(house.services, mcp=check).page(), house.texts)


def row(name: str, value: str = "", *, secret: bool = False) -> dict[str, Any]:
    return {"name": name, "value": value, "secret": secret}


def save(ask: Asked, **form: Any) -> dict[str, Any]:
    return dict(ask("mcp.save", **({"number": 1, "command": "files"} | form)))


def saved(house: House) -> McpServer:
    [one] = house.settings.current.mcp_servers
    return one


def refused(ask: Asked, **form: Any) -> tuple[str, str]:
    """The field, and the sentence at it."""
    error = save(ask, **form)["error"]
    return error["field"], error["message"]
