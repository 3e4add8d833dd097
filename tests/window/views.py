"""A chat as a person uses it, in either of its pages: ChatKit (its stand-in) or the built-in view."""

from __future__ import annotations

import json
from typing import Any, Protocol

from desktop.common.texts import Catalogue
from tests.rig.driver import Driver
from tests.rig.scene import Scene

SAYS = Catalogue("en").get
LABELS = {
    "once": "mcp.once",
    "chat": "mcp.chat",
    "always": "mcp.always",
    "rejected": "mcp.reject",
    "approved": "code.approve",
    "denied": "code.reject",
}
"""What the buttons of cards say."""


class View(Protocol):
    """What a person does and sees in a chat, whichever page shows it."""

    def begin(self) -> None: ...
    def send(self, text: str) -> None: ...
    def press(self, label: str) -> None: ...
    def asks(self, words: str) -> bool:
        """Whether a question that has these words waits for an answer."""

    def say(self, choice: str) -> None:
        """The answer to the question: once, chat, always, rejected, approved."""

    def stop(self) -> None: ...
    def at_rest(self) -> bool: ...
    def words(self) -> str:
        """All of the agent's messages."""

    def steps(self) -> list[str]: ...
    def cards(self) -> str:
        """The words of all cards."""


class InChatKit:
    def __init__(self, scene: Scene, app: Driver) -> None:
        self._scene, self._app = scene, app

    def begin(self) -> None:
        self._app.wait_call("chat.ready")
        self._scene.component.wait(lambda s: s["ready"] and s["requests"])

    def send(self, text: str) -> None:
        self._scene.component.do("send", text=text)

    def press(self, label: str) -> None:
        self._scene.component.do("press", label=label)

    def asks(self, words: str) -> bool:
        """Beside OpenAI's script: in a window of its own."""
        return "approval" in self._app.ask("windows") and words in self._app.text("approval")

    def say(self, choice: str) -> None:
        self._app.click("approval", f"[data-choice={choice}]")

    def stop(self) -> None:
        self._scene.component.do("stop")

    def at_rest(self) -> bool:
        return not self._scene.component.state["busy"]

    def words(self) -> str:
        return "\n".join(str(line["text"]) for line in self._lines() if line["role"] == "assistant")

    def steps(self) -> list[str]:
        return [str(task) for line in self._lines() if line["role"] == "steps" for task in line["tasks"]]

    def cards(self) -> str:
        return "\n".join(str(line["words"]) for line in self._lines() if line["role"] == "widget")

    def _lines(self) -> list[dict[str, Any]]:
        return list(self._scene.component.state["transcript"])


class InBuiltinView:
    def __init__(self, _scene: Scene, app: Driver) -> None:
        self._app = app

    def begin(self) -> None:
        self._app.wait_call("builtin.ready")

    def send(self, text: str) -> None:
        self._app.fill("chat", "#text", text)
        self._app.click("chat", "#send")

    def press(self, label: str) -> None:
        found = f"[...document.querySelectorAll('.widget button')].find((one) => one.innerText === {json.dumps(label)})"
        self._app.until(f"a button {label}", lambda: self._app.js("chat", f"!!{found}"))
        self._app.js("chat", f"({found}.focus(), {found}.click(), true)")

    def asks(self, words: str) -> bool:
        """On its card."""
        return self.at_rest() and words in self.cards()

    def say(self, choice: str) -> None:
        self.press(SAYS(LABELS[choice]))

    def stop(self) -> None:
        self._app.click("chat", "#stop")

    def at_rest(self) -> bool:
        return bool(
            self._app.js("chat", "document.getElementById('stop').hidden && !document.querySelector('.sending')")
        )

    def words(self) -> str:
        return "\n".join(
            self._app.js("chat", "[...document.querySelectorAll('.answer .body')].map(one => one.innerText)")
        )

    def steps(self) -> list[str]:
        return list(self._app.js("chat", "[...document.querySelectorAll('.steps li')].map(one => one.textContent)"))

    def cards(self) -> str:
        return "\n".join(self._app.js("chat", "[...document.querySelectorAll('.widget')].map(one => one.innerText)"))


VIEWS = {"chatkit": InChatKit, "builtin": InBuiltinView}
