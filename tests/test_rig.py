"""The rig itself: what it reads of a screen, what it gives a window, what it would install."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from tests.rig import dev, prepare
from tests.rig.display import DisplayError, has_display, picture_of_xwd, virtual_display, window_environment
from tests.rig.processes import Child, run


def dump(
    width: int, height: int, pixels: list[tuple[int, int, int]], *, little: bool = True, version: int = 7
) -> bytes:
    """A window dump as Xvfb writes it at depth 24: blue, green, red, padding."""
    fields = [104, version, 2, 24, width, height, 0, 0 if little else 1, 32, 0, 32, 32, width * 4, *[0] * 12]
    order = (lambda p: bytes([p[2], p[1], p[0], 0])) if little else (lambda p: bytes([0, *p]))
    return struct.pack(">25I", *fields) + b"Xv\0\0" + b"".join(map(order, pixels))


PIXELS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (1, 2, 3), (1, 2, 3), (9, 9, 9)]


@pytest.mark.parametrize("little", [True, False])
def test_the_frame_buffer_is_read_in_both_byte_orders(little: bool) -> None:
    picture = picture_of_xwd(dump(3, 2, PIXELS, little=little))
    assert picture.rgb == bytes(channel for pixel in PIXELS for channel in pixel)
    assert picture.colours() == 5


def test_a_frame_buffer_of_another_make_is_refused() -> None:
    with pytest.raises(DisplayError, match="version 6"):
        picture_of_xwd(dump(1, 1, [(0, 0, 0)], version=6))


def test_a_part_of_a_picture_is_cut_out_of_it() -> None:
    part = picture_of_xwd(dump(3, 2, PIXELS)).crop(1, 0, 5, 2)
    assert (part.width, part.height) == (2, 2)
    assert part.rgb == bytes([0, 255, 0, 0, 0, 255, 1, 2, 3, 9, 9, 9])


def test_a_picture_is_saved_as_png(tmp_path: Path) -> None:
    file = picture_of_xwd(dump(3, 2, PIXELS)).save(tmp_path / "new" / "folder" / "a.png")
    raw = file.read_bytes()
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", raw[16:24]) == (3, 2)
    data = raw[raw.index(b"IDAT") + 4 : raw.index(b"IEND") - 8]
    assert zlib.decompress(data)[1:10] == bytes(channel for pixel in PIXELS[:3] for channel in pixel)


def test_a_window_is_sent_to_the_given_screen_and_nowhere_else() -> None:
    base = {"WAYLAND_DISPLAY": "wayland-0", "GDK_BACKEND": "wayland", "QT_QPA_PLATFORM": "offscreen", "KEPT": "1"}
    environment = window_environment(":7", base)
    assert environment["DISPLAY"] == ":7"
    assert environment["KEPT"] == "1"
    assert not {"WAYLAND_DISPLAY", "GDK_BACKEND", "QT_QPA_PLATFORM"} & set(environment)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_a_display_is_there_when_the_environment_names_one() -> None:
    assert not has_display({})
    assert has_display({"DISPLAY": ":0"})
    assert has_display({"WAYLAND_DISPLAY": "wayland-0"})


def test_a_file_that_was_written_came_or_went_is_a_change() -> None:
    a, b, c = Path("a"), Path("b"), Path("c")
    assert dev.changed({a: 1, b: 1}, {a: 1, b: 2, c: 1}) == [b, c]
    assert dev.changed({a: 1}, {}) == [a]
    assert dev.changed({a: 1}, {a: 1}) == []


@pytest.mark.parametrize("words", [["--demo", "--brand", "maker/brand.toml"], ["--brand=maker/brand.toml"]])
def test_files_beside_a_makers_brand_are_watched_too(words: list[str]) -> None:
    folder = str(Path("maker").resolve())
    assert {pattern for where, pattern in dev.makers(words) if where == folder} == {"*.toml", "*.svg", "*.png", "*.py"}
    assert dev.makers(["--demo"]) == ()
    assert dev.makers(["--brand"]) == ()


def test_packaging_installs_no_qt_and_its_tests_what_tries_packages_out() -> None:
    package = set(prepare.wanted_packages("package", headless=False))
    assert {"xvfb", "gnome-keyring", "dpkg-dev"} <= package
    tried = set(prepare.wanted_packages("test-packaging", headless=False)) - package
    qt = {*prepare.ENGINE_QT, *prepare.NOTICES_QT}
    assert tried - qt == {"lintian", "debootstrap", "nsis", "wine", "wine64", "x11-utils"}
    assert not package & qt
    assert not [name for name in prepare.blocks(prepare.requirements("package", with_qt=False)) if "pyside" in name]


def test_packaging_with_qt_installs_it_when_the_words_or_the_brand_ask_for_it(tmp_path: Path) -> None:
    package, with_qt = (set(prepare.wanted_packages(kind, headless=False)) for kind in ("package", "package-qt"))
    assert with_qt - package == {*prepare.ENGINE_QT, *prepare.NOTICES_QT}
    assert [name for name in prepare.blocks(prepare.requirements("package-qt", with_qt=False)) if "pyside" in name]
    brand = tmp_path / "brand.toml"
    brand.write_text('[package]\nengine = "qt"\n')
    named = ["--brand", str(brand)]
    assert prepare.asks_for_qt(["--engine", "qt", "--check"])
    assert prepare.asks_for_qt(named)
    assert not prepare.asks_for_qt([*named, "--engine=system"])
    assert not prepare.asks_for_qt(["--check"])
    assert not prepare.asks_for_qt(["--brand", str(tmp_path / "none.toml")])


def test_quick_preparation_installs_no_system_package_and_no_qt() -> None:
    assert prepare.wanted_packages("quick", headless=True) == []
    names = prepare.blocks(prepare.requirements("quick", with_qt=False))
    assert "pytest" in names
    assert "pywebview" in names
    assert not [name for name in names if prepare.QT_NAMES.fullmatch(name) and name != "qtpy"]


def test_what_opens_a_window_from_source_can_draw_a_makers_picture() -> None:
    assert {"resvg-py"} <= set(prepare.blocks(prepare.requirements("run", with_qt=False)))


def test_each_preparation_holds_the_one_before() -> None:
    run = set(prepare.wanted_packages("run", headless=True))
    standin = set(prepare.wanted_packages("standin", headless=True))
    assert run < standin < set(prepare.wanted_packages("test", headless=True))
    everything = prepare.requirements("test", with_qt=False)
    assert set(prepare.blocks(prepare.requirements("run", with_qt=True))) < set(prepare.blocks(everything))


def test_a_package_locked_in_two_versions_keeps_both() -> None:
    lock = "a==1 ; python < '3' \\\n    --hash=sha256:0\na==2 ; python >= '3' \\\n    --hash=sha256:1\nB==1\n"
    assert prepare.blocks(lock) == {"a": lock[: lock.index("B")].rstrip("\n"), "b": "B==1"}


def test_nothing_of_a_lock_is_lost_when_all_of_it_is_wanted() -> None:
    lock = (prepare.ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    assert prepare.requirements("test", with_qt=False).count("--hash=") == lock.count("--hash=")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sudo and apt-get")
def test_who_may_not_use_sudo_is_given_the_line_to_type_as_root(tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    code = (
        "import os; os.geteuid = lambda: 1000\n"
        "from tests.rig import prepare; prepare.install_packages(['xvfb', 'no-such-thing|dbus'])"
    )
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = run([sys.executable, "-c", code], cwd=prepare.ROOT, env=environ, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert done.stderr.endswith("As root:\n  apt-get install --no-install-recommends xvfb dbus\n"), done.stderr
    assert "a password is required" in done.stderr, "what sudo itself says stays"


@pytest.mark.window
def test_a_virtual_screen_shows_nothing_at_first_and_is_gone_at_the_end() -> None:
    with virtual_display((320, 200)) as display:
        picture = display.picture()
        assert (picture.width, picture.height, picture.colours()) == (320, 200, 1)
        assert display.frame_buffer.exists()
    assert not display.frame_buffer.parent.exists()


@pytest.mark.window
def test_a_command_on_a_virtual_screen_gives_its_exit_code() -> None:
    program = "import os, sys; sys.exit(7 if os.environ['DISPLAY'].startswith(':') else 1)"
    command = [sys.executable, "-m", "tests.rig.display", "--", sys.executable, "-c", program]
    assert subprocess.run(command, cwd=prepare.ROOT, timeout=60).returncode == 7


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals are Linux's here")
def test_who_is_ended_asks_what_it_runs_to_end(tmp_path: Path) -> None:
    inner = (
        "import pathlib, signal, sys, time\n"
        f"there, tidied = (pathlib.Path({str(tmp_path)!r}, name) for name in ('there', 'tidied'))\n"
        "signal.signal(signal.SIGTERM, lambda *_: (tidied.touch(), sys.exit()))\n"
        "there.touch()\n"
        "time.sleep(60)\n"
    )
    outer = f"from tests.rig import display as d; d.end_on_sigterm(); d.call([{sys.executable!r}, '-c', {inner!r}])"
    process = Child([sys.executable, "-c", outer], cwd=prepare.ROOT)
    while not (tmp_path / "there").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.terminate()
    assert process.wait(60) == 143
    assert (tmp_path / "tidied").exists()
