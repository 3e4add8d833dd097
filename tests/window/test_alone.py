"""With the demo, or with a model on this computer, no byte goes to any other host: not even a question for a name.

The app runs in a network of its own, which has loopback and one more device that leads nowhere and counts what is sent
into it. Names would be asked for at an address behind that device.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.rig.processes import run
from tests.rig.scene import ROOT, Scene

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

NAMES = "nameserver 192.0.2.53\n"
INSIDE = r"""
set -e
mount --bind "$1" /etc/resolv.conf
ip link set lo up
ip link add nowhere type veth peer name abyss
for one in nowhere abyss; do echo 1 >/proc/sys/net/ipv6/conf/$one/disable_ipv6 2>/dev/null || true; done
ip addr add 192.0.2.1/24 dev nowhere
ip link set nowhere arp off up
ip link set abyss up
ip route add default via 192.0.2.254 dev nowhere
shift
exec "$@"
"""
COUNTED = r"""
import json, pathlib, subprocess, sys
from tests.standins.models_api import Answer, ModelsApi

def sent():
    return int(pathlib.Path("/sys/class/net/nowhere/statistics/tx_packets").read_text())

settings, *command = sys.argv[1:]
mounted = subprocess.run(["mount", "-t", "sysfs", "none", "/sys"], timeout=60).returncode
before = sent()
with ModelsApi() as models:
    if settings:
        file = pathlib.Path(settings)
        file.write_text(file.read_text().replace("BASE", models.base))
        models.answer(Answer("Good day."))
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
app = sent() - before
# What counts is what is counted: a question for a name is seen.
subprocess.run([sys.executable, "-c", "import socket; socket.getaddrinfo('example.invalid', 80)"],
               capture_output=True, env={"RES_OPTIONS": "timeout:1 attempts:1"}, timeout=60)
print(json.dumps({"app": app, "control": sent() - before - app, "code": done.returncode, "out": done.stdout,
                  "err": done.stderr, "mounted": mounted}))
"""


def can_be_alone() -> bool:
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip")):
        return False
    words = ["unshare", "--net", "--mount", "ip", "link", "add", "nowhere", "type", "veth", "peer", "name", "abyss"]
    return subprocess.call(words, stderr=subprocess.DEVNULL, timeout=60) == 0


alone = pytest.mark.skipif(not can_be_alone(), reason="a network that leads nowhere is made by root, with iproute2")


def smoked(scene: Scene, settings: str, *words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was counted, and the report of a message that was answered in a window."""
    names = scene.folder / "resolv.conf"
    names.write_text(NAMES)
    app = [sys.executable, "-m", "desktop", "smoke", "--json", "--engine", scene.engine, *words]
    counted = [sys.executable, "-c", COUNTED, settings, *app]
    command = ["unshare", "--net", "--mount", "sh", "-c", INSIDE, "inside", str(names), *counted]
    done = run(command, limit=300, cwd=ROOT, env=scene.environ)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["control"] > 0, "the device counts"
    return told, json.loads(told["out"])


@alone
def test_the_demo_sends_nothing_to_anybody(scene: Scene, tmp_path: Path) -> None:
    told, report = smoked(scene, "", "--demo", "--data-dir", str(tmp_path / "data"), "--say", "help")
    assert (report["ok"], report["component"]) == (True, "builtin"), report
    assert report["answer"].startswith("This demo runs on this computer")
    assert told["app"] == 0


@alone
def test_a_model_on_this_computer_gets_the_message_and_nobody_else_anything(scene: Scene) -> None:
    scene.profile.mkdir(parents=True, mode=0o700)
    file = scene.profile / "settings.json"
    endpoint = {"id": "here", "base_url": "BASE", "api": "responses"}
    assistant = {"kind": "assistant", "id": "mine", "endpoint": "here", "model": "local-model"}
    values = {"version": 1, "agents": [assistant], "endpoints": [endpoint], "assistant": {"titles": False}}
    file.write_text(json.dumps(values), encoding="utf-8")
    told, report = smoked(scene, str(file), "--data-dir", str(scene.data), "--say", "Good day")
    assert (report["ok"], report["component"], report["answer"]) == (True, "builtin", "Good day."), report
    assert told["app"] == 0
