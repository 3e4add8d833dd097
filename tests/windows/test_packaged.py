"""The frozen app for Windows, and its installer with the real payload: started, installed, upgraded, removed.

Run under wine by `make test-windows`, which makes the Windows it needs. No window opens there (wine has no WebView2):
what is seen is everything that a terminal can ask for.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from desktop.packaging import icons, windows
from desktop.packaging.plan import Plan, read_brand
from tests.rig.prepare import ROOT
from tests.standins.models_api import KEY
from tests.windows.place import NAME, NOBODY, WORDS, Windows, not_made

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(bool(not_made()), reason=not_made() or "-"),
]
AGENT = """
async def run_workflow(given):
    print("é 日本")
    return {"output_text": "fine: " + given["input_as_text"]}
"""
UNINSTALL = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall" + "\\" + NAME


@pytest.fixture(scope="module")
def on_windows() -> Windows:
    return Windows()


@pytest.fixture(scope="module")
def app(on_windows: Windows) -> Path:
    return on_windows.freeze("frozen")


def console(on_windows: Windows, app: Path) -> str:
    return on_windows.system.path(app / f"{NAME}-console.exe")


def subsystem(program: Path) -> int:
    """2: a program with windows, 3: one with a console (the PE format's optional header)."""
    data = program.read_bytes()
    header = int.from_bytes(data[0x3C:0x40], "little")
    return int.from_bytes(data[header + 24 + 68 : header + 24 + 70], "little")


def test_there_is_a_program_for_the_desktop_and_its_twin_for_the_terminal(app: Path) -> None:
    assert subsystem(app / f"{NAME}.exe") == 2
    assert subsystem(app / f"{NAME}-console.exe") == 3


def test_the_twin_tells_in_a_terminal_what_is_asked(on_windows: Windows, app: Path) -> None:
    brand = read_brand(ROOT / "assets" / "brand.toml")
    program = console(on_windows, app)
    assert on_windows.run(program, "--version") == (0, f"{NAME}-console {brand.version}\n")
    told = on_windows.run(program, "--help")
    assert told.code == 0
    assert f"usage: {NAME}-console" in told.out
    wrong = on_windows.run(program, "--wrong-é")
    assert (wrong.code, "--wrong-é" in wrong.out) == (2, True)


def test_what_it_prints_into_a_pipe_is_utf8(on_windows: Windows, app: Path) -> None:
    done = on_windows.run(console(on_windows, app), "ask", WORDS, "--demo", "--json")
    assert done.code == 0, done.out
    assert WORDS in done.object()["response"]


def test_doctor_names_what_the_system_lacks(on_windows: Windows, app: Path) -> None:
    done = on_windows.run(console(on_windows, app), "doctor", "--json", *NOBODY)
    checks = {check["name"]: check for check in done.object()["checks"]}
    assert done.code == 1
    assert not checks["engine"]["ok"]
    assert checks["engine"]["hint"]
    assert checks["keyring"]["ok"]


def test_a_key_goes_into_the_credential_manager_and_out_of_it(on_windows: Windows, app: Path) -> None:
    program = console(on_windows, app)
    saved = on_windows.run(program, "key", "set", "--json", stdin=f"{KEY}\n".encode())
    assert (saved.code, saved.object()["where"]) == (0, "keyring")
    try:
        assert on_windows.run(program, "key", "status", "--json").object()["present"]
        held = [path for path in on_windows.user.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
        assert held == []
    finally:
        assert on_windows.run(program, "key", "remove", "--json").code == 0
    assert not on_windows.run(program, "key", "status", "--json").object()["present"]


@pytest.mark.parametrize("folder", ["code", "コード agent"])
def test_a_code_agent_runs_in_a_process_of_the_same_program(on_windows: Windows, app: Path, folder: str) -> None:
    place = on_windows.shared / folder
    place.mkdir(exist_ok=True)
    (place / "agent.py").write_text(AGENT, encoding="utf-8")
    on_windows.own(place)
    words = (
        "ask",
        "hello",
        "--agent",
        f"D:\\{folder}\\agent.py",
        "--yes",
        "--json",
        "--data-dir",
        f"D:\\{folder}\\data",
    )
    with on_windows.with_key():
        done = on_windows.run(console(on_windows, app), *words, *NOBODY)
    assert (done.code, done.object().get("response")) == (0, "fine: hello"), done.out


def test_without_the_agent_stack_it_says_what_is_missing(on_windows: Windows) -> None:
    assets = on_windows.shared / "assets-plain"
    shutil.rmtree(assets, ignore_errors=True)
    shutil.copytree(ROOT / "assets", assets)
    brand = assets / "brand.toml"
    text = brand.read_text(encoding="utf-8")
    assert "\nagents = true " in text
    brand.write_text(text.replace("\nagents = true ", "\nagents = false "), encoding="utf-8")
    plain = on_windows.freeze("plain", on_windows.own(assets))
    program = console(on_windows, plain)
    assert on_windows.run(program, "--version").code == 0
    asked = on_windows.run(program, "ask", "hello", "--demo", "--json")
    assert asked.code == 1
    assert asked.object()["error"]["code"] == "agents_missing"


# --- the installer ----------------------------------------------------------------------------


def installer(app: Path, folder: Path, version: str, without: Sequence[str] = ()) -> Path:
    """The 64-bit kind: the one that a wine without 32-bit programs runs by itself."""
    brand = read_brand(ROOT / "assets" / "brand.toml")
    plan = Plan(brand, ROOT / "assets" / "brand.toml", version, 1_750_000_000, ("nsis",), folder, folder / "work")
    payload = folder / f"payload-{version}"
    shutil.copytree(app, payload)
    for name in ("LICENSE.txt", "NOTICES.txt"):
        (payload / name).write_text(version)
    for name in without:
        (payload / name).unlink()
    icons.write(ROOT / "assets" / "icons" / "app.svg", folder / "icons")
    made = folder / f"setup-{version}.exe"
    windows.compile_installer(plan, payload, folder / "icons" / "app.ico", made, kind="amd64-unicode")
    return made


@pytest.mark.skipif(not shutil.which("makensis"), reason="makensis is not installed")
def test_the_real_app_is_installed_started_upgraded_and_removed(on_windows: Windows, app: Path, tmp_path: Path) -> None:
    setups = on_windows.shared / "setups"
    shutil.rmtree(setups, ignore_errors=True)
    setups.mkdir()
    for version, without in (("1.0.0", ()), ("1.1.0", ("LICENSE.txt",))):
        shutil.copy(installer(app, tmp_path / version, version, without), setups / f"{version}.exe")
        shutil.rmtree(tmp_path / version)
    on_windows.own(setups)
    place = on_windows.user / "AppData/Local/Programs" / NAME
    program = on_windows.system.path(place / f"{NAME}-console.exe")

    assert on_windows.run(r"D:\setups\1.0.0.exe", "/S").code == 0
    assert (place / f"{NAME}.exe").read_bytes() == (app / f"{NAME}.exe").read_bytes()
    assert WORDS in on_windows.run(program, "ask", WORDS, "--demo", "--json").object()["response"]
    kept = on_windows.user / "AppData/Local" / NAME / "profiles/default/settings.json"
    assert on_windows.run(program, "config", "--json").code == 0
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("{}")
    on_windows.own(on_windows.user / "AppData/Local" / NAME)

    assert on_windows.run(r"D:\setups\1.1.0.exe", "/S").code == 0
    assert not (place / "LICENSE.txt").exists(), "what the new version does not have is gone"
    assert on_windows.run(program, "--version").code == 0
    assert "1.1.0" in on_windows.run("reg", "query", UNINSTALL, "/v", "DisplayVersion").out

    assert on_windows.run(on_windows.system.path(place / "uninstall.exe"), "/S").code == 0
    assert not place.exists()
    assert on_windows.run("reg", "query", UNINSTALL).code != 0
    assert kept.is_file(), "what people made stays"
