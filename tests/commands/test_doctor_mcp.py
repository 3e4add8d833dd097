"""`doctor` and the MCP servers of the agent that opens: each is really started, and its last words are reported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.commands.doctor import Check, Doctor
from desktop.keys import Keys, MemoryStore
from desktop.settings.agents import AssistantAgent
from desktop.settings.mcp import McpServer, mcp_secret
from tests.commands.test_ask import Terminal

pytestmark = pytest.mark.slow

HABITS = Path(__file__).parents[1] / "standins" / "mcp_habits.py"
CLOSED = "http://127.0.0.1:9"


def examined(folder: Path, *servers: McpServer) -> dict[str, Check]:
    made = Terminal(data_dir=str(folder), component_url=f"{CLOSED}/chatkit.js", api_base=f"{CLOSED}/v1")
    made.context.keys = Keys("default", "test", MemoryStore())
    made.context.settings_store.update({"mcp_servers": list(servers)})
    made.context.settings_store.replace_agent(AssistantAgent(id="mine", mcp_servers=[one.id for one in servers[:2]]))
    made.context.keys.save_secret(mcp_secret(servers[0], "dsn"), "postgres://hidden-word")
    return {check.name: check for check in Doctor(made.context).examine()}


def server(name: str, *words: str, secrets: list[str] | None = None) -> McpServer:
    args = [str(HABITS), *words]
    return McpServer(
        id=name.lower(), name=name, transport="stdio", command=sys.executable, args=args, secrets=secrets or []
    )


def test_the_servers_of_the_agent_that_opens_are_started_and_what_they_say_last_is_reported(tmp_path: Path) -> None:
    checks = examined(
        tmp_path,
        server("Files", "--dsn", "${secret:dsn}", secrets=["dsn"]),
        server("Broken", "--say", "Error: certificate has expired", "--exit", "1"),
        server("Nobodys", "--exit", "1"),
    )
    assert checks["mcp Files"] == Check("mcp Files", ok=True, detail="It answers and offers 2 tools.")
    assert not checks["mcp Broken"].ok
    assert "certificate has expired" in checks["mcp Broken"].detail
    assert checks["mcp Broken"].hint
    assert "mcp Nobodys" not in checks
    assert "hidden-word" not in repr(checks)
