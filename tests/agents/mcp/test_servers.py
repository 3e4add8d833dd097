"""MCP servers themselves: what they are started with and told, what is said where they fail, and that none stays."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from desktop.agents.mcp.check import check
from desktop.agents.mcp.connection import Connection
from desktop.agents.mcp.environment import of_program
from desktop.agents.mcp.errors import (
    McpCommandMissing,
    McpEnded,
    McpNotMcp,
    McpRedirected,
    McpRefused,
    McpSecretMissing,
)
from desktop.agents.mcp.naming import names
from desktop.agents.mcp.servers import McpServers
from desktop.agents.mcp.types import Want
from desktop.common.errors import AppError
from desktop.openai_api.errors import ConnectionRefused
from desktop.openai_api.transport import Endpoint
from desktop.settings.agents import AssistantAgent
from desktop.settings.mcp import McpServer, mcp_secret
from tests.agents.mcp.conftest import LIMITS, Chat, gone, over_http, pids, stdio
from tests.agents.talk import Given
from tests.rig.processes import Child
from tests.standins.models_api import ModelsApi

pytestmark = pytest.mark.slow

SENTINEL = "sentinel-7f3a9c-do-not-leak"
SECRET_VARIABLES = {
    "OPENAI_API_KEY": "sk-proj-0123456789abcdefghij",
    "CHATKIT_WORKFLOW_ID": "wf_x",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "GITHUB_TOKEN": "hush",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/hush",
    "HTTPS_PROXY": "http://me:hush@proxy:3128",
    "PYTHONSTARTUP": "/hush.py",
}
T = TypeVar("T")


def none(_name: str) -> str | None:
    return None


def http(url: str, **given: Any) -> McpServer:
    return McpServer(id="far", name="Far", transport="http", url=url, **given)


def connected(server: McpServer, work: Callable[[Connection], Awaitable[T]], **secrets: str) -> T:
    """What `work` gives with a connection."""

    async def run() -> T:
        want = Want(server, secrets, Endpoint(server.url))
        connection = Connection(server.label, want, LIMITS, {**os.environ, **SECRET_VARIABLES})
        await connection.open()
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


# --- programs ----------------------------------------------------------------------------------------


def test_a_check_shows_the_tools_and_leaves_nothing_running(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    tools = check(stdio("--pids", str(told), "--offspring"), none, Endpoint)
    assert {"echo", "add"} <= {tool.name for tool in tools}
    assert next(tool.description for tool in tools if tool.name == "add") == "Adds two numbers."
    assert all(gone(pid) for pid in pids(told, 2))


def test_checklist_07_a_program_has_a_minimal_environment_and_its_own_secrets() -> None:
    server = stdio(env={"MODE": "test"}, secrets=["API_TOKEN"])

    async def look(connection: Connection) -> dict[str, str]:
        outcome = await connection.call("environment", {})
        found: dict[str, str] = json.loads(outcome.text)
        return found

    found = connected(server, look, API_TOKEN=SENTINEL)
    assert found["MODE"] == "test"
    assert found["API_TOKEN"] == SENTINEL
    assert found["HOME"] == os.environ["HOME"]
    assert "hush" not in json.dumps(found)
    assert not {name for name in found if name.startswith(("OPENAI", "CHATKIT", "AWS"))}
    assert "sk-proj" not in json.dumps(found)


def test_checklist_07_no_secret_of_a_program_stands_in_arguments_the_guards_environment_or_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = stdio("--say", f"my token is {SENTINEL}", secrets=["API_TOKEN"])
    silent = server.model_copy(update={"args": [arg for arg in server.args if SENTINEL not in arg and arg != "--say"]})

    async def look(connection: Connection) -> str:
        guard = psutil.Process(connection.pid)
        program = guard.children()[0]
        return repr((guard.cmdline(), guard.environ(), program.cmdline()))

    assert SENTINEL not in connected(silent, look, API_TOKEN=SENTINEL)
    connected(server, look, API_TOKEN=SENTINEL)
    assert "my token is" in caplog.text
    assert SENTINEL not in caplog.text


def test_what_a_program_writes_to_its_error_output_goes_to_the_log_within_bounds_and_not_to_the_terminal(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(AppError):
        check(stdio("--misbehave", "errors"), none, Endpoint, replace(LIMITS, mcp_start=6.0))
    said = [record.getMessage() for record in caplog.records if record.name == "desktop.agents.mcp.output"]
    assert 0 < len(said) < 1_000
    assert all(one.startswith("Tools: ") for one in said)
    assert "Tools: something is wrong\nsomething is wrong\n" in said[0]
    assert "more lines]" in "".join(said)
    assert sum(map(len, said)) < 500_000
    assert capfd.readouterr() == ("", "")


def test_a_program_is_started_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (tmp_path / "run.sh").chmod(0o755)
    assert check(stdio().model_copy(update={"command": "./run.sh", "folder": str(tmp_path)}), none, Endpoint)
    with pytest.raises(McpCommandMissing) as caught:
        check(stdio(folder=str(tmp_path / "nowhere")), none, Endpoint)
    assert "nowhere" in str(caught.value.values["command"])


def test_what_can_not_be_run_is_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    broken.chmod(0o755)
    with pytest.raises(McpCommandMissing):
        check(McpServer(id="a", transport="stdio", command=str(broken)), none, Endpoint, LIMITS)


def test_a_missing_secret_is_asked_for_before_anything_is_started(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    with pytest.raises(McpSecretMissing) as caught:
        check(stdio("--pids", str(told), secrets=["API_TOKEN"]), none, Endpoint)
    assert caught.value.values["name"] == "API_TOKEN"
    assert not told.exists()


def test_the_plain_variables_are_those_without_a_password() -> None:
    ours = {"PATH": "/bin", "LC_TIME": "fr", "https_proxy": "http://proxy:1", "no_proxy": "a", **SECRET_VARIABLES}
    made = of_program(McpServer(id="a", transport="stdio", command="x"), {}, ours)
    assert made == {"PATH": "/bin", "LC_TIME": "fr", "https_proxy": "http://proxy:1", "no_proxy": "a"}


# --- addresses ---------------------------------------------------------------------------------------


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes = b"") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A web server that answers one thing; its origin, and the headers of what it was asked."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(dict(self.headers))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_DELETE = do_POST  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_checklist_07_a_server_with_an_address_is_sent_its_secret_which_stands_in_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with over_http(tmp_path, "--token", SENTINEL) as url:

        async def look(connection: Connection) -> str:
            return (await connection.call("add", {"a": 1, "b": 2})).text

        server = http(url, secrets=["Authorization"], headers={"X-Team": "green"})
        assert connected(server, look, Authorization=f"Bearer {SENTINEL}") == "3"
        with pytest.raises(McpRefused) as caught:
            check(server, lambda _name: "Bearer wrong-one", Endpoint)
        assert caught.value.values["status"] == 401
    assert SENTINEL not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_checklist_31_a_secret_goes_to_no_other_origin_whatever_the_server_says(status: int) -> None:
    with answering(200, {}) as (elsewhere, asked), answering(status, {"Location": f"{elsewhere}/mcp"}) as (here, first):
        with pytest.raises(McpRedirected):
            check(http(f"{here}/mcp", secrets=["X-Token"]), lambda _name: SENTINEL, Endpoint)
    assert asked == []
    assert first[0]["X-Token"] == SENTINEL


def test_checklist_31_a_changed_address_asks_for_the_secret_anew() -> None:
    server = http("http://127.0.0.1:9/mcp", secrets=["X-Token"])
    kept = {mcp_secret(server, "X-Token"): SENTINEL}
    moved = server.model_copy(update={"url": "http://127.0.0.2:9/mcp"})
    with pytest.raises(McpSecretMissing):
        check(moved, lambda name: kept.get(mcp_secret(moved, name)), Endpoint)


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind"),
    [
        (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>", McpNotMcp),
        (200, {"Content-Type": "application/json"}, b'{"hello": "world"}', McpNotMcp),
        (404, {"Content-Type": "text/plain"}, b"no", McpNotMcp),
        (403, {}, b"", McpRefused),
    ],
)
def test_an_address_that_is_no_mcp_server_is_a_sentence(
    status: int, headers: dict[str, str], body: bytes, kind: type[AppError]
) -> None:
    with answering(status, headers, body) as (origin, _), pytest.raises(kind):
        check(http(f"{origin}/mcp"), none, Endpoint, LIMITS)


def test_a_server_that_nobody_runs_is_a_sentence() -> None:
    with answering(200, {}) as (origin, _):
        pass
    with pytest.raises(ConnectionRefused):
        check(http(f"{origin}/mcp"), none, Endpoint, LIMITS)


# --- life --------------------------------------------------------------------------------------------


def given(*servers: McpServer, **agents: list[str]) -> Given:
    made = Given(mcp={server.id: server for server in servers})
    made.agents = {name: AssistantAgent(id=name, mcp_servers=ids) for name, ids in agents.items()}
    return made


def test_servers_end_with_their_agent_and_start_anew_when_they_were_changed(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    first, other = stdio("--pids", str(told)), stdio("--pids", str(told), server_id="other")
    sources = given(first, other, one=["tools"], two=["other"])

    async def run() -> None:
        servers = McpServers(sources, LIMITS)
        await servers.use("one")
        await servers.use("one")
        (begun,) = pids(told)
        sources.mcp["tools"] = first.model_copy(update={"name": "Another name", "always": ["echo"]})
        servers.settle("one")
        await servers.use("one")
        assert len(pids(told)) == 1  # that is no other server
        sources.mcp["tools"] = first.model_copy(update={"env": {"A": "b"}})
        await servers.use("one")
        assert len(pids(told)) == 2
        assert await asyncio.to_thread(gone, begun)
        await servers.use("two")
        servers.settle("two")
        assert await asyncio.to_thread(gone, pids(told)[1])
        assert psutil.pid_exists(pids(told)[2])
        await servers.close()

    asyncio.run(run())
    assert all(gone(pid) for pid in pids(told, 3))


def test_a_server_is_started_once_for_all_who_ask_at_the_same_time(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    sources = given(stdio("--pids", str(told)), one=["tools"], two=["tools"])

    async def run() -> None:
        servers = McpServers(sources, LIMITS)
        ready = await asyncio.gather(*(servers.use(name) for name in ("one", "two", "one")))
        assert all(len(one.servers) == 1 for one in ready)
        await servers.close()

    asyncio.run(run())
    assert len(pids(told)) == 1


def test_a_call_that_the_end_of_its_server_cuts_off_is_not_made_again(tmp_path: Path) -> None:
    async def look(connection: Connection) -> None:
        with pytest.raises(McpEnded) as caught:
            await connection.call("die", {})
        assert "code" in str(caught.value.values["problem"])
        assert not connection.alive

    connected(stdio(), look)


def test_no_process_is_left_when_the_app_has_closed(api: ModelsApi, tmp_path: Path) -> None:
    told = tmp_path / "pids"
    chat = Chat(api, stdio("--pids", str(told), "--offspring"))
    chat.calls("echo", text="x")
    chat.say()
    begun = pids(told, 2)
    chat.host.close(10)
    assert all(gone(pid) for pid in begun)


def test_no_process_is_left_when_the_app_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    app = textwrap.dedent(
        f"""
        import asyncio, os
        from desktop.agents.limits import Limits
        from desktop.agents.mcp.connection import Connection
        from desktop.agents.mcp.types import Want
        from desktop.openai_api.transport import Endpoint
        from tests.agents.mcp.conftest import stdio

        async def run():
            server = stdio("--pids", {str(told)!r}, "--offspring")
            connection = Connection("x", Want(server, {{}}, Endpoint("")), Limits(), os.environ)
            await connection.open()
            print("ready", flush=True)
            await asyncio.sleep(600)

        asyncio.run(run())
        """
    )
    root = Path(__file__).parents[3]
    with Child([sys.executable, "-c", app], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.line() == "ready\n"
        begun = pids(told, 2)
        process.kill()
    assert all(gone(pid) for pid in begun)


def test_checklist_07_a_secret_is_in_no_database_setting_or_log(
    api: ModelsApi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from desktop.agents.store.stores import open_stores

    caplog.set_level(logging.DEBUG)
    server = stdio(secrets=["API_TOKEN"], always=["add"])
    chat = Chat(api, server, open_stores=lambda: open_stores(tmp_path / "threads.sqlite", None))
    chat.given.mcp_secrets[mcp_secret(server, "API_TOKEN")] = SENTINEL
    chat.calls("add", "Three.", a=1, b=2)
    chat.say()
    assert chat.outputs() == ["3"]
    chat.host.close(10)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SENTINEL.encode() not in kept
    assert SENTINEL not in caplog.text
    assert SENTINEL not in server.model_dump_json()
    assert SENTINEL not in repr(Want(server, {"API_TOKEN": SENTINEL}, Endpoint("")))
    assert all(SENTINEL not in json.dumps(asked.body) for asked in api.asked)


# --- small things ------------------------------------------------------------------------------------


def test_names_are_such_as_the_api_takes_and_no_two_the_same() -> None:
    tools = [("a", "read"), ("b", "read"), ("a", "write file"), ("a", "x" * 100), ("b", "list"), ("a", "transfer_to_x")]
    made = names(tools, taken=["list"])
    assert list(made) == ["a__read", "b__read", "write_file", "x" * 64, "b__list", "a__transfer_to_x"]
    assert list(made.values()) == tools
    assert len(names([("a", "x.y"), ("a", "x y"), ("a", "x_y")])) == 3


def test_the_start_of_the_app_imports_no_mcp() -> None:
    app = "desktop.app.application, desktop.cli, desktop.agents.host, desktop.agents.chatkit.server"
    program = f"import sys, {app}; print('mcp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
