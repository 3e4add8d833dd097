"""What every command builds on: each part made when first asked for, what is printed, which exit code."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from desktop.app.context import OPENAI_COMPONENT, Context
from desktop.common.errors import UsageError
from desktop.common.locations import PROFILE_NAME
from desktop.common.logs import set_up
from desktop.keys.errors import KeyMissing, KeyringMissing
from desktop.keys.stores import MemoryStore
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.window.errors import DisplayMissing, EngineMissing
from tests.standins.api import KEY, ApiStandIn
from tests.standins.proxy import ProxyStandIn


def context(
    tmp_path: Path, *, out: Any = None, err: Any = None, environ: dict[str, str] | None = None, **args: Any
) -> Context:
    args.setdefault("data_dir", str(tmp_path))
    return Context(argparse.Namespace(**args), environ=environ or {}, out=out, err=err)


# --- parts ----------------------------------------------------------------------------------------


def test_everything_of_a_profile_lies_in_its_folder(tmp_path: Path) -> None:
    found = context(tmp_path, profile="work")
    assert found.profile == "work"
    assert found.locations.settings == tmp_path / "profiles" / "work" / "settings.json"
    assert context(tmp_path).profile == "default"


@pytest.mark.parametrize("name", ["a", "0", "work", "my-profile_2", "x" * 40])
def test_a_profile_has_a_plain_name(tmp_path: Path, name: str) -> None:
    assert context(tmp_path, profile=name).profile == name


@pytest.mark.parametrize(
    "name",
    [
        "Work",
        "a b",
        "..",
        ".",
        "../x",
        "a/b",
        "a\\b",
        "x" * 41,
        "-x",
        "_x",
        "é",
        "a\n",
        "a\x00",
        "CON:",
        "~",
        "$HOME",
        "²",
    ],
)
def test_any_other_name_is_refused_before_a_folder_is_touched(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        _ = context(tmp_path, profile=name).locations
    assert not PROFILE_NAME.fullmatch(name)
    assert list(tmp_path.iterdir()) == []


def test_reading_settings_and_texts_makes_no_file(tmp_path: Path) -> None:
    found = context(tmp_path)
    assert found.settings.agent() is None
    assert found.texts.get("errors.usage.hint")
    assert found.state is found.state
    assert found.keys is found.keys
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_lies_over_the_environment(tmp_path: Path) -> None:
    environ = {"CHATKIT_API_BASE": "https://environment.example/v1", "DEBUG": "1"}
    assert context(tmp_path, environ=environ).settings.network.api_base == "https://environment.example"
    assert context(tmp_path, environ=environ).settings.log_level == "DEBUG"
    typed = context(tmp_path, environ=environ, api_base="https://typed.example/v1/", log_level="INFO")
    assert typed.settings.network.api_base == "https://typed.example"
    assert typed.settings.log_level == "INFO"


def test_the_words_come_in_the_language_of_the_settings(tmp_path: Path) -> None:
    context(tmp_path).settings_store.update({"language": "fr"})
    assert context(tmp_path).texts.language == "fr"


def test_the_component_comes_from_openai_unless_another_address_was_typed(tmp_path: Path) -> None:
    assert context(tmp_path).component_url == OPENAI_COMPONENT
    typed = context(tmp_path, component_url="http://localhost:9000/chatkit.js")
    assert typed.component_url == "http://localhost:9000/chatkit.js"


# --- network --------------------------------------------------------------------------------------


def test_checklist_31_the_client_has_the_key_of_its_address_and_no_other(tmp_path: Path) -> None:
    with ApiStandIn() as mine, ApiStandIn() as other:
        found = context(tmp_path, api_base=mine.base)
        found.keys.save(mine.base, KEY, keep="session")
        with found.client() as client:
            client.request("GET", "/models")
        assert [seen["headers"]["authorization"] for seen in mine.requests] == [f"Bearer {KEY}"]
        elsewhere = context(tmp_path, api_base=other.base)
        elsewhere.keys.save(mine.base, KEY, keep="session")
        elsewhere.keys.store = elsewhere.keys._session  # this test needs no keyring
        with pytest.raises(KeyMissing) as caught:
            elsewhere.client()
        assert caught.value.values["origin"] == other.base
        assert other.requests == []


class NoKeyring(MemoryStore):
    def get(self, entry: str) -> str | None:
        raise KeyringMissing()


@pytest.mark.parametrize("name", ["", "ann@"])
def test_checklist_22_a_proxy_can_be_used_where_there_is_no_keyring_for_its_password(tmp_path: Path, name: str) -> None:
    with ApiStandIn() as api, ProxyStandIn() as proxy:
        found = context(tmp_path, api_base=api.base)
        found.keys.store = NoKeyring()
        found.settings_store.update({"network.proxy": proxy.url.replace("//", f"//{name}")})
        with found.make_client(api.base, KEY) as client:
            client.request("GET", "/models")
        assert len(proxy.requests) == 1


# --- output ---------------------------------------------------------------------------------------


def test_a_failure_is_a_sentence_and_a_hint_beside_the_output(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert context(tmp_path, out=out, err=err).fail(AgentNotSet()) == 1
    assert out.getvalue() == ""
    assert len(err.getvalue().splitlines()) == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_a_failure_names_its_entry_in_the_help(tmp_path: Path) -> None:
    err = Terminal()
    context(tmp_path, err=err).fail(AgentNotSet())
    assert err.getvalue().splitlines()[2].endswith("chatkit-desktop help agent_not_set")


def test_with_json_it_is_one_object_on_the_output_and_nothing_beside_it(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert context(tmp_path, out=out, err=err, json=True).fail(AgentNotSet()) == 1
    answer = json.loads(out.getvalue())
    assert answer["error"]["code"] == "agent_not_set"
    assert answer["ok"] is False
    assert out.getvalue().count("\n") == 1
    assert err.getvalue() == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError(problem="x"), 2),
        (SettingsInvalid(name="network.api_base", problem="x", layer="command_line"), 2),
        (SettingsInvalid(name="network.api_base", problem="x", layer="environment"), 1),
        (SettingsInvalid(name="network.api_base", problem="x"), 1),
        (EngineMissing(command="x"), 3),
        (DisplayMissing(), 4),
        (AgentNotSet(), 1),
    ],
)
def test_the_exit_code_tells_the_kind_of_failure(tmp_path: Path, error: Any, code: int) -> None:
    assert context(tmp_path, out=io.StringIO(), err=io.StringIO()).fail(error) == code


def test_the_settings_that_cannot_be_read_can_still_be_complained_about(tmp_path: Path) -> None:
    err = io.StringIO()
    found = context(tmp_path, err=err, api_base="http://evil.example")
    with pytest.raises(SettingsInvalid) as caught:
        _ = found.settings
    assert found.fail(caught.value) == 2
    assert "network.api_base" in err.getvalue()


class Closed(io.StringIO):
    """A terminal of an older system."""

    encoding = "ascii"

    def write(self, text: str) -> int:
        text.encode(self.encoding)
        return super().write(text)


def test_a_terminal_that_lacks_a_character_gets_another_in_its_place(tmp_path: Path) -> None:
    out, err = Closed(), Closed()
    found = context(tmp_path, out=out, err=err)
    found.print("Clé enregistrée\u202f!")
    found.warn("“quoted”")
    assert out.getvalue() == "Cl? enregistr?e?!\n"
    assert err.getvalue() == "?quoted?\n"


@pytest.mark.parametrize("value", ["é\u202f😀", "\ud800"])
def test_json_loses_nothing_on_any_terminal(tmp_path: Path, value: str) -> None:
    for out in (Closed(), io.StringIO()):
        context(tmp_path, out=out).print_json({"text": value})
        assert json.loads(out.getvalue()) == {"text": value}


def test_without_a_terminal_nothing_is_printed_and_nothing_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)  # a packaged app without a console
    monkeypatch.setattr("sys.stderr", None)
    found = context(tmp_path, json=True)
    found.print("x")
    found.warn("x")
    found.print_json({})
    assert found.fail(AgentNotSet()) == 1


# --- a maker's brand ------------------------------------------------------------------------------


def a_brand(tmp_path: Path) -> str:
    file = tmp_path / "maker" / "brand.toml"
    file.parent.mkdir()
    file.write_text(
        'fixed = ["agents", "zoom"]\n[app]\nname = "Ask Fern"\nid = "ask-fern"\nicon = "fern.svg"\n'
        '[[settings.agents]]\nworkflow_id = "wf_68df4b13b3588190"\n',
        encoding="utf-8",
    )
    return str(file)


def test_from_source_a_makers_brand_is_tried_with_everything_of_its_own(tmp_path: Path) -> None:
    from desktop.settings.brand import icon_file, own_files

    made = context(tmp_path, brand=a_brand(tmp_path), data_dir=None)
    assert (made.brand.app.name, made.brand.keyring_service) == ("Ask Fern", "ask-fern")
    assert "ask-fern" in made.locations.folder.parts
    icon = tmp_path / "maker" / "fern.svg"
    assert icon_file(made.brand, made.brand_file) == icon
    assert own_files(made.brand, made.brand_file) == {"fern.svg": icon}


def test_a_path_that_was_typed_is_seen_from_where_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(a_brand(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = context(tmp_path, brand="maker/brand.toml", data_dir="data")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert made.brand_file == file
    assert made.locations.folder == tmp_path / "data" / "profiles" / "default"


def test_checklist_32_a_packaged_app_has_its_own_brand_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from desktop import cli

    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert context(tmp_path, brand=a_brand(tmp_path)).brand_file is None
    with pytest.raises(UsageError):
        cli.parse(["--brand", "brand.toml"])


def test_the_demo_shows_itself_in_a_brand_that_has_one_agent_only(tmp_path: Path) -> None:
    made = context(tmp_path, brand=a_brand(tmp_path), demo=True)
    try:
        assert [agent.kind for agent in made.settings.agents] == ["demo"]
        assert made.settings_store.is_fixed("zoom"), "everything else stays fixed"
    finally:
        made.close()


def test_a_demo_keeps_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, **{name: str(tmp_path) for name in ("TMP", "TEMP", "TMPDIR")}}
    words = [sys.executable, "-m", "desktop", "ask", "hello", "--demo"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], env=environ, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_demo_whose_log_is_open_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    context = Context(argparse.Namespace(demo=True))
    set_up(context.locations)
    logging.getLogger("desktop.test").warning("a line, so that the file is open")
    assert context.locations.log.is_file()
    context.close()
    assert list(tmp_path.iterdir()) == []
