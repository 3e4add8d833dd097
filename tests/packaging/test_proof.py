"""The proof finds what it looks for: an app that does everything right passes, and one fault at a time is found.

The app is a script here; what a real one does is shown in test_installed.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.packaging.errors import ProofFailed
from desktop.packaging.proof import Home, Proof, Report
from tests.packaging.makers import Maker

APP = """
import base64, json, os, pathlib, socket, sys, time
fault, words = os.environ.get("FAULT", ""), sys.argv[1:]
home = pathlib.Path(os.environ["HOME"])
kept = home / "keyring"
def say(code, **value):
    print(json.dumps(value)); sys.exit(code)
if fault == "no json":
    print("hello"); sys.exit(0)
if fault == "crash" and words[0] == "smoke":
    say(1, ok=False, error={"code": "engine_missing"})
if ("--component-url" in words and fault != "component") or ("--brand" in words and fault != "brand"):
    say(2, ok=False)
if words[0] == "doctor":
    names = ("engine", "display", "keyring", "folders")
    checks = [{"name": n, "ok": n != fault, "detail": n} for n in names]
    say(1, service="other" if fault == "name" else "ask-fern", checks=checks)
if words[0] == "smoke":
    if fault == "inspector" and "WEBKIT_INSPECTOR_SERVER" in os.environ:
        host, port = os.environ["WEBKIT_INSPECTOR_SERVER"].split(":")
        door = socket.create_server((host, int(port)))
        time.sleep(2)
    answer = "" if fault == "silent" else "words"
    say(0, ok=True, page="setup", engine="gtk", csp_violations=int(fault == "csp"), answer=answer, ready_at=time.time())
if words[:2] == ["key", "set"]:
    key = sys.stdin.read().strip()
    kept.write_text(key[::-1])
    data = pathlib.Path(words[words.index("--data-dir") + 1]); data.mkdir(parents=True, exist_ok=True)
    if fault == "plain": (data / "log").write_text("the key is " + key)
    if fault == "base64":
        (home / "deep").mkdir(exist_ok=True)
        (home / "deep" / "a").write_bytes(base64.b64encode(key.encode()))
    say(0, ok=True, where="session" if fault == "session" else "keyring", store="test")
if words[:2] == ["key", "status"]:
    say(0 if kept.exists() and fault != "lost" else 1, present=kept.exists() and fault != "lost")
if words[:2] == ["key", "remove"]:
    kept.unlink(); say(0, ok=True)
if words[0] == "ask":
    say(0, response="Something else." if fault == "answer" else "It answers.")
"""

Prove = Callable[..., Report]


@pytest.fixture
def prove(maker: Maker, tmp_path: Path) -> Prove:
    script = tmp_path / "app.py"
    script.write_text(APP, encoding="utf-8")
    for name in ("home", "files"):
        (tmp_path / name).mkdir()

    def run(fault: str = "", *, isolated: bool = True) -> Report:
        environ = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], "FAULT": fault}
        # `-I`: takes no notice of PYTHON* variables, as a frozen app.
        command = [sys.executable, *(["-I"] if isolated else []), str(script)]
        return Proof(maker.plan(), Home(command, environ, tmp_path / "files")).run()

    return run


def test_an_app_that_does_everything_right_passes(prove: Prove) -> None:
    report = prove()
    assert [step.name for step in report.steps] == [
        *("doctor", "first launch", "demo", "key", "agent of the brand", "code agent", "no way in"),
    ]
    assert report.start_ms > 0
    assert all(step.ok for step in report.steps)


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ("no json", "doctor"),
        ("name", "doctor"),
        ("keyring", "doctor"),
        ("display", "doctor"),
        ("crash", "first launch"),
        ("csp", "first launch"),
        ("silent", "demo"),
        ("session", "key"),
        ("lost", "key"),
        ("plain", "key"),
        ("base64", "key"),
        ("answer", "code agent"),
        ("inspector", "no way in"),
        ("component", "no way in"),
        ("brand", "no way in"),
    ],
)
def test_checklist_07_16_30_32_each_fault_is_found_in_its_step(prove: Prove, fault: str, step: str) -> None:
    with pytest.raises(ProofFailed) as caught:
        prove(fault)
    assert f"“{step}”" in caught.value.message


def test_checklist_05_an_app_that_runs_what_the_environment_names_is_found(prove: Prove) -> None:
    with pytest.raises(ProofFailed) as caught:
        prove(isolated=False)
    assert "no way in" in caught.value.message


def test_an_app_that_opens_with_another_engine_than_the_brand_wants_is_found(prove: Prove, maker: Maker) -> None:
    maker.set("package", engine="qt")
    with pytest.raises(ProofFailed) as caught:
        prove()
    assert "“first launch”" in caught.value.message
    assert "gtk" in caught.value.message


def test_the_brands_own_agent_has_to_answer(prove: Prove, maker: Maker) -> None:
    maker.agent()
    told = {step.name: step.detail for step in prove().steps}
    assert told["agent of the brand"].startswith("answers")
    with pytest.raises(ProofFailed) as caught:
        prove("answer")
    assert "agent of the brand" in caught.value.message


def test_what_a_brand_has_not_is_said_and_not_looked_at(prove: Prove, maker: Maker) -> None:
    maker.set("package", agents=False)
    told = {step.name: step.detail for step in prove().steps}
    for name in ("demo", "code agent"):
        assert told[name].startswith("nothing to look at")
