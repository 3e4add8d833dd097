"""A maker's picture in a window from source: any that can be drawn is, and no picture keeps a window from opening."""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path

import pytest

from desktop.window.icon import NoPicture, as_png
from desktop.window.screenshots import SIGNATURE
from tests.packaging.makers import SVG
from tests.rig.display import Display
from tests.rig.driver import Driver
from tests.rig.processes import run

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "assets" / "icons" / "app-256.png"


def test_a_png_is_taken_as_it_is(tmp_path: Path) -> None:
    assert as_png(OWN, tmp_path / "drawn.png") == OWN
    assert not (tmp_path / "drawn.png").exists()


def test_an_svg_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "fern.svg").write_text(SVG)
    drawn = as_png(tmp_path / "fern.svg", tmp_path / "drawn.png")
    data = drawn.read_bytes()
    assert data.startswith(SIGNATURE)
    assert struct.unpack(">II", data[16:24]) == (256, 256)


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg", b"JFIF", OWN.read_bytes()[:-40], OWN.read_bytes()[:200] + b"x" + OWN.read_bytes()[201:]],
    ids=["empty", "half an SVG", "a JPEG", "half a PNG", "a PNG with a wrong byte"],
)
@pytest.mark.parametrize("name", ["fern.svg", "fern.png"])
def test_what_can_not_be_drawn_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NoPicture):
        as_png(tmp_path / name, tmp_path / "drawn.png")


def test_a_picture_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.svg", tmp_path):
        with pytest.raises(NoPicture) as caught:
            as_png(path, tmp_path / "drawn.png")
        assert caught.value.why.key == "cli.icon.not_read"


# --- in a real window -----------------------------------------------------------------------------


def maker(folder: Path, icon: str, content: bytes) -> str:
    """A brand file, as seen from this checkout: a relative path, as the README's own line has it."""
    folder.mkdir()
    (folder / "brand.toml").write_text(f'[app]\nid = "ask-fern"\nname = "Ask Fern"\nicon = "{icon}"\n')
    if content:
        (folder / icon).write_bytes(content)
    return os.path.relpath(folder / "brand.toml", ROOT)


@pytest.fixture
def bare(screen: Display, tmp_path: Path) -> dict[str, str]:
    """A screen for an engine whose pictures are what the system brings by itself: no loader of SVG."""
    none = tmp_path / "loaders.cache"
    none.touch()
    return screen.environment() | {"GDK_PIXBUF_MODULE_FILE": str(none), "LANG": "C.UTF-8", "HOME": str(tmp_path)}


def opened(engine: str, brand: str, environ: dict[str, str], data: Path) -> str:
    """What the app printed, which opened its window and closed it again."""
    with Driver(engine, ["--demo", "--brand", brand, "--data-dir", str(data)], environ) as app:
        app.wait_window("chat")
        assert app.ask("windows")["chat"]["shown"]
        app.raise_window("Ask Fern")
        app.stop()
    return app.output()


@pytest.mark.window
def test_an_svg_beside_a_relative_brand_file_opens_a_window(engine: str, bare: dict[str, str], tmp_path: Path) -> None:
    brand = maker(tmp_path / "maker", "fern.svg", SVG.encode())
    assert "is not shown" not in opened(engine, brand, bare, tmp_path / "data")


@pytest.mark.window
@pytest.mark.parametrize(
    ("icon", "content"), [("fern.png", b"no picture"), ("fern.svg", b"<svg"), ("fern.svg", b"")], ids=str
)
def test_a_picture_that_can_not_be_shown_is_said_and_the_window_opens(
    engine: str, bare: dict[str, str], tmp_path: Path, icon: str, content: bytes
) -> None:
    brand = maker(tmp_path / "maker", icon, content)
    said = opened(engine, brand, bare, tmp_path / "data")
    assert f"The icon {tmp_path / 'maker' / icon} is not shown: " in said


BROKEN = """
import sys
from desktop.cli import main
import webview.platforms.gtk as platform
def failing(*arguments):
    raise RuntimeError("no GL context")
platform.BrowserView.toggle_fullscreen = failing
platform.gtk.ApplicationWindow.set_icon_from_file = failing
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.window
def test_a_window_that_can_not_be_made_is_told_at_once_and_the_app_ends(screen: Display, tmp_path: Path) -> None:
    """GTK's own fault, at the place where a picture it could not read was one."""
    words = ["--demo", "--engine", "gtk", "--data-dir", str(tmp_path)]
    done = run([sys.executable, "-c", BROKEN, *words], cwd=ROOT, env=screen.environment() | {"LANG": "C.UTF-8"})
    assert done.returncode == 3, done.stderr
    assert "The window can’t be opened: no GL context" in done.stderr
    words = ["smoke", *words, "--json"]
    done = run([sys.executable, "-c", BROKEN, *words], cwd=ROOT, env=screen.environment() | {"LANG": "C.UTF-8"})
    assert "window_not_made" in json.dumps(json.loads(done.stdout)), done.stdout + done.stderr
