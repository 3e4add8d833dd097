"""What Windows has of what a window needs, told by a made-up registry: nothing but WebView2 is ever taken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from desktop.common.errors import AppError
from desktop.common.texts import LANGUAGES, Catalogue
from desktop.window import webview2
from desktop.window.errors import DotNetMissing, EngineMissing, WebViewMissing
from desktop.window.webview2 import CHANNELS, DOTNET, DOTNET_LINK, PLACES, WEBVIEW2_LINK
from desktop.window.windows import EdgeEngine

RUNTIME = CHANNELS[0]
ALL, OLD_32, ONE = PLACES


def registry(entries: dict[tuple[str, str], object], release: object = 533320) -> webview2.Read:
    """`entries`: `pv` by hive and key."""

    def read(hive: str, key: str, name: str) -> object:
        if (hive, key, name) == ("HKLM", DOTNET, "Release"):
            return release
        return entries.get((hive, key)) if name == "pv" else None

    return read


def at(place: tuple[str, str], channel: str = RUNTIME) -> tuple[str, str]:
    return place[0], rf"{place[1]}\{channel}"


def require(read: webview2.Read, has_pythonnet: Callable[[], bool] = lambda: True) -> str:
    return webview2.require(read, has_pythonnet=has_pythonnet)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_runtime_is_found_for_everybody_and_for_one_user(place: tuple[str, str], channel: str) -> None:
    assert require(registry({at(place, channel): "131.0.2903.86"})) == "131.0.2903.86"


def test_an_empty_entry_does_not_hide_another() -> None:
    for empty in ("", "0.0.0.0", None, 0, "unknown", "²"):
        assert require(registry({at(ALL): empty, at(ONE): "120.0.1.2"})) == "120.0.1.2"
        assert require(registry({at(ONE): empty, at(ALL): "120.0.1.2"})) == "120.0.1.2"


def test_the_newest_counts() -> None:
    assert require(registry({at(ALL): "99.0.1", at(ONE): "120.0.1"})) == "120.0.1"


@pytest.mark.parametrize("found", [None, "", "0.0.0.0", "86.0.622.0", "113.9.9.9", 131, "x.1", "9" * 5000])
def test_without_a_runtime_that_is_new_enough_it_is_said_with_microsofts_link(found: object) -> None:
    with pytest.raises(WebViewMissing) as caught:
        require(registry({at(ALL): found}))
    _is_said(caught.value, WEBVIEW2_LINK)


@pytest.mark.parametrize("release", [None, 0, 394801, "394802", "Release"])
def test_without_the_net_framework_it_is_said_with_microsofts_link(release: object) -> None:
    with pytest.raises(DotNetMissing) as caught:
        require(registry({at(ALL): "131.0.1"}, release))
    _is_said(caught.value, DOTNET_LINK)
    assert require(registry({at(ALL): "131.0.1"}, 394802))


def test_from_source_without_pythonnet_the_line_that_installs_it_is_said() -> None:
    with pytest.raises(EngineMissing) as caught:
        require(registry({}), lambda: False)
    _is_said(caught.value, "pip install pythonnet")


def _is_said(error: AppError, how: str) -> None:
    for language in LANGUAGES:
        told = error.describe(Catalogue(language))
        assert how in told["hint"]
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("content", "error"),
    [("raise ImportError('none')", EngineMissing), ("raise RuntimeError('no runtime')", DotNetMissing)],
)
def test_a_net_that_does_not_start_is_a_sentence_and_no_accident(
    content: str, error: type[AppError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clr.py").write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "clr", raising=False)
    with pytest.raises(error) as caught:
        EdgeEngine().load()
    _is_said(caught.value, "pip install" if error is EngineMissing else DOTNET_LINK)
