"""The whole app on macOS' adapter, with recorded stand-ins in Cocoa's place: what it does where the system ends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("the recorded stand-ins of macOS are for POSIX", allow_module_level=True)

RUN = """
import argparse, json, os, sys, threading, traceback
from pathlib import Path
from desktop.app.application import App
from desktop.app.context import Context
from desktop.common.errors import AppError
from desktop.app.instance import Instance
from desktop.app.opening import Opening
from desktop.window import engines
from tests.standins import recorded_cocoa

recorded_cocoa.install()
data, how = sys.argv[1], sys.argv[2]
if how == "proxy":
    Path(data, "profiles", "default").mkdir(parents=True)
    Path(data, "profiles", "default", "settings.json").write_text(json.dumps(
        {"network": {"proxy": "http://127.0.0.1:9"}, "agents": [{"kind": "demo", "id": "demo"}], "active_agent": "demo"}
    ))
args = {"demo": True} if how == "demo" else {"data_dir": data}
context = Context(argparse.Namespace(command=None, **args))
opening = Opening(context, engine=lambda _context: engines.adapter("cocoa"))
assert opening.begin()
app = App(context)
said = {"folder": str(context.locations.folder)}

def look():
    native = app.shell.windows[0].native
    native.events.shown.wait(20)
    said["windows"] = list(app.windows)
    if how == "proxy":
        sent = []
        app.emit = lambda page, event, data: sent.append((page, event, data))
        from desktop.window.bridge import Answered
        app._on_answered(Answered("chat", "chat.ready", None, 0.0, None))
        said["notices"] = [data["notices"][0]["code"] for _, event, data in sent if event == "notices.added"]
    delegate = recorded_cocoa.AppDelegate()

    def terminate():
        delegate.applicationShouldTerminate_(None)
        delegate.applicationWillTerminate_(None)
        # AppKit calls exit() here.
        folder = context.locations.folder
        said["kept"] = folder.exists()
        said["is_free"] = Instance(context.locations.instance, context.profile).acquire() if folder.exists() else True
        print(json.dumps(said), flush=True)
        os._exit(0)

    recorded_cocoa.LOOP.post(terminate)

def looking():
    try:
        look()
    except BaseException:
        traceback.print_exc()
        os._exit(1)

threading.Timer(0.3, looking).start()
app.run(opening)
"""


def run(folder: Path, how: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), how],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def test_cmd_q_keeps_nothing_of_a_demo(tmp_path: Path) -> None:
    said = run(tmp_path, "demo")
    assert said["windows"] == ["chat"]
    assert said["kept"] is False


def test_cmd_q_gives_the_profile_back(tmp_path: Path) -> None:
    said = run(tmp_path, "profile")
    assert said["kept"] is True
    assert said["is_free"] is True


def test_a_proxy_of_the_settings_that_the_window_does_not_take_is_said(tmp_path: Path) -> None:
    assert run(tmp_path, "proxy")["notices"] == ["proxy_not_in_window"]
