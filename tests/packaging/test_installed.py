"""Packages as people meet them: built, installed by apt in clean systems, used by an ordinary user, upgraded, purged.

Takes some fifteen minutes, so `make test-packaging` runs it and `make test` does not.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.packaging import linux
from desktop.packaging.plan import Plan, read_brand
from desktop.packaging.proof import Proof
from tests.packaging.built import Built, build, home_in, opened, seen_window
from tests.packaging.clean_system import RELEASES, UID, USER, CleanSystem, clean_system
from tests.packaging.makers import EPOCH, Maker
from tests.rig.display import Display, virtual_display
from tests.standins.models_api import KEY, Answer, ModelsApi

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.packaging,
    pytest.mark.window,
    pytest.mark.secret_service,
    pytest.mark.clean_systems,
]


@pytest.fixture(scope="module")
def fern(workshop: Path) -> Built:
    """A second brand, with an agent of its own that is all there is."""
    maker = Maker(workshop / "maker")
    maker.agent()
    maker.values["fixed"] = ["agents", "active_agent"]  # type: ignore[assignment]  # a list at the top of the file
    maker.values = {"fixed": maker.values.pop("fixed"), **maker.values}
    maker.write()
    return build(maker.file, workshop / "fern", "deb")


@pytest.fixture(scope="module")
def screen() -> Iterator[Display]:
    with virtual_display() as display:
        yield display


@pytest.fixture(scope="module", params=list(RELEASES))
def system(request: pytest.FixtureRequest) -> Iterator[CleanSystem]:
    with clean_system(request.param) as made:
        yield made


def plan_of(built: Built, folder: Path) -> Plan:
    brand = read_brand(built.brand)
    return Plan(brand, built.brand, built.told["version"], EPOCH, ("deb",), folder, folder)


def test_the_report_names_every_file_with_its_size_and_checksum_and_what_was_proved(app: Built) -> None:
    names = {Path(made["file"]).name for made in app.told["outputs"]}
    debian, machine = linux.architecture(), platform.machine().lower()
    ends = (f"_{debian}.deb", f"-linux-{debian}.tar.zst", f"-linux-{machine}.cdx.json", "-INSTALL.txt")
    assert [end for end in ends if not any(name.endswith(end) for name in names)] == []
    assert len(names) == len(ends)
    check = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=app.folder, timeout=60)
    assert check.returncode == 0
    for made in app.told["outputs"]:
        assert Path(made["file"]).stat().st_size == made["bytes"]
    assert [step["name"] for step in app.told["proof"]["steps"]] == [
        *("doctor", "first launch", "demo", "key", "agent of the brand", "code agent", "no way in"),
    ]
    assert all(step["ok"] for step in app.told["proof"]["steps"])
    assert app.told["proof"]["start_ms"] > 0


def test_the_deb_with_the_agent_stack_is_small(app: Built) -> None:
    assert app.file(".deb").stat().st_size <= 25_000_000


def test_the_same_sources_give_the_same_bytes_elsewhere(app: Built, workshop: Path) -> None:
    again = build(app.brand, workshop / "another" / "place" / "again", "deb", "tar.zst")
    for end in (".deb", ".tar.zst", ".cdx.json"):
        assert again.file(end).read_bytes() == app.file(end).read_bytes(), end


@pytest.mark.parametrize("which", ["app", "fern"])
def test_lintian_finds_no_error(which: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(which)
    done = subprocess.run(
        ["lintian", "--fail-on", "error", str(built.file(".deb"))], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_list_of_contents_names_what_is_inside_with_licences(app: Built) -> None:
    listed = json.loads(app.file(".cdx.json").read_text(encoding="utf-8"))
    parts = {part["name"].lower(): part for part in listed["components"]}
    assert {"python", "pywebview", "keyring", "httpx", "openai-agents", "openai-chatkit", "cryptography"} <= set(parts)
    assert all(part["licenses"] and part["version"] for part in parts.values())
    assert not {"pytest", "mypy", "hypothesis", "pyside6", "pillow"} & set(parts)
    tree = app.folder / "unpacked"
    subprocess.run(["dpkg-deb", "-x", str(app.file(".deb")), str(tree)], check=True, timeout=120)
    notices = subprocess.run(
        ["zcat", str(tree / "usr/share/doc/chatkit-desktop/NOTICES.gz")], capture_output=True, text=True, timeout=60
    ).stdout
    for part in parts.values():
        assert f"{part['name']} {part['version']}: " in notices
    for words in ("Permission is hereby granted", "Apache License", "PYTHON SOFTWARE FOUNDATION LICENSE"):
        assert words in notices


def test_checklist_05_16_30_32_the_archive_runs_where_it_is_unpacked(app: Built, workshop: Path) -> None:
    from desktop.packaging.proof import prove

    folder = workshop / "unpacked here"
    folder.mkdir()
    subprocess.run(
        ["tar", "--extract", "--file", str(app.file(".tar.zst")), "-C", str(folder)], check=True, timeout=120
    )
    (program,) = folder.glob("*/bin/*")
    assert prove(plan_of(app, workshop / "plan"), program).start_ms > 0


def test_checklist_05_16_30_32_it_installs_on_a_clean_debian_and_serves_an_ordinary_user(
    app: Built, system: CleanSystem, screen: Display
) -> None:
    system.install(app.file(".deb"))
    shown = system.must("chatkit-desktop", "--version")
    assert app.told["version"] in shown
    # The keyring is what it recommends; the bus is there on every desktop.
    system.install("dbus-daemon", "gnome-keyring", "libpam-gnome-keyring-")
    home = home_in(system, screen, "chatkit-desktop")
    report = Proof(plan_of(app, system.shared), home).run()
    assert all(step.ok for step in report.steps)
    assert (system.home / ".local" / "share" / "chatkit-desktop").is_dir()


def test_two_brands_share_nothing(app: Built, fern: Built, system: CleanSystem, screen: Display) -> None:
    system.install(app.file(".deb"), fern.file(".deb"), "dbus-daemon", "gnome-keyring")
    lists = [set(system.must("dpkg", "-L", name).split("\n")) for name in ("chatkit-desktop", "ask-fern")]
    shared = {name for name in lists[0] & lists[1] if name and (system.folder / name.lstrip("/")).is_file()}
    assert shared == set()
    ours, theirs = (home_in(system, screen, name) for name in ("chatkit-desktop", "ask-fern"))
    report = Proof(plan_of(fern, system.shared), theirs).run()
    told = {step.name: step.detail for step in report.steps}
    assert "answers through" in told["agent of the brand"]
    assert theirs.run("doctor")[1]["service"] == "ask-fern"
    with ModelsApi(key=KEY) as models:
        base = ("--api-base", models.base)
        theirs.fine("key", "set", *base, stdin=f"{KEY}\n")
        # Each command has a session of its own, but the keyring is one file of the user's.
        assert theirs.run("key", "status", *base)[1]["present"]
        assert not ours.run("key", "status", *base)[1]["present"]
        theirs.fine("key", "remove", *base)
    for name in ("chatkit-desktop", "ask-fern"):
        assert (system.home / ".local" / "share" / name).is_dir()
    names = {}
    for name, title in (("chatkit-desktop", "ChatKit Desktop"), ("ask-fern", "Ask Fern")):
        with opened(system, screen, name):
            names[name] = seen_window(screen, name)[1]
            assert title in names[name], names
            link = subprocess.run(
                system.command(name, f"{name}://prompt?text=hello", user=USER),
                env=home_in(system, screen, name).environ,
                timeout=120,
            )
            assert link.returncode == 0, "a link brings the one that runs forward"


def test_an_upgrade_keeps_settings_and_chats_and_purging_leaves_nothing_of_the_package(
    app: Built, system: CleanSystem, screen: Display, workshop: Path
) -> None:
    name = "chatkit-desktop"
    older = repacked(app.file(".deb"), "0.0.1", workshop)
    system.must("apt-get", "purge", "--yes", name)
    system.install(older, "dbus-daemon", "gnome-keyring")
    assert "0.0.1" in system.must("dpkg-query", "--show", name)
    home = home_in(system, screen, name)
    agent = home.folder / "agent.py"
    agent.write_text('from agents import Agent\n\nagent = Agent(name="a", instructions="Answer.")\n')
    with ModelsApi(key=KEY) as models:
        models.always(Answer("Kept."))
        options = ("--agent", str(agent), "--api-base", models.base)
        home.fine("key", "set", *options[2:], stdin=f"{KEY}\n")
        home.fine("ask", *options, "--yes", "Will you be kept?")
        home.fine("key", "remove", *options[2:])
    profile = system.home / ".local" / "share" / name / "profiles" / "default"
    (profile / "settings.json").write_text('{"version": 1, "zoom": 1.25}')
    os.chown(profile / "settings.json", UID, UID)

    def kept() -> tuple[Any, Any]:
        settings = home.fine("config")
        threads = home.fine("threads", "list", "--agent", str(agent))
        return settings, threads

    before = kept()
    assert "1.25" in json.dumps(before[0])
    assert "Will you be kept?" in json.dumps(before[1]) or len(json.dumps(before[1])) > 60
    system.install(app.file(".deb"))
    assert app.told["version"] in system.must("dpkg-query", "--show", name)
    assert kept() == before

    files = [path for path in system.must("dpkg", "-L", name).splitlines() if name in path]
    assert len(files) > 100
    system.must("apt-get", "purge", "--yes", name)
    assert [path for path in files if os.path.lexists(system.folder / path.lstrip("/"))] == []
    outside = ("/var/log", "/var/cache", "/proc", str(system.shared), "/var/lib/apt")
    found = [
        "/" + os.path.relpath(os.path.join(place, entry), system.folder)
        for place, folders, entries in os.walk(system.folder)
        for entry in (*folders, *entries)
        if name in entry
    ]
    assert [path for path in found if not path.startswith(outside)] == []
    assert (profile / "threads.sqlite").is_file(), "what belongs to the user stays"


# --- help -----------------------------------------------------------------------------------------


def repacked(deb: Path, version: str, workshop: Path) -> Path:
    """The same package under an older version: what an upgrade does is dpkg's work and the user's files."""
    tree, target = workshop / "older", workshop / f"older_{version}.deb"
    if not target.exists():
        subprocess.run(["dpkg-deb", "-R", str(deb), str(tree)], check=True, timeout=300)
        control = tree / "DEBIAN" / "control"
        lines = control.read_text().splitlines(keepends=True)
        control.write_text("".join(f"Version: {version}\n" if x.startswith("Version:") else x for x in lines))
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(target)]
        subprocess.run(command, check=True, timeout=300, capture_output=True)
    return target
