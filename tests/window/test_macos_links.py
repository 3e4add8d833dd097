"""Links on macOS, as far as they can be told without it: what the system's event becomes, with stand-ins for Cocoa."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from desktop import cli
from desktop.window import macos_links


class Started:
    def __init__(self) -> None:
        self.words: list[list[str]] = []

    def __call__(self, words: list[str], **_: Any) -> None:
        self.words.append(words)


def test_a_link_becomes_a_second_launch_with_it_as_its_only_word() -> None:
    started = Started()
    macos_links.hand_over("fern://prompt?text=a%20b", started)
    assert started.words == [[sys.executable, "fern://prompt?text=a%20b"]]
    assert cli.LINK.match(started.words[0][1])


@pytest.mark.parametrize("link", ["", "--demo", "fern://prompt?text=" + "a" * macos_links.LONGEST, "fern:\0"])
def test_what_is_no_link_starts_nothing(link: str) -> None:
    started = Started()
    macos_links.hand_over(link, started)
    assert started.words == []


def test_the_systems_event_is_asked_for_and_its_link_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class NSObject:
        @classmethod
        def alloc(cls) -> Any:
            return cls()

        def init(self) -> Any:
            return self

    class Manager:
        def setEventHandler_andSelector_forEventClass_andEventID_(self, *values: Any) -> None:  # noqa: N802
            asked.extend(values)

    cocoa = ModuleType("Foundation")
    cocoa.NSObject = NSObject  # type: ignore[attr-defined]
    cocoa.NSAppleEventManager = SimpleNamespace(sharedAppleEventManager=Manager)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "Foundation", cocoa)
    monkeypatch.setattr(macos_links, "_kept", [])
    links: list[str] = []

    macos_links.take_links(links.append)
    handler, selector, kind, event = asked
    assert (selector, kind, event) == (b"handleLink:withReply:", 0x4755524C, 0x4755524C)
    assert macos_links._kept == [handler]
    for told in ("moss://prompt?text=a", None):
        described = SimpleNamespace(stringValue=lambda told=told: told)
        handler.handleLink_withReply_(SimpleNamespace(paramDescriptorForKeyword_=lambda _, d=described: d), None)
    assert links == ["moss://prompt?text=a", ""]
