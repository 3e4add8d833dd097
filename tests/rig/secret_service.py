"""A real Secret Service of its own: a private D-Bus and gnome-keyring-daemon, with a HOME that is thrown away.

It never touches the keyring of whoever runs the tests. The app's side of a test runs in a child
process with the environment that is given out here, because D-Bus is chosen by environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rig.processes import Child, ends_with_us

PASSWORD = "the keyring's own password"

_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
# No <servicedir>: nothing is started by being asked for, neither another keyring nor its password window.

_LOCK = """
import secretstorage
connection = secretstorage.dbus_init()
collection = secretstorage.Collection(connection)
collection.lock()
assert collection.is_locked()
"""


def available() -> bool:
    """Whether this machine has what it takes (packages dbus and gnome-keyring)."""
    return bool(shutil.which("dbus-daemon") and shutil.which("gnome-keyring-daemon"))


@contextmanager
def session_bus() -> Iterator[dict[str, str]]:
    """A D-Bus with nobody on it: the environment for child processes."""
    folder = Path(tempfile.mkdtemp(prefix="bus-"))
    folder.chmod(0o700)
    config = folder / "bus.conf"
    config.write_text(_BUS.format(folder=folder), encoding="utf-8")
    bus = Child(
        ends_with_us(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert bus.stdout is not None
        address = bus.line().strip()
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "KEYRING_", "GNOME_"))
        }
        environ.pop("PYTHON_KEYRING_BACKEND", None)
        environ |= {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "DBUS_SESSION_BUS_ADDRESS": address,
        }
        yield environ
    finally:
        bus.terminate()
        bus.wait()
        if bus.stdout is not None:
            bus.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def secret_service(*, locked: bool = False) -> Iterator[dict[str, str]]:
    """A Secret Service with one collection, open or locked: the environment for child processes."""
    with session_bus() as environ:
        daemon = Child(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert daemon.stdin is not None
            daemon.stdin.write(PASSWORD.encode())
            daemon.stdin.close()
            _wait_for_name("org.freedesktop.secrets", environ)
            if locked:
                run_python(_LOCK, environ)
            yield environ
        finally:
            daemon.terminate()
            daemon.wait()


def run_python(code: str, environ: dict[str, str]) -> str:
    """Runs `code` in a process on that bus; its output. Raises CalledProcessError with its errors shown."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ | {"PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, "python", done.stdout, done.stderr + done.stdout)
    return done.stdout


def _wait_for_name(name: str, environ: dict[str, str]) -> None:
    code = f"""
import time, jeepney
from jeepney.io.blocking import open_dbus_connection
from jeepney.bus_messages import message_bus
connection = open_dbus_connection()
for _ in range(600):
    if connection.send_and_get_reply(message_bus.NameHasOwner({name!r})).body[0]:
        break
    time.sleep(0.05)
else:
    raise SystemExit("{name} did not come")
"""
    run_python(code, environ)
