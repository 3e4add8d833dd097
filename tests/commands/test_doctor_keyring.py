"""`doctor` tells a keyring that is not there from a bus that is not there, over which any keyring would be asked."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from desktop.keys.system import has_session_bus
from tests.rig.processes import run
from tests.rig.secret_service import available, session_bus

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there is a keyring asked over a bus")


def keyring(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    words = [sys.executable, "-m", "desktop", "doctor", "--json", "--data-dir", str(folder)]
    given = {**environ, "LANG": "C.UTF-8", "HTTPS_PROXY": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    given.pop("PYTHON_KEYRING_BACKEND", None)
    return dict(json.loads(run(words, cwd=folder, env=given).stdout)["checks"][2])


@pytest.mark.parametrize("address", ["", "unix:path=/nobody/listens/here", "unix:abstract=nobody-listens-here"])
def test_without_a_bus_nothing_is_to_be_installed(tmp_path: Path, address: str) -> None:
    said = keyring({**os.environ, "HOME": str(tmp_path), "DBUS_SESSION_BUS_ADDRESS": address}, tmp_path)
    assert not said["ok"]
    assert "session bus" in said["detail"]
    assert "dbus-run-session -- chatkit-desktop" in said["hint"]
    assert "gnome-keyring" not in said["hint"]


@pytest.mark.secret_service
@pytest.mark.skipif(not available(), reason="needs dbus-daemon")
def test_with_a_bus_and_nobody_on_it_a_keyring_is_to_be_installed(tmp_path: Path) -> None:
    with session_bus() as environ:
        said = keyring(environ, tmp_path)
    assert not said["ok"]
    assert "gnome-keyring" in said["hint"]


def test_addresses_of_a_bus_are_read_as_dbus_writes_them(tmp_path: Path) -> None:
    place = tmp_path / "a b"
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(place))
        bus.listen()
        quoted = str(place).replace(" ", "%20")
        assert has_session_bus({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={quoted},guid=0123"})
        assert has_session_bus({"DBUS_SESSION_BUS_ADDRESS": f"unix:path=/nobody;unix:path={quoted}"})
    assert not has_session_bus({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={quoted}"})
    assert has_session_bus({"DBUS_SESSION_BUS_ADDRESS": "tcp:host=localhost,port=1"}), "not ours to try"
    assert not has_session_bus({})
