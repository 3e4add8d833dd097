"""Real MCP servers, started as people start them: npx from a folder, uvx, a module of Python."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from desktop.agents.limits import Limits
from desktop.agents.mcp.check import check
from desktop.agents.mcp.connection import Connection
from desktop.agents.mcp.errors import McpEnded
from desktop.agents.mcp.schemas import as_object
from desktop.agents.mcp.types import Want
from desktop.common.texts import Catalogue
from desktop.openai_api.transport import Endpoint
from desktop.settings.mcp import McpServer
from tests.rig import peers

pytestmark = [pytest.mark.peers, pytest.mark.slow]
T = TypeVar("T")


def npx(package: str, *words: str) -> McpServer:
    """From the folder that it is installed in, so that nothing is downloaded by the test itself."""
    folder, args = str(peers.NODE_FOLDER), ["-y", package, *words]
    return McpServer(id="peer", name="Peer", transport="stdio", command="npx", args=args, folder=folder)


def none(_name: str) -> str | None:
    return None


def connected(
    server: McpServer, work: Callable[[Connection], Awaitable[T]], ours: Mapping[str, str] | None = None
) -> T:
    async def run() -> T:
        environ = os.environ if ours is None else ours
        connection = Connection(server.label, Want(server, {}, Endpoint(server.url)), Limits(), environ)
        await connection.open()
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


EVERYTHING = npx("@modelcontextprotocol/server-everything")


def test_everything_that_the_reference_server_has_can_be_given_to_a_model() -> None:
    tools = check(EVERYTHING, none, Endpoint)
    assert "echo" in {tool.name for tool in tools}
    assert len(tools) >= 5
    assert not [tool.name for tool in tools if tool.remark not in ("", "mended")]
    assert all(as_object(tool.schema)[0] == tool.schema for tool in tools)


def test_the_reference_server_is_called() -> None:
    async def look(connection: Connection) -> str:
        return (await connection.call("echo", {"message": "hello"})).text

    assert "hello" in connected(EVERYTHING, look)


def test_a_picture_of_the_reference_server_comes_as_one() -> None:
    async def look(connection: Connection) -> int:
        name = next(tool.name for tool in connection.tools if "image" in tool.name.lower())
        return len((await connection.call(name, {})).pictures)

    assert connected(EVERYTHING, look) == 1


def test_the_server_for_files_reads_what_it_may_and_says_what_it_may_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words", encoding="utf-8")
    server = npx("@modelcontextprotocol/server-filesystem", str(tmp_path))

    async def look(connection: Connection) -> tuple[str, bool]:
        name = "read_text_file" if "read_text_file" in {tool.name for tool in connection.tools} else "read_file"
        read = await connection.call(name, {"path": str(tmp_path / "a.txt")})
        other = await connection.call(name, {"path": "/etc/hostname"})
        return read.text, other.failed

    text, refused = connected(server, look)
    assert "words" in text
    assert refused


def test_a_folder_that_is_missing_is_named_in_the_sentence() -> None:
    with pytest.raises(McpEnded) as caught:
        check(npx("@modelcontextprotocol/server-filesystem", "/nowhere/at/all"), none, Endpoint)
    assert "/nowhere/at/all" in caught.value.describe(Catalogue("en"))["message"]


def times(server: McpServer, ours: Mapping[str, str] | None = None) -> str:
    async def look(connection: Connection) -> str:
        outcome = await connection.call("get_current_time", {"timezone": "Europe/Paris"})
        return str(json.loads(outcome.text)["timezone"])

    return connected(server, look, ours)


def test_the_server_for_times_is_started_as_a_module_of_python() -> None:
    python = str(peers.python_of("time"))
    assert times(McpServer(id="t", transport="stdio", command=python, args=["-m", "mcp_server_time"])) == "Europe/Paris"


def test_the_server_for_times_is_downloaded_by_uvx_at_its_first_start(tmp_path: Path) -> None:
    """uvx lies where a desktop session does not look, with a cache that is empty."""
    home = tmp_path / "home"
    (home / ".local/bin").mkdir(parents=True)
    for name in ("uv", "uvx"):
        shutil.copy2(peers.script_of("uv", name), home / ".local/bin" / name)
    server = McpServer(id="t", transport="stdio", command="uvx", args=["mcp-server-time"])
    ours = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    # What this machine's uv is set to, since a package index has no other way in here.
    settings = {name: value for name, value in os.environ.items() if name.startswith("UV_")}
    server = server.model_copy(update={"env": {**settings, "UV_CACHE_DIR": str(tmp_path / "cache")}})
    assert times(server, {**ours, "HOME": str(home), "PATH": "/usr/bin:/bin"}) == "Europe/Paris"
