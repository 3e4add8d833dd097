"""What is typed: what it means, that nothing heavy is loaded for it, that a mistake is said and changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop import __version__, cli
from desktop.common.errors import UsageError

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "asyncio", "httpx", "keyring", "openai", "pydantic", "webview", "gi", "PySide6", "platformdirs", "truststore",
    "http.server", "ssl", "secretstorage", "desktop.app.application", "desktop.commands",
)  # fmt: skip
"""What a start must not have loaded by the time it knows what was typed."""


def run(
    *words: str, environ: dict[str, str] | None = None, home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, in English, with nothing of this machine's person."""
    base = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "CHATKIT", "LC_"))}
    base |= {"LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    if home is not None:
        base |= {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    return subprocess.run(
        [sys.executable, "-m", "desktop", *words],
        capture_output=True,
        text=True,
        env=base | (environ or {}),
        timeout=60,
    )


def python(code: str) -> str:
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


# --- what is meant --------------------------------------------------------------------------------


def test_without_words_the_app_is_opened() -> None:
    args = cli.parse([])
    assert args.command is None
    assert args.prompt is None
    for name in ("profile", "api_base", "engine", "data_dir", "log_level", "component_url"):
        assert not hasattr(args, name), "what was not typed is left to the settings"


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--profile", "work"], "profile", "work"),
        (["--api-base", "https://proxy.example"], "api_base", "https://proxy.example"),
        (["--engine", "qt"], "engine", "qt"),
        (["--engine=gtk"], "engine", "gtk"),
        (["--data-dir", "/tmp/x y"], "data_dir", "/tmp/x y"),
        (["--log-level", "DEBUG"], "log_level", "DEBUG"),
        (["--prompt", "What is new?"], "prompt", "What is new?"),
        (["--prompt", "key"], "prompt", "key"),
        (["--prompt=--json"], "prompt", "--json"),
        (["--profile", "doctor"], "profile", "doctor"),
    ],
)
def test_an_option_alone_opens_the_app_with_it(words: list[str], name: str, value: str) -> None:
    args = cli.parse(words)
    assert args.command is None
    assert getattr(args, name) == value


@pytest.mark.parametrize("command", cli.COMMANDS)
@pytest.mark.parametrize("before", [True, False])
def test_the_options_for_all_commands_stand_before_or_after_the_command(command: str, before: bool) -> None:
    options = [
        "--profile", "work", "--api-base", "https://a.example", "--engine", "qt", "--data-dir", "/d",
        "--log-level", "DEBUG", "--json", "--component-url", "https://c.example/x.js",
    ]  # fmt: skip
    words = [command, *{"ask": ["hello"], "key": ["status"], "threads": ["list"]}.get(command, [])]
    args = cli.parse([*options, *words] if before else [*words, *options])
    assert args.command == command
    assert (args.profile, args.api_base, args.engine, args.data_dir) == ("work", "https://a.example", "qt", "/d")
    assert (args.log_level, args.json, args.component_url) == ("DEBUG", True, "https://c.example/x.js")


def test_every_command_has_help_and_says_what_it_is_for() -> None:
    assert {file.stem for file in (ROOT / "desktop" / "commands").glob("[!_]*.py")} == set(cli.COMMANDS)
    text = cli.parser().format_help()
    for command in cli.COMMANDS:
        assert f"\n    {command} " in text


def test_help_and_version_end_well_and_touch_nothing(tmp_path: Path) -> None:
    for words in (["--help"], ["-h"], ["doctor", "--help"], ["threads", "list", "--help"]):
        found = run(*words, home=tmp_path)
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("usage: chatkit-desktop")
    assert run("--version", home=tmp_path).stdout == f"chatkit-desktop {__version__}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_command_is_read_without_the_others_even_where_a_value_is_called_like_one() -> None:
    code = (
        "import sys; from desktop import cli; args = cli.parse(['--profile', 'key', 'smoke', '--page', 'any']);"
        "print(args.command, args.profile, *sorted(n for n in sys.modules if n.startswith('desktop.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    said = [word for word in done.stdout.split() if not word.rpartition(".")[2].startswith("_")]
    assert said == ["smoke", "key", "desktop.commands.key", "desktop.commands.smoke"]


# --- a quick start --------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--profile", "work"], ["--prompt", "hello", "--log-level", "DEBUG"]])
def test_a_start_loads_nothing_heavy_before_it_knows_what_is_meant(words: list[str]) -> None:
    code = f"""
import sys
before = set(sys.modules)
from desktop import cli
cli.parse({words!r})
print(*sorted(set(sys.modules) - before))
"""
    loaded = set(python(code).split())
    assert "desktop.cli" in loaded
    assert not loaded & set(HEAVY)


def test_a_wrong_word_is_answered_without_loading_anything_heavy() -> None:
    code = """
import sys, io
sys.stderr = io.StringIO()
from desktop import cli
assert cli.main(["--bogus"]) == 2
print(*sorted(sys.modules))
"""
    assert not set(python(code).split()) & set(HEAVY)


# --- mistakes -------------------------------------------------------------------------------------

MISTAKES: list[list[str]] = [
    ["--bogus"],
    ["-x"],
    ["frobnicate"],
    ["docter"],
    ["--profile"],
    ["--prompt"],
    ["--engine", "webkit"],
    ["--engine", "edgechromium"],
    ["--log-level", "debug"],
    ["--log-level", "TRACE"],
    ["--prof", "work"],
    ["--profile", "work", "left over"],
    ["--demo", "--bogus"],
    ["doctor", "--bogus"],
    ["doctor", "left over"],
    ["config", "set", "x"],
    ["config", "--conf"],
    ["key"],
    ["key", "show"],
    ["key", "set", "sk-0123456789abcdefghij"],
    ["threads"],
    ["threads", "frobnicate"],
    ["threads", "search"],
    ["threads", "delete"],
    ["threads", "export", "cthr_1", "--format", "pdf"],
    ["smoke", "--say"],
    ["smoke", "--limit", "soon"],
    ["--component-url", "http://cdn.example/x.js"],
    ["smoke", "--component-url", "ftp://cdn.example/x.js"],
]
BAD_VALUES: list[list[str]] = [
    ["config", "--profile", "Work"],
    ["config", "--profile", "../../etc"],
    ["config", "--profile", "a/b"],
    ["config", "--profile", ".."],
    ["config", "--profile", "x" * 41],
    ["config", "--profile", "a b"],
    ["config", "--profile", "default\n"],
    ["config", "--profile", "-x"],
    ["config", "--api-base", "http://api.example"],
    ["config", "--api-base", "ftp://api.example"],
    ["config", "--api-base", "https://user:pass@api.example"],
    ["config", "--api-base", "api.example"],
    ["key", "status", "--api-base", "javascript:alert(1)"],
]


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_a_usage_error_that_names_it(words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        cli.parse(words)
    assert str(caught.value.values["problem"])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("words", MISTAKES[:3] + MISTAKES[17:20] + BAD_VALUES, ids=" ".join)
def test_a_mistake_ends_with_two_a_sentence_and_a_hint_and_changes_nothing(words: list[str], tmp_path: Path) -> None:
    found = run(*words, home=tmp_path)
    assert found.returncode == 2
    assert found.stdout == ""
    sentence, hint = found.stderr.splitlines()
    assert sentence.startswith(("The app doesn’t understand this command: ", "The setting “API address” has a value"))
    assert hint.endswith(".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [*MISTAKES[:3], ["config", "--bogus"], ["threads", "list", "--x"], *BAD_VALUES[:9]])
@pytest.mark.parametrize("first", [True, False])
def test_with_json_a_mistake_is_exactly_one_object(words: list[str], first: bool, tmp_path: Path) -> None:
    found = run(*(["--json", *words] if first else [*words, "--json"]), home=tmp_path)
    assert found.returncode == 2
    assert found.stderr == ""
    [line] = found.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    assert answer["ok"] is False
    assert set(answer["error"]) == {"code", "message", "hint", "retryable", "field", "detail"}
    assert answer["error"]["code"] in ("usage", "settings_invalid")
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_leaves_even_a_damaged_settings_file_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "chatkit-desktop" / "profiles" / "default"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text("{ this is no JSON")
    assert run("--bogus", home=tmp_path).returncode == 2
    assert [file.name for file in folder.iterdir()] == ["settings.json"]


def test_a_mistake_is_said_in_the_person_s_language(tmp_path: Path) -> None:
    found = run("--bogus", home=tmp_path, environ={"LANG": "fr_FR.UTF-8"})
    assert found.returncode == 2
    assert "--bogus" in found.stderr
    assert "doesn’t understand" not in found.stderr


def test_checklist_07_a_key_in_the_arguments_is_refused_and_not_repeated(tmp_path: Path) -> None:
    key = "sk-proj-planted0123456789abcdefghijklmnop"
    for words in (
        ["key", "set", key],
        ["key", "set", "--key", key],
        ["--api-key", key],
        [f"--key={key}"],
        ["--json", key],
    ):
        found = run(*words, home=tmp_path)
        assert found.returncode == 2
        assert key not in found.stdout + found.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_typed_is_repeated_on_one_short_line(tmp_path: Path) -> None:
    for words in (["--bogus\x1b[2J\n\r\x07\u202e"], ["--" + "x" * 50_000], ["--component-url", "\x1b[2J" * 5_000]):
        found = run(*words, home=tmp_path)
        assert found.returncode == 2
        assert len(found.stderr.splitlines()) == 2
        assert len(found.stderr) < 500
        assert found.stderr.replace("\n", "").isprintable()


def test_a_wrong_environment_is_named_but_is_no_wrong_usage(tmp_path: Path) -> None:
    found = run("config", "--json", home=tmp_path, environ={"CHATKIT_API_BASE": "http://evil.example"})
    assert found.returncode == 1
    assert json.loads(found.stdout)["error"]["field"] == "network.api_base"


def test_without_a_screen_opening_the_app_ends_with_four(tmp_path: Path) -> None:
    found = run("--data-dir", str(tmp_path), environ={"QT_QPA_PLATFORM": ""})
    assert found.returncode == 4
    assert len(found.stderr.splitlines()) == 2


# --- the component's address ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/chatkit.js", "http://127.0.0.1:9000/x/chatkit.js", "http://localhost:9000/chatkit.js",
        "http://[::1]:9000/chatkit.js", "https://cdn.example:8443/a?b=c",
    ],
)  # fmt: skip
def test_the_component_may_come_over_https_or_from_this_computer(url: str) -> None:
    assert cli.parse(["--component-url", url]).component_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/chatkit.js", "http://localhost.evil.example/x.js", "http://127.0.0.1.evil.example/x.js",
        "http://127.1/x.js", "http://0.0.0.0/x.js", "http://192.168.1.1/x.js", "ftp://localhost/x.js", "file:///tmp/x.js",
        "javascript:alert(1)", "data:text/javascript,x", "//cdn.example/x.js", "cdn.example/x.js", "https://", "https:",
        "https://user:pass@cdn.example/x.js", "http://localhost@evil.example/x.js", "https://cdn.example\\@evil/x.js",
        "https://a.example;script-src/", "https://a.example 'unsafe-eval'/", "https://a.example/\r\nSet-Cookie: x",
        "http://[", "https://[::1", "https://a.example:x/", "https://*/x.js", "https://a,b/",
    ],
)  # fmt: skip
def test_it_may_not_come_from_anywhere_else(url: str) -> None:
    with pytest.raises(UsageError):
        cli.parse(["--component-url", url])


def test_checklist_32_a_packaged_app_has_no_option_for_the_component() -> None:
    code = """
import os, sys
sys.frozen, sys._MEIPASS = True, os.getcwd()
from desktop import cli
from desktop.app.context import OPENAI_COMPONENT, Context
from desktop.common.errors import UsageError
for words in (["--component-url", "https://evil.example/x.js"], ["smoke", "--component-url", "https://evil.example/x.js"],
              ["--component-url=http://localhost:1/x.js"], ["--component", "https://evil.example/x.js"]):
    try:
        cli.parse(words)
    except UsageError:
        continue
    raise SystemExit(f"taken: {words}")
assert "component-url" not in cli.parser().format_help()
context = Context(cli.parse([]), environ={"CHATKIT_COMPONENT_URL": "https://evil.example"})
assert context.component_url == OPENAI_COMPONENT
print(OPENAI_COMPONENT)
"""
    assert python(code) == "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"
