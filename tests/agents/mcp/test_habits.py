"""MCP servers as they are used: slow first starts, last words, banners, broken lists, old protocols."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from desktop.agents.limits import Limits
from desktop.agents.mcp.check import check
from desktop.agents.mcp.connection import Connection
from desktop.agents.mcp.errors import McpCommandMissing, McpEnded, McpNotAnswering, McpNotMcp
from desktop.agents.mcp.servers import McpServers, Ready
from desktop.agents.mcp.starts import Starting
from desktop.agents.mcp.types import Tool, Want
from desktop.common.errors import AppError
from desktop.common.texts import Catalogue
from desktop.openai_api.transport import Endpoint
from desktop.settings.agents import AssistantAgent
from desktop.settings.mcp import McpServer, mcp_secret
from tests.agents.mcp.conftest import LIMITS, Chat, approved, gone, pids
from tests.agents.talk import Given
from tests.standins.models_api import ModelsApi

pytestmark = pytest.mark.slow

HABITS = Path(__file__).parents[2] / "standins" / "mcp_habits.py"
T = TypeVar("T")
QUICK = replace(LIMITS, mcp_start=3.0, mcp_first=60.0, mcp_idle=1.0, mcp_longest=60.0)


def habits(*words: str, **given: Any) -> McpServer:
    return McpServer(
        **{"id": "habits", "name": "Habits", "transport": "stdio", "command": sys.executable}
        | {"args": [str(HABITS), *words]}
        | given
    )


def none(_name: str) -> str | None:
    return None


def connected(
    server: McpServer,
    work: Callable[[Connection], Awaitable[T]],
    secrets: Mapping[str, str] | None = None,
    ours: Mapping[str, str] | None = None,
) -> T:
    async def run() -> T:
        want = Want(server, secrets or {}, Endpoint(server.url))
        connection = Connection(server.label, want, LIMITS, os.environ if ours is None else ours)
        await connection.open()
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


def called(server: McpServer, tool: str, secrets: Mapping[str, str] | None = None) -> Any:
    async def look(connection: Connection) -> Any:
        return json.loads((await connection.call(tool, {})).text)

    return connected(server, look, secrets)


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# --- first starts ------------------------------------------------------------------------------------


def test_the_first_start_of_npx_may_be_silent_for_longer_than_usual_and_is_told_of_meanwhile(tmp_path: Path) -> None:
    npx = script(
        tmp_path / "bin",
        "npx",
        f'echo "Need to install the following packages" >&2; sleep 6; exec {sys.executable} "$@"',
    )
    told: list[Starting] = []
    tools = check(habits(command=str(npx)), none, Endpoint, QUICK, tells=told.append)
    assert {"heard", "words"} <= {tool.name for tool in tools}
    assert told[-1].seconds >= 4
    assert told[-1].first
    assert told[-1].said == "Need to install the following packages"
    spelled = told[-1].told.spell(Catalogue("en"))
    assert spelled.startswith("Starting Habits. It may need to download first: ")
    assert spelled.endswith("It says: “Need to install the following packages”")


def test_after_a_first_success_the_usual_limit_holds_for_one_that_does_nothing(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    npx = script(tmp_path, "npx", f'test -e {flag} && sleep 100; exec {sys.executable} "$@"')
    server = habits(command=str(npx))
    assert check(server, none, Endpoint, QUICK)
    flag.touch()
    with pytest.raises(McpNotAnswering):
        check(server, none, Endpoint, QUICK)


def test_one_that_is_still_at_work_is_not_ended_although_it_was_quicker_before(tmp_path: Path) -> None:
    server = habits("--banner", "1")
    assert check(server, none, Endpoint, QUICK)
    program = script(tmp_path, "run", f'test -e {tmp_path}/flag && set -- "$@" --works 5; exec {sys.executable} "$@"')
    server = habits(command=str(program))
    assert check(server, none, Endpoint, QUICK)
    (tmp_path / "flag").touch()
    assert check(server, none, Endpoint, QUICK), "an update is a download too"


def test_a_first_start_can_be_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    npx = script(tmp_path, "npx", f"echo $$ >> {told}; sleep 100")
    stop: list[Callable[[], None]] = []
    threading.Timer(3.0, lambda: [one() for one in stop]).start()
    with pytest.raises(McpEnded):
        check(habits(command=str(npx)), none, Endpoint, Limits(), stops=stop.append)
    assert all(gone(pid) for pid in pids(told))


def test_the_check_and_the_chat_do_not_download_at_the_same_time(tmp_path: Path) -> None:
    """Whoever comes second waits for the first, and is told the same."""
    busy, clash = tmp_path / "busy", tmp_path / "clash"
    npx = script(
        tmp_path,
        "npx",
        f"test -e {busy} && touch {clash}; touch {busy}; echo fetching >&2; sleep 4; rm -f {busy};"
        f' exec {sys.executable} "$@"',
    )
    server = habits(command=str(npx))
    checked: list[list[Tool]] = []
    thread = threading.Thread(target=lambda: checked.append(check(server, none, Endpoint, QUICK)))
    thread.start()
    sources = Given(mcp={"habits": server}, agents={"one": AssistantAgent(id="one", mcp_servers=["habits"])})

    async def chat() -> list[Starting | Ready]:
        servers = McpServers(sources, QUICK)
        while not busy.exists():
            await asyncio.sleep(0.05)
        found = [one async for one in servers.using("one")]
        await servers.close()
        return found

    *starts, ready = asyncio.run(chat())
    thread.join()
    assert isinstance(ready, Ready)
    assert [live.server.id for live in ready.servers] == ["habits"]
    assert any(isinstance(one, Starting) and one.said == "fetching" for one in starts)
    assert checked[0]
    assert not clash.exists()


def test_a_stopped_message_throws_no_download_away(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    npx = script(tmp_path, "npx", f'echo $$ >> {told}; sleep 4; exec {sys.executable} "$@"')
    sources = Given(
        mcp={"habits": habits(command=str(npx))}, agents={"one": AssistantAgent(id="one", mcp_servers=["habits"])}
    )

    async def chat() -> Ready:
        servers = McpServers(sources, QUICK)
        async for _told in servers.using("one"):
            break  # the person stopped
        ready = await servers.use("one")
        await servers.close()
        return ready

    assert asyncio.run(chat()).servers
    assert len(pids(told)) == 1, "it was started once"


def test_the_chat_says_how_a_first_start_goes_on(api: ModelsApi, tmp_path: Path) -> None:
    npx = script(tmp_path, "npx", f'echo "Downloading 3 of 9" >&2; sleep 4; exec {sys.executable} "$@"')
    chat = Chat(api, habits(command=str(npx)), limits=QUICK)
    chat.calls("heard")
    events = chat.say()
    progress = [event["text"] for event in events if event["type"] == "progress_update"]
    assert any("Downloading 3 of 9" in text for text in progress)
    assert "heard" in chat.tools()
    chat.host.close(10)


# --- what is missing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "says"),
    [("npx", "Install Node.js"), ("uvx", "Install uv"), ("docker", "Install Docker"), ("bunx", "Bun")],
)
def test_a_program_that_is_missing_is_named_with_how_to_get_it_and_where_it_was_looked_for(
    tmp_path: Path, command: str, says: str
) -> None:
    ours = {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path / "home")}
    if any((Path(place) / command).exists() for place in ("/usr/local/bin", "/snap/bin")):
        pytest.skip("it is here")
    with pytest.raises(McpCommandMissing) as caught:
        check(habits(command=command), none, Endpoint, LIMITS, ours)
    told = caught.value.describe(Catalogue("en"))
    assert f"“{command}”" in told["message"]
    assert str(tmp_path / "empty") in told["message"]
    assert says in told["hint"]


@pytest.mark.parametrize(
    "place",
    [".nvm/versions/node/v22.3.0/bin", ".local/bin", ".volta/bin", ".asdf/shims", ".bun/bin", ".local/share/pnpm"],
)
def test_a_program_is_found_where_people_have_it_although_the_desktop_does_not_name_the_place(
    tmp_path: Path, place: str
) -> None:
    home = tmp_path / "home"
    script(home / place, "my-server", f'exec {sys.executable} "$@"')
    (home / ".nvm/versions/node/v9.1.0/bin").mkdir(parents=True, exist_ok=True)
    ours = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    assert check(habits(command="my-server"), none, Endpoint, LIMITS, ours)


def test_a_script_finds_its_interpreter_where_the_script_was_found(tmp_path: Path) -> None:
    """`npx` of a version manager begins with `env node`, and that node lies beside it."""
    bin_folder = tmp_path / "home/.nvm/versions/node/v22.3.0/bin"
    script(bin_folder, "my-node", f'exec {sys.executable} "$@"')
    (bin_folder / "my-npx").write_text("#!/usr/bin/env my-node\nimport sys; sys.argv.pop(0)\n" + HABITS.read_text())
    (bin_folder / "my-npx").chmod(0o755)
    ours = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    assert check(habits(command="my-npx", args=["x"]), none, Endpoint, LIMITS, ours)


# --- last words --------------------------------------------------------------------------------------

NODE = """node:internal/modules/cjs/loader:1228
  throw err;
  ^

Error: Cannot find module '/home/me/server.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)
    at node:internal/main/run_main_module:28:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v20.20.2"""
PYTHON = """Traceback (most recent call last):
  File "/home/me/server.py", line 3, in <module>
    import yaml
ModuleNotFoundError: No module named 'yaml'"""
NPM = """npm error code E404
npm error 404 Not Found - GET https://registry.example/@me%2fserver - Not found
npm error A complete log of this run can be found in: /home/me/.npm/_logs/2026-01-01-debug-0.log"""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (NODE, "Error: Cannot find module '/home/me/server.js'"),
        (PYTHON, "ModuleNotFoundError: No module named 'yaml'"),
        (NPM, "404 Not Found - GET"),
        ("Error: self-signed certificate in certificate chain", "self-signed certificate"),
        ("starting\nError accessing directory /nowhere: ENOENT: no such file or directory", "ENOENT"),
        ("\x1b[31mfatal: \x1b[0mDATABASE_URL is required", "fatal: DATABASE_URL is required"),
        ("10%\r50%\rerror: disk full", "error: disk full"),
    ],
)
def test_the_last_words_of_a_program_stand_in_the_sentence(said: str, words: str) -> None:
    with pytest.raises(McpEnded) as caught:
        check(habits("--say", said, "--exit", "1"), none, Endpoint, LIMITS)
    for language in ("en", "fr"):
        told = caught.value.describe(Catalogue(language))
        assert words in told["message"]
        assert "Node.js v20" not in told["message"]
        assert "\x1b" not in told["message"]


def test_checklist_07_the_last_words_hold_no_secret_and_no_more_than_a_sentence() -> None:
    secret = "correct-horse-battery-staple"
    server = habits("--say", f"error: bad login {secret} " + "x" * 3000, "--exit", "1", secrets=["TOKEN"])
    with pytest.raises(McpEnded) as caught:
        check(server, {"TOKEN": secret}.get, Endpoint, LIMITS)
    told = caught.value.describe(Catalogue("en"))["message"]
    assert "error: bad login" in told
    assert secret not in told
    assert len(told) < 500


def test_the_last_words_of_one_that_hangs_stand_there_too() -> None:
    server = habits("--say", "Error: waiting for the database at 10.0.0.9, refused", "--mute", "initialize")
    limits = replace(LIMITS, mcp_start=1.0, mcp_idle=0.5)
    with pytest.raises(McpNotAnswering) as caught:
        check(server, none, Endpoint, limits)
    assert "waiting for the database" in caught.value.describe(Catalogue("en"))["message"]


def test_the_chat_shows_them_in_its_notice(api: ModelsApi) -> None:
    chat = Chat(api, habits("--say", "Error: the folder /data is missing", "--exit", "3"))
    chat.api.answer()
    chat.say()
    assert any("the folder /data is missing" in notice for notice in chat.notices())
    chat.host.close(10)


# --- what comes out of it ----------------------------------------------------------------------------


def test_a_banner_before_the_protocol_is_ignored_and_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert check(habits("--banner", "200"), none, Endpoint, LIMITS)
    assert "Welcome, line 0" in caplog.text


def test_one_that_prints_between_its_messages_goes_on(tmp_path: Path) -> None:
    async def look(connection: Connection) -> int:
        for _ in range(80):
            assert not (await connection.call("heard", {})).failed
        return 80

    assert connected(habits("--noise"), look) == 80


def test_what_a_program_prints_in_place_of_the_protocol_stands_in_the_sentence(tmp_path: Path) -> None:
    usage = script(tmp_path, "usage", "echo 'Usage: server --root FOLDER (required)'; sleep 100")
    with pytest.raises(McpNotMcp) as caught:
        check(habits(command=str(usage)), none, Endpoint, replace(LIMITS, mcp_start=1.0, mcp_idle=0.5))
    assert "Usage: server --root FOLDER" in caught.value.describe(Catalogue("en"))["message"]


def test_a_server_that_asks_for_roots_a_sample_or_a_form_gets_an_answer() -> None:
    heard = called(habits("--asks"), "heard")
    assert heard["ping"] == "result"
    assert set(heard) == {"ping", "roots/list", "sampling/createMessage", "elicitation/create"}
    assert all(answer == "result" or int(answer) < 0 for answer in heard.values())


@pytest.mark.parametrize(
    "version", ["2024-10-07", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-01-15"]
)
def test_servers_of_every_protocol_before_are_spoken_to(version: str) -> None:
    assert called(habits("--protocol", version), "heard") == {}


def test_a_server_that_ends_at_a_question_it_does_not_know_is_not_asked_it() -> None:
    assert called(habits("--dies-at", "server/discover"), "heard") == {}


def test_answers_that_come_as_a_list_are_read() -> None:
    assert called(habits("--wraps"), "heard") == {}


def test_a_list_of_tools_that_takes_its_time_is_waited_for() -> None:
    assert check(habits("--list-takes", "4"), none, Endpoint, replace(QUICK, mcp_start=2.0))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_server_in_node_is_spoken_to_and_its_stack_is_no_sentence(tmp_path: Path) -> None:
    server = tmp_path / "server.js"
    server.write_text(
        """
        const lines = require("readline").createInterface({ input: process.stdin });
        const say = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
        console.log("Server running on stdio");
        lines.on("line", (line) => {
          const { id, method, params } = JSON.parse(line);
          if (method === "initialize")
            say(id, { protocolVersion: "2024-11-05", capabilities: { tools: {} }, serverInfo: { name: "n" } });
          else if (method === "tools/list") say(id, { tools: [{ name: "a.b/c" }, { name: "ok", inputSchema: {} }] });
          else if (method === "tools/call") throw new Error("the database has gone");
        });
        """,
        encoding="utf-8",
    )
    node = habits(command="node", args=[str(server)])
    assert [(tool.name, tool.remark) for tool in check(node, none, Endpoint, LIMITS)] == [
        ("a.b/c", "mended"),
        ("ok", "mended"),
    ]

    async def look(connection: Connection) -> str:
        with pytest.raises(AppError) as caught:
            await connection.call("ok", {})
        return caught.value.describe(Catalogue("en"))["message"]

    assert "the database has gone" in connected(node, look)


# --- one broken tool ---------------------------------------------------------------------------------


def test_a_broken_tool_condemns_only_itself_and_is_said(api: ModelsApi, tmp_path: Path) -> None:
    listed = tmp_path / "tools.json"
    broken = [
        {"name": "no_schema"},
        {"name": "null", "inputSchema": None},
        {"name": "typeless", "inputSchema": {"properties": {"a": {"type": "string"}}}},
        {"name": "boolean", "inputSchema": True},
        {"name": "text", "inputSchema": {"type": "string"}},
        {"name": "", "inputSchema": {"type": "object"}},
        {"name": 7, "inputSchema": {"type": "object"}},
        "no tool",
        {"name": "typeless", "inputSchema": {"type": "object"}},
        {"name": "x" * 300, "inputSchema": {"type": "object"}},
        {"name": "files.read/all", "description": 5, "inputSchema": {"type": "object"}, "annotations": 7, "icons": "x"},
    ]
    listed.write_text(json.dumps(broken), encoding="utf-8")
    server = habits("--tools", str(listed))
    chat = Chat(api, server.model_copy(update={"always": approved("files.read/all", at=server)}))
    chat.calls("files_read_all")
    chat.say()
    assert set(chat.tools()) == {
        *("no_schema", "null", "typeless", "boolean", "text", "files_read_all", "heard", "words")
    }
    assert chat.outputs() == ["files.read/all {}"], "the server hears its own name of it"
    [notice] = [one for one in chat.notices() if "can’t be used" in one]
    assert "typeless" in notice
    chat.host.close(10)


def test_two_hundred_tools_are_cut_to_what_a_model_takes_and_that_is_said_once(api: ModelsApi, tmp_path: Path) -> None:
    listed = tmp_path / "tools.json"
    many = [{"name": f"t{n}", "description": "d" * 20_000, "inputSchema": {"type": "object"}} for n in range(198)]
    listed.write_text(json.dumps(many), encoding="utf-8")
    server = habits("--tools", str(listed))
    chat = Chat(api, server)
    chat.say()
    assert len(chat.tools()) == 128
    assert any("200 tools" in one for one in chat.notices())
    chat.say()
    assert not chat.notices()
    chat.has(server.model_copy(update={"tools_off": [f"t{n}" for n in range(150)]}))
    chat.say()
    assert len(chat.tools()) == 50
    assert "t151" in chat.tools()
    assert "t1" not in chat.tools()
    chat.host.close(10)


# --- secrets in its words ----------------------------------------------------------------------------


def test_checklist_07_a_secret_in_an_argument_reaches_the_program_and_stands_in_no_setting(api: ModelsApi) -> None:
    server = habits(
        "--dsn",
        "postgres://me:${secret:password}@db/x",
        secrets=["password", "TOKEN"],
        env={"HEADER": "Bearer ${secret:password}"},
    )
    told = called(server, "words", {"password": "p@ss/word", "TOKEN": "t"})
    assert told["args"][1] == "postgres://me:p@ss/word@db/x"
    assert told["environ"]["HEADER"] == "Bearer p@ss/word"
    assert told["environ"]["TOKEN"] == "t"
    assert "password" not in told["environ"]
    assert "p@ss" not in server.model_dump_json()
    assert mcp_secret(server, "password") == "mcp|habits|stdio|password"


def test_no_process_of_a_start_that_was_given_up_is_left(tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(McpNotAnswering):
        check(habits("--mute", "initialize"), none, Endpoint, replace(LIMITS, mcp_start=1.0, mcp_idle=0.5))
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert all(gone(child.pid) for child in left)
