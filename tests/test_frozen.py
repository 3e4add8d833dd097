"""The frozen app: built from `build.spec`, then used as a person would, with an empty home.

Its component's address is OpenAI's alone, so no test opens its chat: a proxy at a closed loopback port stands
between it and everything outside.
"""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import secret_service
from tests.rig.display import Display, virtual_display
from tests.rig.processes import Child
from tests.standins.api import KEY, WORKFLOW, ApiStandIn

pytestmark = [
    pytest.mark.window,
    pytest.mark.secret_service,
    pytest.mark.timeout(1200),  # the first of them waits for the build
    pytest.mark.skipif(sys.platform != "linux", reason="the frozen app is built on Linux only so far"),
]


LIMIT = 120.0
"""Seconds one command of the frozen app may take."""
ROOT = Path(__file__).resolve().parents[1]
IMPORT_ALL = """
import sys
for name in sys.stdin.read().split():
    print(name, flush=True)
    try:
        __import__(name)
    except Exception:
        pass  # what is not installed here, or is for another system
print("all")
"""


@pytest.fixture(scope="module")
def screen() -> Iterator[Display]:
    with virtual_display() as display:
        yield display


@pytest.fixture(scope="module")
def home(screen: Display) -> Iterator[dict[str, str]]:
    """The environment of somebody who has never run the app: a keyring of their own, no way to the outside."""
    with socket.socket() as closed, secret_service.secret_service() as private:
        closed.bind(("127.0.0.1", 0))  # and never listens, so that it refuses
        port = closed.getsockname()[1]
        environ = screen.environment(private)
        proxy = f"http://127.0.0.1:{port}"
        environ |= {"HTTPS_PROXY": proxy, "https_proxy": proxy, "HTTP_PROXY": proxy, "http_proxy": proxy}
        yield environ


def run(frozen: Path, environ: dict[str, str], *words: str, stdin: str = "") -> tuple[int, dict[str, Any]]:
    """One command with `--json`: exit code and its one object."""
    done = subprocess.run(
        [str(frozen), *words, "--json"], env=environ, input=stdin, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def test_every_package_that_goes_along_leaves_the_process_that_imports_it_alive(frozen: Path) -> None:
    """As PyInstaller does on Windows, before it looks for libraries: all of them, one after another, in one process."""
    noted = ast.literal_eval((frozen.parents[2] / "build" / "build" / "PYZ-00.toc").read_text(encoding="utf-8"))
    entries = next(part for part in noted if isinstance(part, list))
    packages = [name for name, source, _kind in entries if Path(source).name == "__init__.py"]
    assert len(packages) > 100
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_ALL],
        cwd=ROOT,
        input="\n".join(packages),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stdout.split()[-1:]) == (0, ["all"]), f"it ended at {done.stdout.split()[-1:]}"


def test_first_launch_opens_the_setup_page_in_a_real_window(frozen: Path, home: dict[str, str], tmp_path: Path) -> None:
    picture = tmp_path / "setup.png"
    code, report = run(frozen, home, "smoke", "--page", "any", "--screenshot", str(picture))
    assert code == 0, report
    assert report["page"] == "setup"
    assert report["engine"] == "gtk"
    assert report["csp_violations"] == 0
    assert picture.stat().st_size > 5_000


def test_checklist_30_doctor_in_the_frozen_app_says_what_it_checked(frozen: Path, home: dict[str, str]) -> None:
    with ApiStandIn() as api:
        base = ("--api-base", api.base)
        assert run(frozen, home, "key", "set", *base, stdin=f"{KEY}\n")[1]["where"] == "keyring"
        environ = home | {"CHATKIT_WORKFLOW_ID": WORKFLOW}
        code, report = run(frozen, environ, "doctor", *base)
        sessions = api.snapshot()["sessions"]
        assert run(frozen, home, "key", "remove", *base)[0] == 0
    checks = {check["name"]: check for check in report["checks"]}
    assert list(checks) == [
        *("engine", "display", "keyring", "key", "network", "tls", "clock"),
        *("agent", "session", "component", "folders"),
    ]
    assert [name for name, check in checks.items() if not check["ok"]] == ["component"], report
    assert code == 1
    assert checks["component"]["hint"]
    assert [session["status"] for session in sessions] == ["cancelled"], "the doctor's own session is cancelled again"
    assert KEY not in json.dumps(report)


def test_checklist_16_and_32_the_frozen_app_takes_no_other_component_and_no_debugging(
    frozen: Path, home: dict[str, str]
) -> None:
    code, report = run(frozen, home, "smoke", "--component-url", "http://127.0.0.1:9/chatkit.js")
    assert code == 2
    assert report["error"]["code"] == "usage"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inspected = home | {
        "WEBKIT_INSPECTOR_SERVER": f"127.0.0.1:{port}",
        "WEBKIT_INSPECTOR_HTTP_SERVER": f"127.0.0.1:{port}",
        "PYWEBVIEW_GUI": "qt",
    }
    process = Child([str(frozen), "smoke", "--page", "any", "--json"], env=inspected, stdout=subprocess.PIPE, text=True)
    answered = 0
    while process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            answered += probe.connect_ex(("127.0.0.1", port)) == 0
        time.sleep(0.02)  # the app wants to come to its turn
    assert process.stdout is not None
    report = json.loads(process.rest())
    process.stdout.close()
    assert report["ok"], report
    assert report["engine"] == "gtk"
    assert answered == 0, "an inspector listened in the frozen app"


def test_checklist_05_a_planted_keyring_backend_is_ignored_when_frozen(
    frozen: Path, home: dict[str, str], tmp_path: Path
) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("raise SystemExit('the planted backend was imported')\n", encoding="utf-8")
    environ = home | {"PYTHON_KEYRING_BACKEND": "planted.Keyring", "PYTHONPATH": str(tmp_path)}
    with ApiStandIn() as api:
        base = ("--api-base", api.base)
        code, report = run(frozen, environ, "key", "set", *base, stdin=f"{KEY}\n")
        assert code == 0, report
        assert "Secret Service" in report["store"]
        assert run(frozen, home, "key", "remove", *base)[0] == 0


def test_what_the_frozen_app_leaves_on_disk_holds_no_key(frozen: Path, home: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ApiStandIn() as api:
        options = ("--api-base", api.base, "--data-dir", str(data), "--log-level", "DEBUG")
        run(frozen, home, "key", "set", *options, stdin=f"{KEY}\n")
        run(frozen, home | {"CHATKIT_WORKFLOW_ID": WORKFLOW}, "doctor", *options)
        run(frozen, home, "smoke", "--page", "any", *options)
        run(frozen, home, "key", "remove", *options)
    (data / "control").write_text(f"planted {KEY}", encoding="utf-8")
    found = [path for path in data.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == [data / "control"], "the search finds the planted control, and nothing else"
    assert all(not os.stat(path).st_mode & 0o077 for path in data.rglob("profiles/*/*") if path.is_file())
