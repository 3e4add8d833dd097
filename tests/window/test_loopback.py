"""A computer that does not reach its own 127.0.0.1 is told so at once, where a window would wait for its page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.window.loopback import require_loopback
from tests.rig.processes import run

ROOT = Path(__file__).resolve().parents[2]


def can_be_cut_off() -> bool:
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare")):
        return False
    return subprocess.call(["unshare", "--net", "true"], stderr=subprocess.DEVNULL, timeout=60) == 0


cut_off = pytest.mark.skipif(not can_be_cut_off(), reason="a network without loopback is made by root alone")


def test_where_it_is_up_nothing_is_said() -> None:
    require_loopback()


@cut_off
def test_the_app_says_it_before_it_opens_a_window(tmp_path: Path) -> None:
    from tests.rig.display import virtual_display

    with virtual_display() as screen:
        environ = screen.environment() | {"LANG": "C.UTF-8"}
        words = ["unshare", "--net", sys.executable, "-m", "desktop", "--demo", "--data-dir", str(tmp_path)]
        done = run(words, cwd=ROOT, env=environ)
        assert (done.returncode, done.stdout) == (1, "")
        assert "does not reach its own address 127.0.0.1" in done.stderr
        assert "ip link set lo up" in done.stderr
        done = run([*words, "smoke", "--json"], cwd=ROOT, env=environ)
        assert json.loads(done.stdout)["error"]["code"] == "loopback_down"


@cut_off
def test_doctor_says_it_and_calls_what_hangs_on_it_not_checked(tmp_path: Path) -> None:
    words = ["unshare", "--net", sys.executable, "-m", "desktop", "doctor", "--data-dir", str(tmp_path)]
    environ = {**os.environ, "LANG": "C.UTF-8"}
    lines = run(words, cwd=ROOT, env=environ).stdout.splitlines()
    assert next(line for line in lines if " network " in line).startswith("failed")
    for name in ("tls", "clock"):
        line = next(line for line in lines if f" {name} " in line)
        assert line.startswith("—"), "what was not looked at has not failed"
        assert "Not checked: fix network first." in line
    report = json.loads(run([*words, "--json"], cwd=ROOT, env=environ).stdout)
    assert all(set(check) == {"name", "ok", "detail", "hint"} for check in report["checks"])
    assert not next(check for check in report["checks"] if check["name"] == "tls")["ok"]
