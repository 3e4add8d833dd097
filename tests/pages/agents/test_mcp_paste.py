"""What other programs have of an MCP server, pasted: read in every dialect, asked for what is open, secrets kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as given_text
from hypothesis.strategies import booleans, dictionaries, integers, lists, none, recursive, text

from desktop.pages.agents.mcp_dialects import written
from desktop.pages.agents.mcp_jsonc import parsed
from desktop.pages.agents.mcp_paste import filled
from desktop.pages.common.check_run import FieldError
from desktop.settings.mcp import mcp_secret
from tests.pages.app_parts import Asked, House
from tests.pages.mcp_parts import SENTINEL, Make, Server, asked_of, refused, row, save, saved


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def ask(house: House, server: Server) -> Asked:
    return asked_of(house, server)


VSCODE = """// my servers
{
  "inputs": [
    {"type": "promptString", "id": "key", "description": "Perplexity key", "password": true},
    {"type": "promptString", "id": "dir", "description": "Folder"}, // where
  ],
  "servers": { /* one,
    "of": {} */
    "p": {
      "type": "stdio", "command": "npx",
      "args": ["-y", "perplexity", "${input:dir}", "${workspaceFolder}/x", "https://a.example//b", "a,}"],
      "env": {"PERPLEXITY_API_KEY": "${input:key}", "AT": "$HOME/x", "MODE": "${env:MODE}"},
      "disabled": true, "alwaysAllow": ["x"],
    },
  },
}"""


def read(ask: Asked, text: str) -> dict[str, Any]:
    """The form of the first server of a block, and what is said of it."""
    return dict(ask("mcp.read", text=text)["forms"][0])


def test_a_block_as_an_editor_writes_it_is_read_and_what_it_leaves_open_is_asked_for(
    make_house: Make, server: Server
) -> None:
    house = make_house(environ={"HOME": "/home/me", "MODE": "fast"})
    ask = asked_of(house, server)
    given = read(ask, VSCODE)
    form = given["form"]
    assert form["command"] == "npx"
    assert form["args"].splitlines()[2:] == ["${input:dir}", "${workspaceFolder}/x", "https://a.example//b", "a,}"]
    assert form["variables"] == [
        row("PERPLEXITY_API_KEY", secret=True),
        row("AT", "/home/me/x"),
        row("MODE", "fast"),
    ]
    assert [(one["id"], one["label"]) for one in given["asks"]] == [
        ("dir", "Folder"),
        ("workspaceFolder", "workspaceFolder"),
    ]
    assert len(given["notes"]) == 2
    assert "An editor normally fills in “${input:dir}”" in refused(ask, **form)[1]
    given = ask(
        "mcp.fill", which=0, answers={"dir": "/data", "workspaceFolder": "/work", "key": "pplx-0123456789abcdef"}
    )
    assert given["asks"] == []
    assert given["held"] == ["PERPLEXITY_API_KEY"]
    assert save(ask, pasted=0, **given["form"])["error"] is None
    one = saved(house)
    assert one.args[2:4] == ["/data", "/work/x"]
    assert house.keys.secret(mcp_secret(one, "PERPLEXITY_API_KEY")) == "pplx-0123456789abcdef"
    assert one.always == []


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ('```json\n{"mcpServers": {"a": {"serverUrl": "https://a.example/sse", "type": "sse"}}}\n```', ("a", "https://a.example/sse")),
        ('{"context_servers": {"z": {"source": "custom", "command": {"path": "npx", "args": ["a"]}}}}', ("z", "npx a")),
        ('"context_servers": {"z": {"command": "npx", "args": ["a"],}, // mine\n}', ("z", "npx a")),
        ('{"experimental": {"modelContextProtocolServers": [{"transport": {"command": "uvx"}}]}}', ("", "uvx")),
        ('{"mcpServers": [{"name": "c", "command": "uvx", "args": ["m"]}]}', ("c", "uvx m")),
        ('{"mcp": {"o": {"type": "local", "command": ["npx", "x"], "enabled": false}}}', ("o", "npx x")),
        ('{"mcpServers": {"g": {"httpUrl": "https://g.example/mcp"}}}', ("g", "https://g.example/mcp")),
        ('{"mcp": {"r": {"type": "remote", "url": "https://r.example/mcp"}}}', ("r", "https://r.example/mcp")),
        ('{"type": "streamable-http", "url": "https://one.example/mcp"}', ("", "https://one.example/mcp")),
        ('[mcp_servers.ctx] # codex\ncommand = "npx"\nargs = ["-y", "x"]\n', ("ctx", "npx -y x")),
        ("npx -y @x/server 'a b'", ("", "npx -y @x/server a b")),
        ("$ uvx mcp-server-time \\\n  --timezone=UTC", ("", "uvx mcp-server-time --timezone=UTC")),
        ("docker run -i --rm -e A ghcr.io/x/y", ("", "docker run -i --rm -e A ghcr.io/x/y")),
        ("claude mcp add --transport http sentry https://s.example/mcp", ("sentry", "https://s.example/mcp")),
        ("claude mcp add air -e A=b -- npx -y air --x", ("air", "npx -y air --x")),
        ("claude mcp add air -s user npx -y air", ("air", "npx -y air")),
        ("codex mcp add air --env A=b -- npx air", ("air", "npx air")),
        ("""claude mcp add-json w '{"command": "x"}'""", ("w", "x")),
        ("""code --add-mcp '{"name": "w", "command": "uvx", "args": ["a"]}'""", ("w", "uvx a")),
        ("https://mcp.example/mcp", ("", "https://mcp.example/mcp")),
        ("cursor://x/mcp/install?name=pg&config=eyJjb21tYW5kIjoibnB4IiwiYXJncyI6WyJwZyJdfQ==", ("pg", "npx pg")),
        ("vscode:mcp/install?%7B%22name%22%3A%22f%22%2C%22command%22%3A%22npx%22%7D", ("f", "npx")),
    ],
)  # fmt: skip
def test_servers_are_read_however_other_programs_write_them(ask: Asked, text: str, want: tuple[str, str]) -> None:
    form = read(ask, text)["form"]
    assert (form["name"], " ".join([form["command"], *form["args"].splitlines()]).strip() or form["url"]) == want


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (f"GITHUB_TOKEN={SENTINEL} npx server", "GITHUB_TOKEN", SENTINEL),
        (f"npx server --token {SENTINEL}", "token", SENTINEL),
        (f"https://a.example/mcp?apiKey={SENTINEL}", "apiKey", SENTINEL),
        (f'claude mcp add a https://a.example -H "X-Token: {SENTINEL}"', "X-Token", SENTINEL),
        (f'[mcp_servers.a]\nurl = "https://a"\nhttp_headers = {{"X-Key" = "{SENTINEL}"}}', "X-Key", SENTINEL),
    ],
)  # fmt: skip
def test_checklist_01_the_secrets_of_what_is_pasted_go_to_the_keyring_and_never_back_to_the_page(
    house: House, ask: Asked, text: str, name: str, value: str
) -> None:
    given = read(ask, text)
    assert given["held"] == [name]
    assert save(ask, pasted=0, **given["form"])["error"] is None
    assert house.keys.secret(mcp_secret(saved(house), name)) == value
    assert not ask.found(SENTINEL)
    assert SENTINEL not in house.on_disk()


def test_checklist_07_a_strangers_block_gets_no_secret_of_this_computer(make_house: Make, server: Server) -> None:
    environ = {"HOME": "/home/me", "OPENAI_API_KEY": SENTINEL, "GITHUB_TOKEN": SENTINEL, "PLAIN": SENTINEL, "DB": "x"}
    ask = asked_of(make_house(environ=environ), server)
    words = ["${env:OPENAI_API_KEY}", "${GITHUB_TOKEN}", "${PLAIN}", "${env:DB}"]
    given = read(ask, json.dumps({"mcpServers": {"a": {"command": "x", "args": words, "env": {"A": "${PLAIN}"}}}}))
    assert given["form"]["args"].splitlines()[-1] == "x"
    assert [one["id"] for one in given["asks"]] == ["OPENAI_API_KEY", "GITHUB_TOKEN", "PLAIN"]
    assert not ask.found(SENTINEL)


@pytest.mark.parametrize(
    "words",
    [
        "/* " * 30_000,
        "// " * 30_000,
        '"' * 99_999,
        "[a]\nb = " + "[" * 50_000,
        "[" * 90_000,
        "\\" * 90_000,
        "${" * 40_000,
    ],
)
def test_what_has_no_end_is_a_sentence_within_the_test_s_patience(words: str) -> None:
    with pytest.raises(FieldError):
        written(words)


def test_the_file_of_variables_that_a_block_names_is_read(house: House, ask: Asked, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text(f"# mine\nexport TOKEN='{SENTINEL}'\nLEVEL=3 # low\n", encoding="utf-8")
    given = read(ask, json.dumps({"servers": {"a": {"command": "x", "envFile": str(env), "env": {"B": "1"}}}}))
    assert given["form"]["variables"] == [row("TOKEN", secret=True), row("LEVEL", "3"), row("B", "1")]
    assert str(env) in given["notes"][0]
    missing = read(ask, '{"servers": {"a": {"command": "x", "envFile": "/nowhere/.env"}}}')
    assert "can’t be read" in missing["notes"][0]


@given_text(text())
def test_no_text_whatever_breaks_the_reading_of_a_block(words: str) -> None:
    fields: set[str | None] = set()
    for one in (words, f'{{"mcpServers": {{{words}}}}}', f"[mcp_servers.a]\n{words}", f"claude mcp add {words}"):
        try:
            found = written(one)
        except FieldError as error:
            fields.add(error.field)
            continue
        for server in found:
            filled(server, {}, {})
    assert fields <= {"block"}


@given_text(recursive(none() | booleans() | integers() | text(), lambda part: lists(part) | dictionaries(text(), part)))
def test_json_reads_the_same_with_comments_and_trailing_commas(value: Any) -> None:
    plain = json.dumps({"v": value}, ensure_ascii=False, indent=1)
    commas = re.sub(r"\n( *)([}\]])", r",\n\1\2", plain)
    dressed = commas.replace("\n", ' // a, "b } \n /* [ \n */ ')
    assert parsed(plain) == {"v": value}
    assert parsed(f"/* a\n{{ */ {dressed}") == {"v": value}
