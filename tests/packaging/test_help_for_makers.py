"""The help's way from a clone to a brand's own package: its example is in order; followed on a clean machine it gives
an app that another user installs beside the first, and that shares nothing with it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from desktop.packaging.proof import Home
from tests.packaging import made_from_help
from tests.packaging.built import BUILD_LIMIT, Built, home_in, opened, seen_window
from tests.packaging.clean_system import USER, clean_system
from tests.packaging.makers import can_package
from tests.packaging.windows_seen import icons_of
from tests.rig.display import virtual_display
from tests.standins.models_api import KEY, Answer, ModelsApi

GREEN, PALE = (17, 85, 51, 255), (221, 255, 221, 255)
"""The colours of the example's picture: its corners, its middle."""


@can_package
def test_the_example_of_the_help_passes_the_packagers_check(tmp_path: Path) -> None:
    from desktop.packaging import command

    brand = made_from_help.write(tmp_path / "clone")
    assert set(made_from_help.files()) == {"../fern/brand.toml", "../fern/fern.svg", "../fern/agents/fern.py"}
    assert command.main(["--brand", str(brand), "--check"]) == 0


def test_the_helps_commands_check_the_brand_and_package_it() -> None:
    lines = [line.partition("#")[0].strip() for line in made_from_help.commands().splitlines()]
    assert [line for line in lines if "make package" in line] == [
        'make package ARGS="--brand ../fern/brand.toml --check"',
        'make package ARGS="--brand ../fern/brand.toml"',
    ]


@pytest.mark.packaging
@pytest.mark.window
@pytest.mark.secret_service
@pytest.mark.clean_systems
def test_who_follows_the_help_has_an_app_of_their_own_that_lives_beside_the_first(
    app: Built, workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with clean_system("bookworm") as makers:
        ready = time.monotonic()
        made = made_from_help.make(makers, USER, BUILD_LIMIT)
        took = time.monotonic() - ready
        (found,) = made.glob("ask-fern_1.0.0_*.deb")
        deb = workshop / found.name
        deb.write_bytes(found.read_bytes())
    tell(capsys, f"from a clone on a machine with nothing prepared to a proved .deb: {took:.0f} s")

    with clean_system("bookworm") as users, virtual_display() as screen:
        users.install(app.file(".deb"), deb, "dbus-daemon", "gnome-keyring")
        ours, theirs = (home_in(users, screen, name) for name in ("chatkit-desktop", "ask-fern"))
        data = users.home / ".local" / "share"
        ours.fine("smoke", "--page", "any")
        before = snapshot(data / "chatkit-desktop")
        assert before

        assert theirs.run("doctor")[1]["service"] == "ask-fern"
        has_its_own_agent_and_key(theirs, ours)
        with opened(users, screen, "ask-fern"):
            window, title = seen_window(screen, "ask-fern")
            assert "Ask Fern" in title
            pictures = icons_of(screen, window)
        assert pictures, "the window has an icon"
        for size, pixels in pictures.items():
            assert pixels[(0, 0)] == pixels[(size - 1, size - 1)] == GREEN
            assert pixels[(size // 2, size // 2)] == PALE
        assert (data / "ask-fern").is_dir()
        assert snapshot(data / "chatkit-desktop") == before, "the second brand left the first one's folder alone"
    tell(capsys, f"and installed beside the first, used, compared: {time.monotonic() - began:.0f} s in all")


def tell(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def has_its_own_agent_and_key(theirs: Home, ours: Home) -> None:
    with ModelsApi(key=KEY) as models:
        models.always(Answer("Ferns have no flowers."))
        base = ("--api-base", models.base)
        theirs.fine("key", "set", *base, stdin=f"{KEY}\n")
        # Each command has a session of its own, but the keyring is one file of the user's.
        assert theirs.run("key", "status", *base)[1]["present"]
        assert not ours.run("key", "status", *base)[1]["present"]
        answer = theirs.fine("ask", *base, "Do ferns have flowers?")
        asked = models.calls("/v1/responses")
        theirs.fine("key", "remove", *base)
    assert answer["response"] == "Ferns have no flowers."
    assert "You know all about ferns. Answer in one sentence." in [call.body.get("instructions") for call in asked]


def snapshot(folder: Path) -> dict[str, bytes]:
    """{path: content} of the files in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_a_picture_of_a_window_is_read_as_it_is_told() -> None:
    from tests.packaging.windows_seen import pictures

    told = [2, 2, 0xFF115533, 0xFFDDFFDD, 0x00000000, 0xFF115533]
    (picture,) = pictures(told).values()
    assert picture == {(0, 0): GREEN, (1, 0): PALE, (0, 1): (0, 0, 0, 0), (1, 1): GREEN}
    with pytest.raises(ValueError, match="cut off"):
        pictures(told[:-1])
