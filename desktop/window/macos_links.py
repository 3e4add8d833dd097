"""Links of the brand's scheme on macOS, which hands them over as an Apple event and not as a word. Not run on macOS by
this project; what is said to Cocoa and what becomes of a link is tested with stand-ins.

A link is passed on as on the other systems: a second launch with it, which brings the first forward and ends. So there
is one way in for links, and it takes nothing but words for the composer. Source: Apple's NSAppleEventManager.
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
"""Characters; longer ones are no links of ours (`desktop.app.links`) and no words of a command line."""
IGNORED = subprocess.DEVNULL

_kept: list[Any] = []
"""The manager does not keep the object that it calls."""


def hand_over(link: str, start: Callable[..., Any] = subprocess.Popen) -> None:
    """A second launch with the link as its only word. An option can't be one: a link begins with its scheme."""
    if not link or link.startswith("-") or len(link) > LONGEST or "\0" in link:
        return
    start([sys.executable, link], stdin=IGNORED, stdout=IGNORED, stderr=IGNORED, start_new_session=True)


def take_links(hand: Callable[[str], None] = hand_over) -> None:
    """From now on links open the app. Before the loop runs, so that the one that started the app comes too."""
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
