"""MCP servers in the page for agents: what is typed, checked, kept, refused, taken back; no secret comes out again."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.common.errors import Phrase
from desktop.keys.errors import KeyringMissing
from desktop.openai_api.errors import TimedOut
from desktop.pages.agents.mcp_check import McpCheck
from desktop.pages.agents.page import AgentsPage
from desktop.pages.common.check_run import FieldError
from desktop.settings.agents import AssistantAgent, CodeAgent, DemoAgent
from desktop.settings.errors import SettingsInvalid
from desktop.settings.mcp import Approved, McpServer, mcp_secret
from tests import standins
from tests.agents.mcp.conftest import over_http
from tests.pages.app_parts import Asked, House, Keyring
from tests.pages.mcp_parts import SENTINEL, Found, Make, Server, asked_of, refused, row, save, saved


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def ask(house: House, server: Server) -> Asked:
    return asked_of(house, server)


HTTP = {
    "transport": "http",
    "url": "https://tools.example/mcp",
    "headers": [row("Authorization", SENTINEL, secret=True)],
}


# --- saving -------------------------------------------------------------------------------------


def test_a_program_is_asked_for_its_tools_and_kept(house: House, ask: Asked, server: Server) -> None:
    answer = save(ask, name=" My files ", args="/home/me\n\n--all", variables=[row("LEVEL", "3"), row("")])
    one = saved(house)
    assert (one.id, one.name, one.command, one.args) == ("my-files", "My files", "files", ["/home/me", "--all"])
    assert one.env == {"LEVEL": "3"}
    assert [given.command for given, _ in server.asked] == ["files"]
    assert answer["id"] == "my-files"
    assert answer["tools"][0] == {"name": "read", "description": "Reads. A file."}
    [listed] = answer["state"]["mcp"]
    assert (listed["name"], listed["below"], listed["users"]) == ("My files", "files", 0)


def test_a_whole_line_is_taken_apart_as_a_terminal_does(house: House, ask: Asked) -> None:
    assert ask("mcp.command", line="npx -y 'a b' c") == {"command": "npx", "args": ["-y", "a b", "c"]}
    save(ask, command='npx -y "a b"', args="last")
    assert (saved(house).command, saved(house).args) == ("npx", ["-y", "a b", "last"])


def test_a_path_with_spaces_is_one_word(house: House, ask: Asked, tmp_path: Path) -> None:
    program = tmp_path / "my server"
    program.touch()
    save(ask, command=str(program))
    assert saved(house).command == str(program)
    assert ask("mcp.command", line=r"C:\Program Files\server.exe")["args"] == []


def test_an_address_alone_gets_its_scheme(house: House, ask: Asked) -> None:
    save(ask, transport="http", url="localhost:8000/mcp")
    assert saved(house).url == "http://localhost:8000/mcp"
    save(ask, id=saved(house).id, transport="http", url="tools.example/mcp")
    assert saved(house).url == "https://tools.example/mcp"


def test_what_was_saved_comes_back_as_it_was_typed_but_for_the_secrets(ask: Asked, tmp_path: Path) -> None:
    form = {
        "name": "One",
        "transport": "stdio",
        "command": "files",
        "args": "a\nb",
        "folder": str(tmp_path),
        "url": "",
        "variables": [row("LEVEL", "3"), row("TOKEN", SENTINEL, secret=True)],
        "headers": [],
    }
    save(ask, **form)
    assert ask("mcp.get", id="one") == form | {"variables": [row("LEVEL", "3"), row("TOKEN", secret=True)]}


# --- secrets ------------------------------------------------------------------------------------


def test_checklist_01_a_secret_goes_to_the_keyring_and_into_no_answer(house: House, ask: Asked, server: Server) -> None:
    save(ask, **HTTP)
    one = saved(house)
    assert house.keys.secret(mcp_secret(one, "Authorization")) == f"Bearer {SENTINEL}"
    assert ask("mcp.secrets", id=one.id) == {
        "where": {"Authorization": "keyring"},
        "store": "Secret Service",
        "problem": None,
        "signed_in": "nowhere",
    }
    server.error = TimedOut(host="x", seconds=3)
    save(ask, id=one.id, **HTTP)
    refused(ask, command="files", args=f"--token={SENTINEL}")
    refused(ask, transport="http", url=f"https://tools.example/?key={SENTINEL}")
    refused(ask, variables=[row("A", SENTINEL)])
    refused(ask, variables=[row(f"A={SENTINEL}", "x")])
    with pytest.raises(FieldError):
        ask("mcp.command", line=f"npx server --key {SENTINEL}")
    ask(
        "mcp.read",
        text=json.dumps({"mcpServers": {"a": {"command": SENTINEL, "args": [SENTINEL], "env": {"A": SENTINEL}}}}),
    )
    ask("mcp.get", id=one.id)
    ask("agents.start")
    ask("mcp.remove", id=one.id)
    assert not ask.found(SENTINEL)
    assert SENTINEL not in repr(house.app.asked)


def test_checklist_07_a_secret_stands_in_no_file_and_in_no_repr(house: House, ask: Asked) -> None:
    save(ask, **HTTP)
    assert SENTINEL not in house.on_disk()
    assert '"secrets": [' in house.on_disk()
    params = ask.page.methods["mcp.save"].params.model_validate({"number": 1, **HTTP})
    assert SENTINEL not in repr(params)
    check = McpCheck(house.keys, house.settings, lambda *_: ())
    assert SENTINEL not in repr(check.draft(params, ""))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["variables.0.value", "headers.0.value"])
def test_checklist_07_what_is_shaped_like_a_secret_is_refused_where_it_would_stand_in_the_settings(
    house: House, ask: Asked, field: str
) -> None:
    forms: dict[str, dict[str, Any]] = {
        "variables.0.value": {"variables": [row("WORD", SENTINEL)]},
        "headers.0.value": {"transport": "http", "url": "https://tools.example", "headers": [row("X-Key", SENTINEL)]},
    }
    at, sentence = refused(ask, **forms[field])
    assert at == field
    assert "looks like a key" in sentence or "like a key or a password" in sentence
    assert house.settings.current.mcp_servers == []


@pytest.mark.parametrize(
    ("form", "left", "name", "value"),
    [
        ({"args": f"-v\n{SENTINEL}"}, "${secret:secret}", "secret", SENTINEL),
        ({"args": f"--github-token={SENTINEL}"}, "--github-token=${secret:github_token}", "github_token", SENTINEL),
        ({"args": "--api-key\nhunter2hunter2"}, "${secret:api_key}", "api_key", "hunter2hunter2"),
        (
            {"args": "postgresql://me:p@ss@db.example/app"},
            "postgresql://me:${secret:password}@db.example/app",
            *("password", "p@ss"),
        ),
        (
            {"args": "--header\nAuthorization: Bearer 0123456789abcdef"},
            "Authorization: Bearer ${secret:Authorization}",
            *("Authorization", "0123456789abcdef"),
        ),
    ],
)
def test_checklist_07_a_secret_among_the_arguments_goes_to_the_keyring_and_a_reference_stays(
    house: House, ask: Asked, server: Server, form: dict[str, Any], left: str, name: str, value: str
) -> None:
    assert save(ask, **form)["error"] is None
    one = saved(house)
    assert one.args[-1] == left
    assert house.keys.secret(mcp_secret(one, name)) == value
    assert server.asked[-1][1] == {name: value}
    assert value not in house.on_disk()
    again = ask("mcp.get", id=one.id)
    assert again["args"].splitlines()[-1] == left
    assert again["variables"] == [row(name, secret=True)]
    assert save(ask, id=one.id, **again)["error"] is None
    assert house.keys.secret(mcp_secret(saved(house), name)) == value, "saved again, it is the one that is kept"


@pytest.mark.parametrize(
    ("url", "left", "secrets"),
    [
        ("a.example/mcp?exaApiKey=1234abcd", "mcp?exaApiKey=${secret:exaApiKey}", {"exaApiKey": "1234abcd"}),
        ("https://a.example/m?v=2&token=a%2Fb+c%3D1&x=1", "m?v=2&token=${secret:token}&x=1", {"token": "a/b c=1"}),
        ("https://a.example/s/OTQ3YzYyMzQtYmFhMy00/m", "s/${secret:path}/m", {"path": "OTQ3YzYyMzQtYmFhMy00"}),
        (f"https://a.example/{SENTINEL}/mcp", "${secret:path}/mcp", {"path": SENTINEL}),
        ("https://me:pw@a.example/mcp", "mcp", {"Authorization": "Basic bWU6cHc="}),
    ],
)
def test_checklist_07_a_secret_in_an_address_goes_to_the_keyring_and_a_reference_stays(
    house: House, ask: Asked, url: str, left: str, secrets: dict[str, str]
) -> None:
    assert save(ask, transport="http", url=url)["error"] is None
    one = saved(house)
    assert one.url == f"https://a.example/{left}"
    assert {name: house.keys.secret(mcp_secret(one, name)) for name in one.secrets} == secrets
    assert not any(value in house.on_disk() for value in secrets.values())
    assert ask("mcp.get", id=one.id)["url"] == one.url


def test_a_reference_to_a_secret_that_is_not_there_is_said_at_its_field(ask: Asked) -> None:
    at, sentence = refused(ask, args="--dsn=${secret:DSN}")
    assert (at, sentence) == ("args", "There is no secret “DSN”. Add it under this name and mark it as secret.")
    assert save(ask, args="--dsn=${secret:DSN}", variables=[row("DSN", "x", secret=True)])["error"] is None


def test_checklist_31_a_secret_of_an_address_is_asked_for_anew_at_another_one(house: House, ask: Asked) -> None:
    save(ask, transport="http", url="https://a.example/mcp?apiKey=1234abcd")
    form = ask("mcp.get", id=saved(house).id) | {"url": "https://evil.example/mcp?apiKey=${secret:apiKey}"}
    assert refused(ask, id=saved(house).id, **form)[0] == "headers.0.value"


def test_an_empty_secret_stays_as_it_is_kept(house: House, ask: Asked, server: Server) -> None:
    save(ask, **HTTP)
    save(ask, id=saved(house).id, **(HTTP | {"name": "New", "headers": [row("Authorization", secret=True)]}))
    assert saved(house).name == "New"
    assert server.asked[-1][1] == {"Authorization": f"Bearer {SENTINEL}"}


def test_checklist_31_another_origin_asks_for_the_secret_again(house: House, ask: Asked, server: Server) -> None:
    save(ask, **HTTP)
    before = saved(house)
    moved = HTTP | {"id": before.id, "url": "https://other.example/mcp", "headers": [row("Authorization", secret=True)]}
    at, sentence = refused(ask, **moved)
    assert (at, sentence) == (
        "headers.0.value",
        "Enter it again. A secret belongs to the address it was entered for.",
    )
    assert len(server.asked) == 1
    assert saved(house) == before
    save(ask, **(moved | {"headers": [row("Authorization", "Basic bmV3", secret=True)]}))
    assert house.keys.secret(mcp_secret(saved(house), "Authorization")) == "Basic bmV3"
    assert house.keys.secret(mcp_secret(before, "Authorization")) is None, "the old one is gone"


def test_a_path_of_the_same_origin_does_not_ask_again(house: House, ask: Asked) -> None:
    save(ask, **HTTP)
    moved = {"url": "https://tools.example/v2", "headers": [row("Authorization", secret=True)]}
    assert save(ask, id=saved(house).id, **(HTTP | moved))["error"] is None


def test_a_secret_without_a_value_is_asked_for(ask: Asked) -> None:
    assert refused(ask, variables=[row("TOKEN", secret=True)]) == ("variables.0.value", "Enter the value.")


def test_a_secret_that_is_lost_is_said_and_asked_for(house: House, ask: Asked) -> None:
    save(ask, **HTTP)
    house.keys.remove_secret(mcp_secret(saved(house), "Authorization"))
    assert ask("mcp.secrets", id=saved(house).id)["where"] == {"Authorization": "nowhere"}
    again = HTTP | {"id": saved(house).id, "headers": [row("Authorization", secret=True)]}
    assert refused(ask, **again)[1] == "It is not in the keyring. Enter it again."


def test_a_secret_that_is_none_any_more_leaves_the_keyring(house: House, ask: Asked) -> None:
    save(ask, variables=[row("TOKEN", SENTINEL, secret=True)])
    before = saved(house)
    save(ask, id=before.id, variables=[])
    assert house.keys.secret(mcp_secret(before, "TOKEN")) is None


def test_checklist_09_a_failed_check_leaves_the_old_secret(house: House, ask: Asked, server: Server) -> None:
    save(ask, **HTTP)
    server.error = TimedOut(host="x", seconds=3)
    save(
        ask, id=saved(house).id, **(HTTP | {"headers": [row("Authorization", "another-token-0123456789", secret=True)]})
    )
    assert house.keys.secret(mcp_secret(saved(house), "Authorization")) == f"Bearer {SENTINEL}"


def test_checklist_06_without_a_keyring_a_secret_is_kept_for_this_session(make_house: Make, server: Server) -> None:
    house = make_house(keyring=Keyring(trouble=KeyringMissing()))
    ask = asked_of(house, server)
    answer = save(ask, **HTTP)
    assert answer["error"]["code"] == "keyring_missing"
    assert house.settings.current.mcp_servers == []
    assert save(ask, keep="session", **HTTP)["error"] is None
    assert len(server.asked) == 1, "the server is not asked twice"
    assert ask("mcp.secrets", id=saved(house).id)["where"] == {"Authorization": "session"}
    ask("mcp.remove", id=saved(house).id)
    assert house.settings.current.mcp_servers == []


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"command": " "}, "command", "Enter the program that starts the server, such as npx."),
        ({"command": "npx 'a"}, "command", "A quotation mark is missing."),
        ({"command": "a\nb"}, "command", "It must be a single line"),
        ({"name": "n" * 61}, "name", "It must have at most 60 characters."),
        ({"folder": "here"}, "folder", "This folder does not exist."),
        ({"folder": "/nowhere/at/all"}, "folder", "This folder does not exist."),
        ({"args": "a\n" * 101}, "args", "There must be 100 or fewer."),
        ({"variables": [row("A=B", "x")]}, "variables.0.name", "A variable’s name consists of letters"),
        ({"variables": [row("A\nB", "x")]}, "variables.0.name", "A variable’s name consists of letters"),
        ({"variables": [row("", "x")]}, "variables.0.name", "Enter a name."),
        ({"variables": [row("A", "1"), row(""), row("A", "2")]}, "variables.2.name", "“A” appears twice."),
        ({"variables": [row("A", "x" * 5000)]}, "variables.0.value", "It must have at most 4096 characters."),
        ({"variables": [row("A", "x" * 9000, secret=True)]}, "variables.0.value", "It must have at most 8192"),
        ({"transport": "http", "url": ""}, "url", "Enter the server’s address, such as https://host/mcp."),
        ({"transport": "http", "url": "http://tools.example/mcp"}, "url", "The address must begin with https://"),
        ({"transport": "http", "url": "ftp://tools.example"}, "url", "The address must begin with https://"),
        ({"transport": "http", "url": "https://["}, "url", "The address must look like"),
        ({"transport": "http", "url": "https://a/b c"}, "url", "The address must look like"),
        ({"transport": "http", "url": "https://a", "headers": [row("a b", "x")]}, "headers.0.name", "A header’s name"),
        ({"transport": "http", "url": "https://a", "headers": [row("Host", "x")]}, "headers.0.name", "A header’s name"),
        ({"transport": "http", "url": "https://a", "headers": [row("X", "a\nb")]}, "headers.0.value", "It must be a"),
        ({"transport": "http", "url": "https://a", "headers": [row("X", "1"), row("x", "2")]}, "headers.1.name", "“x”"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence_at_its_field(
    house: House, ask: Asked, server: Server, form: dict[str, Any], field: str, sentence: str
) -> None:
    at, said = refused(ask, **form)
    assert at == field
    assert said.startswith(sentence)
    assert server.asked == [], "nothing was started"
    assert house.settings.current.mcp_servers == []


def test_fifty_servers_are_the_most(house: House, ask: Asked) -> None:
    house.settings.update(
        {"mcp_servers": [{"id": f"s{n}", "transport": "stdio", "command": "x", "name": "n" * 60} for n in range(50)]}
    )
    assert refused(ask) == ("name", "There are 50 MCP servers already. Remove one to add another.")
    assert save(ask, id="s1")["error"] is None, "those that are there can be changed"


@pytest.mark.parametrize("method", ["get", "secrets", "remove"])
def test_a_server_that_is_gone_is_named_as_such(ask: Asked, method: str) -> None:
    with pytest.raises(FieldError):
        ask(f"mcp.{method}", id="nobody")
    assert "no longer exists" in ask.crossed[-1]


def test_what_the_maker_has_fixed_is_not_changed(make_house: Make, server: Server) -> None:
    fixed = {
        "settings": {"mcp_servers": [{"id": "ours", "transport": "stdio", "command": "x"}]},
        "fixed": ["mcp_servers"],
    }
    house = make_house(brand=fixed)
    ask = asked_of(house, server)
    assert ask("agents.start")["mcp_locked"]
    with pytest.raises(SettingsInvalid):
        save(ask)
    with pytest.raises(SettingsInvalid):
        ask("mcp.remove", id="ours")


# --- a check that fails -------------------------------------------------------------------------


def test_what_fails_its_check_may_be_saved_anyway_and_only_then(house: House, ask: Asked, server: Server) -> None:
    server.error = TimedOut(host="x", seconds=3)
    answer = save(ask, unchecked=True)
    assert answer["error"]["code"] == "timed_out"
    assert answer["can_save"]
    assert house.settings.current.mcp_servers == []
    answer = save(ask, unchecked=True)
    assert (answer["error"], answer["tools"]) == (None, [])
    assert saved(house).command == "files"


# --- with a real server ---------------------------------------------------------------------------

STANDIN = Path(standins.__file__).with_name("mcp_server.py")


@pytest.fixture
def real(house: House) -> Asked:
    """The page as the app has it: a check starts what it is given."""
    return Asked(AgentsPage(house.services).page(), house.texts)


def test_a_real_program_is_started_with_its_secret_and_names_its_tools(house: House, real: Asked) -> None:
    variables = [row("MCP_TOKEN", SENTINEL, secret=True)]
    answer = save(real, command=sys.executable, args=str(STANDIN), variables=variables)
    assert answer["error"] is None
    assert {"name": "add", "description": "Adds two numbers."} in answer["tools"]
    assert saved(house).secrets == ["MCP_TOKEN"]
    assert not real.found(SENTINEL)


def test_a_program_that_is_not_there_is_said_at_its_field_and_may_be_saved_anyway(house: House, real: Asked) -> None:
    answer = save(real, command="no-such-program-anywhere")
    assert answer["error"]["field"] == "command"
    assert answer["error"]["hint"] == "Install it, or enter its full path."
    assert answer["can_save"]
    assert save(real, command="no-such-program-anywhere", unchecked=True)["error"] is None
    assert saved(house).command == "no-such-program-anywhere"


def test_a_program_that_ends_at_once_is_told(house: House, real: Asked) -> None:
    error = save(real, command=sys.executable, args=f"{STANDIN}\n--misbehave\ngone")["error"]
    assert error["code"] == "mcp_ended"
    assert house.settings.current.mcp_servers == []


def test_a_check_that_waits_is_cancelled_and_leaves_no_program(house: House, real: Asked, tmp_path: Path) -> None:
    answers: list[dict[str, Any]] = []
    begun = tmp_path / "begun"
    silent = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    form = {"number": 7, "command": sys.executable, "args": f"-c\n{silent}\n{begun}"}
    waits = threading.Thread(target=lambda: answers.append(save(real, **form)))
    waits.start()
    until(lambda: begun.exists() and begun.read_text())
    pid = int(begun.read_text())
    assert real("mcp.cancel", number=7) == {"stopped": True}
    waits.join(60)
    assert answers[0]["cancelled"]
    until(lambda: not psutil.pid_exists(pid))
    assert house.settings.current.mcp_servers == []
    assert real("mcp.cancel", number=7) == {"stopped": False}


def test_a_page_that_closes_ends_its_check_and_saves_nothing(house: House, real: Asked, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    silent = "import sys, time; open(sys.argv[1], 'w').write('now'); time.sleep(600)"
    form = {"number": 3, "command": sys.executable, "args": f"-c\n{silent}\n{begun}"}
    waits = threading.Thread(target=lambda: save(real, **form))
    waits.start()
    until(lambda: begun.exists() and begun.read_text())
    real.page.on_gone()
    waits.join(60)
    assert not waits.is_alive()
    assert house.settings.current.mcp_servers == []


def test_a_real_server_at_an_address_takes_the_bearer_token_and_refuses_another(
    house: House, real: Asked, tmp_path: Path
) -> None:
    with over_http(tmp_path, "--token", SENTINEL) as url:
        wrong = save(real, transport="http", url=url, headers=[row("Authorization", "wrong-token-0", secret=True)])
        assert wrong["error"]["code"] == "mcp_refused"
        assert wrong["error"]["hint"] == "Check the header with its token."
        right = save(real, transport="http", url=url, headers=[row("Authorization", SENTINEL, secret=True)])
        assert right["error"] is None
        assert "add" in {tool["name"] for tool in right["tools"]}
        assert saved(house).url == url


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# --- tools that need no question -----------------------------------------------------------------


def approved(house: House, ask: Asked, *tools: str) -> McpServer:
    save(ask)
    one = saved(house).model_copy(update={"always": [Approved(tool=tool, digest="a" * 64) for tool in tools]})
    house.settings.update({"mcp_servers": [one.model_dump(mode="json")]})
    return one


def test_what_is_allowed_for_always_is_listed_and_taken_back(house: House, ask: Asked) -> None:
    one = approved(house, ask, "read", "write")
    assert ask("agents.start")["mcp"][0]["always"] == ["read", "write"]
    assert ask("mcp.ask_again", id=one.id, tool="read")["mcp"][0]["always"] == ["write"]
    assert [one.tool for one in saved(house).always] == ["write"]


def test_another_program_under_the_same_name_is_asked_for_again(house: House, ask: Asked) -> None:
    one = approved(house, ask, "read")
    save(ask, id=one.id, name="Called otherwise")
    assert [one.tool for one in saved(house).always] == ["read"]
    save(ask, id=one.id, args="--everything")
    assert saved(house).always == []


# --- agents --------------------------------------------------------------------------------------


def test_an_assistant_is_given_servers_and_loses_the_one_that_is_removed(house: House, ask: Asked) -> None:
    house.settings.replace_agent(DemoAgent(id="demo"))
    house.settings.replace_agent(AssistantAgent(id="writer"))
    save(ask, **HTTP, name="Files")
    before = saved(house)
    house.settings.replace_agent(CodeAgent(id="coder", file="/x.py", mcp_servers=["other"]), activate=False)
    ask("agents.save", id="writer", changes={"agent.mcp_servers": ["files"]})
    ask("agents.save", id="coder", changes={"agent.mcp_servers": ["other", "files"]})
    assert ask("agents.get", id="coder")["fields"]["agent.mcp_servers"]["value"] == ["other", "files"]
    state = ask("agents.start")
    assert state["mcp"][0]["users"] == 2
    ask("mcp.remove", id="files")
    agents = {one.id: one for one in house.settings.current.agents}
    assert isinstance(writer := agents["writer"], AssistantAgent)
    assert isinstance(coder := agents["coder"], CodeAgent)
    assert (writer.mcp_servers, coder.mcp_servers) == ([], ["other"])
    assert house.keys.secret(mcp_secret(before, "Authorization")) is None
    assert "mcp|" not in repr(house.keyring.__dict__)


def test_an_id_that_an_agent_still_names_is_not_given_to_another_server(house: House, ask: Asked) -> None:
    """What the agent could use was removed in the file by hand; the new one is another."""
    house.settings.replace_agent(AssistantAgent(id="writer", mcp_servers=["files"]))
    save(ask)
    assert saved(house).id == "files-2"


# --- a block from elsewhere ------------------------------------------------------------------------


def test_a_block_of_other_programs_is_read_for_its_shape(ask: Asked) -> None:
    block = {
        "mcpServers": {
            "github": {
                "command": "npx",
                "args": ["-y", "server-github"],
                "env": {"GITHUB_TOKEN": SENTINEL, "LEVEL": "3", "API_KEY": "<your key>"},
            },
            "search": {"url": "https://s.example/mcp", "headers": {"Authorization": f"Bearer {SENTINEL}"}},
            "broken": {"disabled": True},
        }
    }
    first, second = ask("mcp.read", text=json.dumps(block))["servers"]
    assert first == {
        "at": ["mcpServers", "github"],
        "name": "github",
        "transport": "stdio",
        "variables": [
            {"name": "GITHUB_TOKEN", "secret": True, "take": True},
            {"name": "LEVEL", "secret": False, "take": True},
            {"name": "API_KEY", "secret": True, "take": False},
        ],
        "headers": [],
    }
    assert (second["name"], second["transport"]) == ("search", "http")
    assert second["headers"] == [{"name": "Authorization", "secret": True, "take": True}]
    assert not ask.found(SENTINEL)


@pytest.mark.parametrize(
    "text",
    [
        '{"servers": {"a": {"type": "http", "url": "https://a.example"}}}',
        '{"mcp": {"servers": {"a": {"command": "x"}}}}',
        '{"a": {"command": "x"}}',
        '{"command": "x"}',
        '"mcpServers": {"a": {"command": "x"}}',
        '  "a": {"serverUrl": "https://a.example"}  ',
    ],
)
def test_the_spellings_of_a_block_are_all_read(ask: Asked, text: str) -> None:
    [one] = ask("mcp.read", text=text)["servers"]
    given = json.loads(text if text.startswith("{") else f"{{{text}}}")
    for key in one["at"]:
        given = given[key]
    assert set(given) & {"command", "url", "serverUrl"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Paste the configuration here."),
        ('{\n"mcpServers": {\n,}}', "This is not valid JSON. The mistake is on line 3."),
        ("[" * 50_000, "This is not valid JSON."),
        ('{"a": {"command": "x", "n": NaN}}', "This is not valid JSON."),
        ("[]", "It contains no server."),
        ("3", "It contains no server."),
        ('{"mcpServers": []}', "It contains no server."),
        ('{"mcpServers": {"a": {"command": ["x"]}}}', "It contains no server."),
    ],
)  # fmt: skip
def test_what_is_no_block_is_told_in_a_sentence(ask: Asked, text: str, sentence: str) -> None:
    with pytest.raises(FieldError) as caught:
        ask("mcp.read", text=text)
    assert caught.value.field == "block"
    assert json.loads(ask.crossed[-1])["message"].startswith(sentence)


def test_what_is_switched_off_is_kept_and_a_change_of_the_form_does_not_lose_it(house: House, ask: Asked) -> None:
    save(ask)
    one = saved(house)
    state = ask("mcp.tools_off", id=one.id, off=["write", "write"])
    assert state["mcp"][0]["off"] == ["write"]
    save(ask, id=one.id, name="New")
    assert saved(house).tools_off == ["write"]


def test_the_page_is_told_how_a_start_goes_on_and_what_was_done_to_tools(house: House, server: Server) -> None:
    told: list[str] = []

    class Slow(Server):
        def __call__(self, *given: Any) -> Sequence[Found]:
            check.told = Phrase("mcp.starting_first", {"server": "Files", "seconds": 12})
            told.append(ask("mcp.progress")["text"])
            return [Odd("read", remark="mended"), Odd("?", remark="form")]

    @dataclass
    class Odd(Found):
        remark: str = ""

    check = McpCheck(house.keys, house.settings, Slow(), background=lambda work: work())
    ask = Asked(AgentsPage(house.services, mcp=check).page(), house.texts)
    tools = save(ask)["tools"]
    assert told == ["Starting Files. It may need to download first: 12 s."]
    assert ask("mcp.progress") == {"text": ""}
    assert [(one["name"], one["left_out"]) for one in tools] == [("read", ""), ("?", "yes")]
    assert all(one["remark"] for one in tools)
