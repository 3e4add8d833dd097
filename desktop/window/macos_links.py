"""Links with the brand's scheme on macOS, which delivers them as an Apple event, not as an argument. Not run on macOS
by this project; tested with stand-ins.

A link is handled as on other systems: it starts a second launch, which brings the first forward and ends. So links
always take the same path, and can only put text into the composer. Source: Apple's NSAppleEventManager.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

GET_URL = int.from_bytes(b"GURL", "big")
"""kInternetEventClass and kAEGetURL."""
DIRECT_OBJECT = int.from_bytes(b"----", "big")
LONGEST = 32_000
"""In characters. Longer ones are not our links (`desktop.app.links`) and don't fit a command line."""
IGNORED = subprocess.DEVNULL

_kept: list[Any] = []
"""Kept here because the event manager does not keep the object it calls."""


def hand_over(link: str, start: Callable[..., Any] = subprocess.Popen) -> None:
    """Start a second launch with the link as its only argument. It can't be an option: a link begins with its
    scheme."""
    if not link or link.startswith("-") or len(link) > LONGEST or "\0" in link:
        return
    start([sys.executable, link], stdin=IGNORED, stdout=IGNORED, stderr=IGNORED, start_new_session=True)


def take_links(hand: Callable[[str], None] = hand_over) -> None:
    """Receive links from now on. Call it before the loop runs, to get the link that started the app as well."""
    from Foundation import NSAppleEventManager, NSObject

    class LinkHandler(NSObject):
        def handleLink_withReply_(self, event: Any, _reply: Any) -> None:  # noqa: N802  # a selector's name
            described = event.paramDescriptorForKeyword_(DIRECT_OBJECT)
            if described is not None:
                hand(str(described.stringValue() or ""))

    handler = LinkHandler.alloc().init()
    _kept.append(handler)
    NSAppleEventManager.sharedAppleEventManager().setEventHandler_andSelector_forEventClass_andEventID_(
        handler, b"handleLink:withReply:", GET_URL, GET_URL
    )
