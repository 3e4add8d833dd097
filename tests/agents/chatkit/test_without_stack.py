"""ChatKit's server without the agent stack: a workaround, and what tells that it is no longer needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from desktop.agents.chatkit import without_stack
from desktop.common.errors import AgentsMissing
from desktop.common.installed import command_for

ROOT = Path(__file__).resolve().parents[3]


def in_a_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_light_server_brings_neither_agents_nor_openai() -> None:
    code = (
        "import sys\n"
        "from desktop.agents.chatkit.without_stack import chatkit_server\n"
        "server = chatkit_server().ChatKitServer\n"
        "print(server.__name__, [n for n in ('agents', 'openai', 'mcp', 'chatkit.server') if n in sys.modules])\n"
    )
    assert in_a_process(code) == "ChatKitServer []"


def test_the_sdk_s_own_still_does() -> None:
    """When this fails, `chatkit.server` can be imported as it is and `without_stack.py` can go."""
    code = "import sys, chatkit.server; print('agents' in sys.modules)"
    assert in_a_process(code) == "True"


def test_it_is_the_sdk_s_code_and_speaks_of_the_sdk_s_types() -> None:
    import chatkit.server as own
    from chatkit.types import ThreadsListReq

    module = without_stack.chatkit_server()
    assert module is without_stack.chatkit_server()
    assert module.ThreadsListReq is ThreadsListReq
    assert module.ChatKitServer is not own.ChatKitServer
    assert module.ChatKitServer.process.__code__.co_filename == own.ChatKitServer.process.__code__.co_filename


def test_both_can_be_there_in_either_order() -> None:
    for first, second in (("light", "own"), ("own", "light")):
        lines = {
            "light": "from desktop.agents.chatkit.without_stack import chatkit_server; chatkit_server()",
            "own": "import chatkit.server, agents; agents.Agent",
        }
        assert in_a_process(f"{lines[first]}\n{lines[second]}\nprint('fine')") == "fine"


def test_a_missing_sdk_is_a_sentence_with_the_line_for_the_way_the_app_was_installed() -> None:
    code = (
        "import sys\n"
        "sys.modules['chatkit'] = None\n"
        "from desktop.agents.chatkit.without_stack import chatkit_server\n"
        "from desktop.common.errors import AgentsMissing\n"
        "from desktop.common.texts import Catalogue\n"
        "try: chatkit_server()\n"
        "except AgentsMissing as error: print(error.describe(Catalogue('en'))['hint'])\n"
    )
    assert in_a_process(code) == f"Install it with: {command_for('agents')}"


def test_the_sentence_names_the_missing_part_only_under_details() -> None:
    error = without_stack.missing(ModuleNotFoundError("No module named 'agents'"))
    assert isinstance(error, AgentsMissing)
    assert "agents" in error.detail
    with pytest.raises(AgentsMissing):
        raise error
