"""`config`: every setting in effect and where it comes from."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import pytest

from desktop.app.context import Context
from desktop.commands import config as command
from desktop.settings.layers import Layer


def run(tmp_path: Path, content: dict[str, Any], *, as_json: bool, environ: dict[str, str]) -> tuple[int, str, str]:
    folder = tmp_path / "profiles" / "default"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(content))
    args = argparse.Namespace(json=as_json, data_dir=str(tmp_path), api_base="http://localhost:1/v1", log_level=None)
    out, err = io.StringIO(), io.StringIO()
    code = command.run(Context(args, environ=environ, out=out, err=err), args)
    return code, out.getvalue(), err.getvalue()


def test_json_is_one_object_with_every_setting_and_its_layer(tmp_path: Path) -> None:
    content = {"zoom": 1.5, "agents": [{"workflow_id": "wf_12345"}]}
    code, out, err = run(tmp_path, content, as_json=True, environ={"DEBUG": "1"})
    told = json.loads(out)
    assert (code, err, told["ok"], told["notices"]) == (0, "", True, [])
    assert told["profile"] == "default"
    settings = told["settings"]
    assert settings["zoom"] == {"value": 1.5, "layer": "settings"}
    assert settings["network.api_base"] == {"value": "http://localhost:1", "layer": "command_line"}
    assert settings["log_level"] == {"value": "DEBUG", "layer": "environment"}
    assert settings["chat.retry"] == {"value": True, "layer": "default"}


def test_for_people_each_setting_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    code, out, _ = run(tmp_path, {"zoom": 1.5}, as_json=False, environ={})
    assert code == 0
    assert "zoom = 1.5  [settings file]" in out.splitlines()
    assert 'network.api_base = "http://localhost:1"  [command line]' in out.splitlines()


def test_what_is_ignored_is_said_and_changes_nothing(tmp_path: Path) -> None:
    content = {"zoom": 99, "colour": "red"}
    code, out, _ = run(tmp_path, content, as_json=True, environ={})
    told = json.loads(out)
    assert (code, told["ok"]) == (1, False)
    assert [notice["field"] for notice in told["notices"]] == ["zoom", "colour"]
    assert json.loads((tmp_path / "profiles" / "default" / "settings.json").read_text()) == content


def test_a_bad_address_of_the_environment_is_a_sentence(tmp_path: Path) -> None:
    args = argparse.Namespace(json=True, data_dir=str(tmp_path))
    out = io.StringIO()
    code = command.run(Context(args, environ={"CHATKIT_API_BASE": "http://evil.example"}, out=out), args)
    told = json.loads(out.getvalue())
    assert code == 1
    assert told["error"]["field"] == "network.api_base"


def test_every_layer_has_a_name() -> None:
    assert set(command.LAYERS) == set(Layer.__args__)  # type: ignore[attr-defined]
