"""Drives a running app from a test: starts it with its probe, looks at its windows, types and clicks in them.

Clicks and keys of the main flows are real ones (xdotool); the rest goes through the page's own DOM.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from tests.rig.display import Display
from tests.rig.processes import SHOWN, STACKS_LIMIT, Child, Hung, Lines

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0
"""Longest wait for anything in a window, in seconds: generous, because nothing here measures."""
STEP = 0.05
ANSWER_LIMIT = 2 * LIMIT
"""Longest wait for the probe's answer, in seconds; its own limits end before that (tests/rig/launch.py)."""
NOT_YET = (RuntimeError, LookupError, OSError, ValueError, TypeError, subprocess.SubprocessError)
"""What a look at something raises that is not there yet: an element, an entry, a file, a window."""


class Gone(RuntimeError):
    """The app ended while a test was talking to it."""


class Driver:
    """One running app."""

    def __init__(
        self,
        engine: str | None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        module: str = "tests.rig.launch",
    ) -> None:
        to_app_read, to_app_write = os.pipe()
        from_app_read, from_app_write = os.pipe()
        command = [sys.executable, "-m", module, str(to_app_read), str(from_app_write)]
        self.environment = {**(environment if environment is not None else os.environ), "PYTHONFAULTHANDLER": "1"}
        self.engine = engine
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the app has ended
        self._printed = ""
        self.process = Child(
            [*command, *(["--engine", engine] if engine else []), *arguments],
            cwd=ROOT,
            env=self.environment,
            pass_fds=(to_app_read, from_app_write),
            stdin=subprocess.DEVNULL,
            stdout=self._output,  # a file: nobody reads along, and a full pipe would stop the app
            stderr=subprocess.STDOUT,
        )
        os.close(to_app_read)
        os.close(from_app_write)
        self._commands = os.fdopen(to_app_write, "w", encoding="utf-8")
        self._from_app = os.fdopen(from_app_read, "r", encoding="utf-8")
        self._answers = Lines(self._from_app.readline)

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        output = self.stop()
        if kind is not None:
            print(f"--- what the app printed ---\n{output}", file=sys.stderr)

    # --- life ---------------------------------------------------------------------------------

    def stop(self) -> str:
        """End the app in order, by force if that fails; what it printed."""
        if self.process.poll() is None:
            try:
                self.ask("quit", limit=LIMIT)
            except Gone:
                pass
        return self.ended()

    def ended(self, limit: float = LIMIT) -> str:
        """Wait for the app's own end; what it printed. Raises Hung with its stacks where it does not end."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self._hung("did not end", limit)
        self._close()
        return self._printed

    def _hung(self, what: str, limit: float) -> NoReturn:
        """End the app and whatever it started; Hung has the stacks of all its threads, from its own fault handler."""
        self.process.stacks()
        self._close()
        raise Hung(f"the app {what} within {limit:g} s\n{self._printed[-SHOWN:]}")

    def _close(self) -> None:
        if self._output.closed:
            return
        self._printed = self.output()
        self._output.close()
        try:
            self._commands.close()
        except OSError:
            pass  # the app closed its end first
        if self._answers.join(STACKS_LIMIT):  # else a stranger holds the other end, and closing would wait for it
            self._from_app.close()

    def output(self) -> str:
        """What the app has printed so far, the engine's console included."""
        if self._output.closed:
            return self._printed
        number = self._output.fileno()
        # Not `seek`: the app writes at the same place in the file that we would move.
        return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")

    # --- asking -------------------------------------------------------------------------------

    def ask(self, do: str, *arguments: Any, limit: float = ANSWER_LIMIT) -> Any:
        """One command of the probe. Raises Gone when the app has ended, Hung when it does not answer (it is ended
        then), RuntimeError with the probe's reason."""
        # A pipe takes 64 KiB that nobody reads; what is longer waits for the app, so this is bounded as well.
        alarm = threading.Timer(limit, self.process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            self._commands.write(json.dumps({"do": do, "with": list(arguments)}) + "\n")
            self._commands.flush()
        except (OSError, ValueError) as error:
            raise Gone(str(error)) from None
        finally:
            alarm.cancel()
        try:
            line = self._answers.next(limit)
        except TimeoutError:
            self._hung(f"did not answer {do!r}", limit)
        if not line:
            raise Gone("the app has ended")
        answer = json.loads(line)
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def until(self, what: str, condition: Callable[[], Any], limit: float = LIMIT) -> Any:
        """The first true value of `condition`; a failure names `what` and what the windows show."""
        end = time.monotonic() + limit
        last: object = None
        while time.monotonic() < end:
            try:
                last = condition()
            except (Gone, Hung):
                raise
            except NOT_YET as error:
                last = error
            else:
                if last:
                    return last
            time.sleep(STEP)
        raise AssertionError(f"{what}: not within {limit:.0f} s; last: {last!r}; windows: {self._describe()}")

    def _describe(self) -> str:
        try:
            return json.dumps({name: self.text(name)[:600] for name in self.ask("windows")}, ensure_ascii=False)
        except (RuntimeError, Gone, Hung) as error:
            return str(error)

    # --- looking ------------------------------------------------------------------------------

    def js(self, window: str, script: str) -> Any:
        return self.ask("js", window, script)

    def text(self, window: str) -> str:
        """What a person can read in a window of ours."""
        return str(self.js(window, "document.body ? document.body.innerText : ''"))

    def wait_window(self, name: str, limit: float = LIMIT) -> None:
        """Until a window is there and its page has loaded."""
        self.until(
            f"window {name}",
            lambda: name in self.ask("windows") and self.js(name, "document.readyState === 'complete'"),
            limit,
        )

    def wait_no_window(self, name: str) -> None:
        self.until(f"window {name} closed", lambda: name not in self.ask("windows"))

    def wait_text(self, window: str, *parts: str, limit: float = LIMIT) -> str:
        """Until a window shows all of `parts`; returns its whole text."""

        def shows() -> str:
            text = " ".join(self.text(window).split())
            return text if all(" ".join(part.split()) in text for part in parts) else ""

        return str(self.until(f"{window} shows {parts}", shows, limit))

    def wait_call(self, method: str, count: int = 1, *, since: int = 0, ok: bool = True) -> dict[str, Any]:
        """Until a method was answered `count` times; the last of those answers (never its value)."""

        def found() -> Any:
            calls = [c for c in self.ask("calls", since) if c["method"] == method and (not ok or c["error"] is None)]
            return calls[count - 1] if len(calls) >= count else None

        return dict(self.until(f"call {method}", found))

    def wait_value(self, window: str, selector: str, value: str) -> None:
        """Until a field holds `value`."""
        script = f"document.querySelector({json.dumps(selector)}).value"
        self.until(f"{selector} holds what was typed", lambda: self.js(window, script) == value)

    def wait_painted(self, window: str, display: Display, file: Path) -> None:
        """Until the screen shows the same picture of more than one colour twice, then save it: frames paint on
        their own clock, and no event says when they have."""
        pictures: list[bytes] = []

        def still() -> bool:
            self.js(window, "new Promise(done => requestAnimationFrame(done)) && true")
            picture = display.picture()
            pictures.append(picture.rgb)
            return picture.colours() > 1 and len(pictures) > 8 and pictures[-1] == pictures[-8]

        self.until(f"{window} painted", still)
        display.screenshot(file)

    def calls_so_far(self) -> int:
        return len(self.ask("calls", 0))

    # --- doing --------------------------------------------------------------------------------

    def click(self, window: str, selector: str) -> None:
        """Click through the DOM, once the element is there, shown and enabled."""
        quoted = json.dumps(selector)
        self.until(
            f"{selector} in {window}",
            lambda: self.js(
                window,
                f"(()=>{{const e=document.querySelector({quoted});"
                "return !!e && !e.disabled && !!e.getClientRects().length})()",
            ),
        )
        self.js(window, f"(document.querySelector({quoted}).click(), true)")

    def fill(self, window: str, selector: str, text: str) -> None:
        """Put text into a field as typing does: value, input event, change event."""
        quoted, value = json.dumps(selector), json.dumps(text)
        self.until(f"{selector} in {window}", lambda: self.js(window, f"!!document.querySelector({quoted})"))
        self.js(
            window,
            f"(()=>{{const e=document.querySelector({quoted}); e.focus(); e.value={value};"
            "e.dispatchEvent(new Event('input',{bubbles:true}));"
            "e.dispatchEvent(new Event('change',{bubbles:true})); return true})()",
        )

    def focus_field(self, window: str, selector: str) -> None:
        self.js(window, f"(document.querySelector({json.dumps(selector)}).focus(), true)")

    def xdotool(self, *arguments: str) -> str:
        """A real key or click on the virtual screen."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout.strip()

    def raise_window(self, title: str) -> str:
        """Give a window the keyboard (there is no window manager on the virtual screen); its X id."""
        found: str = self.until(
            f"X window {title!r}",
            lambda: self._search(title),
        )
        self.xdotool("windowfocus", "--sync", found)
        return found

    def _search(self, title: str) -> str:
        done = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", title],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        lines = done.stdout.split()
        return lines[-1] if lines else ""

    def type_keys(self, title: str, text: str) -> None:
        """Type on the keyboard into whatever has the focus in the window with that title."""
        self.raise_window(title)
        self.xdotool("type", "--delay", "8", "--", text)

    def press(self, title: str, *keys: str) -> None:
        self.raise_window(title)
        self.xdotool("key", "--delay", "30", *keys)
