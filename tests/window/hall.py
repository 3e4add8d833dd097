"""A chat that is open, for tests that attack it from inside: from its top frame, and from the component's frame, which
is of another origin."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from desktop.window.user_activation import LIMIT
from tests.rig.driver import Driver
from tests.rig.scene import Scene

_numbers = itertools.count(1)


class Hall:
    """A chat that is open, for tests that leave it as it was."""

    def __init__(self, scene: Scene, app: Driver) -> None:
        self.scene = scene
        self.app = app
        self._clicked = 0.0

    def promised(self, code: str, window: str = "chat") -> Any:
        """The value of a promise made in the top frame; a rejection is its text with "!" in front."""
        self.app.js(
            window,
            f"(window.__said = null, Promise.resolve({code})"
            ".then((v) => { window.__said = [v ?? null]; }, (e) => { window.__said = ['!' + e]; }), 1)",
        )
        return self.app.until("a promise settled", lambda: self.app.js(window, "window.__said"))[0]

    def unprompted(self, code: str) -> Any:
        """The value of an expression in the top frame (it may be a promise) that no click stands behind. WebKitGTK
        takes what a test runs in a page for one, so a message from the component's frame sets it off."""
        number = next(_numbers)
        self.app.js(
            "chat",
            f"(window.__said = null, addEventListener('message', (e) => e.data === 'go {number}' && "
            f"new Promise((done) => done({code})).then((v) => {{ window.__said = [v ?? null]; }},"
            "(e) => { window.__said = ['!' + e]; })), 1)",
        )
        self.in_frame(f"(parent.postMessage('go {number}', '*'), 1)")
        return self.app.until("it was said", lambda: self.app.js("chat", "window.__said"))[0]

    def in_frame(self, code: str) -> Any:
        """The value of an expression in the component's frame, which is of another origin."""
        number = next(_numbers)
        self.scene.component.do("run", id=number, code=code)
        ran = self.scene.component.wait(lambda state: (state.get("ran") or {}).get("id") == number)["ran"]
        return ran["value"] if "value" in ran else f"!{ran['error']}"

    def call(self, page_key: str, method: str, params: dict[str, Any] | None = None, name: str = "call") -> str:
        """A call as any script of the page can make it; its id."""
        number = f"test-{next(_numbers)}"
        call = {"page_key": page_key, "id": number, "method": method, "params": params or {}}
        self.app.js("chat", f"(window.pywebview._jsApiCallback({json.dumps(name)}, {json.dumps(call)}, 'x'), 1)")
        return number

    def send_text(self, call: str) -> None:
        """Hand the engine the text of a call, an expression in the page, as a script can that goes past `bridge.js`."""
        ways = {
            "gtk": "webkit.messageHandlers.jsBridge.postMessage("
            """'{"funcName": "call", "id": "x", "params": ' + text + '}')""",
            "qt": "qt.webChannelTransport.send(JSON.stringify({type: 6, id: 'valueOf', object: 'external',"
            "method: 'call', args: ['call', text, 'x']}))",
        }
        self.app.js("chat", f"(() => {{ const text = {call}; {ways[self.app.engine]}; return 1; }})()")

    def answer(self, number: str) -> dict[str, Any]:
        """What was pushed into the page for the call of that id."""

        def found() -> dict[str, Any] | None:
            for script in self.app.ask("crossed"):
                if f'"id": "{number}"' in script:
                    entries = json.loads(script[script.index("([") + 1 : script.rindex(")")])
                    return next((entry for entry in entries if entry.get("id") == number), None)
            return None

        return dict(self.app.until(f"an answer to {number}", found))

    def refused(self) -> int:
        return int(self.app.ask("state")["refused"])

    def at_home(self) -> bool:
        return bool(self.app.js("chat", "location.href") == self.app.ask("url", "chat"))

    def trap(self, code: str) -> None:
        """Run code in the component's frame when the person clicks there, and click."""
        self.in_frame(
            "(() => { const b = document.createElement('button'); b.style = 'position:fixed;inset:0;z-index:9';"
            f"b.onclick = () => {{ window.clicked = true; b.remove(); {code}; }};"
            "document.body.append(b); window.clicked = false; })()"
        )
        self.click_here()

        def clicked() -> bool:
            if self.in_frame("window.clicked") is True:
                return True
            if time.monotonic() - self._clicked > LIMIT + 0.5:
                self.click_here()  # that one came before the button was painted, and is good for nothing any more
            return False

        self.app.until(f"clicked for {code}", clicked)

    def click_here(self) -> None:
        """A real click into the middle of the chat."""
        window = self.app.raise_window(self.app.ask("windows")["chat"]["title"])
        self.app.xdotool("mousemove", "--window", window, "290", "310")
        self.app.xdotool("mousemove", "--window", window, "300", "300", "click", "1")
        self._clicked = time.monotonic()

    def press_here(self, window: str, selector: str) -> None:
        """A real click into the middle of an element of a page of ours."""
        middle = f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView();"
        middle += "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        self.app.until(f"{selector} is shown", lambda: self.app.js(window, middle)[0] > 0)
        across, down = self.app.js(window, middle)
        found = self.app.raise_window(self.app.ask("windows")[window]["title"])
        # The page lies at the lower edge of its window: above it may be a menu.
        tall = int(self.app.xdotool("getwindowgeometry", "--shell", found).split("HEIGHT=")[1].split()[0])
        inner = self.app.js(window, "innerHeight")
        self.app.xdotool("mousemove", "--window", found, f"{across:.0f}", f"{down + tall - inner:.0f}")
        self.app.xdotool("click", "1")
        self._clicked = time.monotonic()

    def outlast_the_click(self) -> None:
        """Until no click of before is good for anything any more."""
        time.sleep(max(0.0, self._clicked + LIMIT + 0.2 - time.monotonic()))
