"""Tests a frozen app like a person with an empty home folder, before it is released. For Linux so far.

A virtual screen, a keyring of its own, stand-ins in place of OpenAI, a proxy at a closed port between it and everything
outside. Those come from the checkout's `tests/`, which is where the same things are had for the tests.
"""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from desktop.packaging import processes, qt
from desktop.packaging.errors import ProofFailed
from desktop.packaging.plan import ROOT, Plan
from desktop.settings.agents import OPENAI_ENDPOINT
from desktop.settings.model import Settings

LIMIT = 180.0
"""Seconds one command of the app may take; a busy machine included."""
CODE = 'from agents import Agent\n\nagent = Agent(name="proof", instructions="Answer.")\n'
WORDS = "What has been packaged here?"
STARTS = 3
"""Openings of the window that are timed."""


@dataclass(frozen=True)
class Step:
    name: str
    ok: bool
    detail: str
    seconds: float


@dataclass
class Report:
    """What was looked at, in order. `start_ms`: the shortest time from the process to a usable window."""

    steps: list[Step] = field(default_factory=list)
    start_ms: int = 0

    def plain(self) -> dict[str, Any]:
        return {"start_ms": self.start_ms, "steps": [asdict(step) for step in self.steps]}


class Refused(Exception):
    """A step's finding, in words."""


class Skipped(Exception):
    """Why a step has nothing to look at in this brand."""


class Home:
    """The app and the surroundings it is started in: `command` may be a way into another system (`chroot …`)."""

    def __init__(self, command: list[str], environ: Mapping[str, str], folder: Path) -> None:
        self.command = command
        self.environ = dict(environ)
        self.folder = folder
        """A folder for files of the proof; data folders lie in it."""

    def run(self, *words: str, stdin: str = "", extra: Mapping[str, str] = {}) -> tuple[int, dict[str, Any]]:
        """One command with `--json`: exit code and its one object. Raises Refused."""
        command = [*self.command, *words, "--json"]
        try:
            done = processes.run(
                command,
                env=self.environ | dict(extra),
                sent=stdin,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"`{' '.join(words)}` had not ended after {LIMIT:.0f} s") from None
        try:
            value = json.loads(done.stdout)
        except ValueError:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Refused(f"`{' '.join(words)}` printed no JSON object: {' '.join(said[-3:])[:400]}") from None
        return done.returncode, value

    def fine(self, *words: str, stdin: str = "", extra: Mapping[str, str] = {}) -> dict[str, Any]:
        """As `run`, for what must end with 0."""
        code, value = self.run(*words, stdin=stdin, extra=extra)
        if code:
            told = value.get("error") or value.get("errors") or value
            raise Refused(f"`{' '.join(words)}` ended with {code}: {json.dumps(told)[:400]}")
        return value


class Proof:
    """All steps for one app. `say` takes a line of progress."""

    def __init__(self, plan: Plan, home: Home) -> None:
        self._plan = plan
        self._home = home
        self._brand = plan.brand
        self._settings = Settings.model_validate(plan.brand.settings)
        self.report = Report()

    def run(self) -> Report:
        """Raises ProofFailed with the first step that does not hold."""
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("doctor", self._doctor),
            ("first launch", self._first_launch),
            ("demo", self._demo),
            ("key", self._key),
            ("agent of the brand", self._brand_agent),
            ("code agent", self._code_agent),
            ("no way in", self._no_way_in),
        )
        for name, step in steps:
            began = time.monotonic()
            try:
                ok, detail = True, step()
            except Skipped as reason:
                ok, detail = True, f"nothing to look at: {reason}"
            except Refused as finding:
                ok, detail = False, str(finding)
            self.report.steps.append(Step(name, ok, detail, round(time.monotonic() - began, 1)))
            self._plan.say(f"  {name}: {detail}")
            if not ok:
                raise ProofFailed(f"What was built fails the step “{name}”: {detail}")
        return self.report

    # --- the steps -----------------------------------------------------------------------------

    def _doctor(self) -> str:
        _code, report = self._home.run("doctor")
        told = {check["name"]: check for check in report.get("checks", [])}
        checks = {name: check["ok"] for name, check in told.items()}
        if report.get("service") != self._brand.app.id:
            raise Refused(f"it is called {report.get('service')}, not {self._brand.app.id}")
        broken = [name for name in ("engine", "display", "keyring", "folders") if not checks.get(name)]
        if broken:
            raise Refused("; ".join(f"{name}: {told.get(name, {}).get('detail', 'not checked')}" for name in broken))
        return f"{sum(checks.values())} of {len(checks)} checks are fine without a network and a key"

    def _first_launch(self) -> str:
        report = self._home.fine("smoke", "--page", "any")
        _clean_page(report)
        if qt.wanted(self._plan) != (report["engine"] == "qt"):
            raise Refused(f"it opens {report['page']} with {report['engine']}")
        return f"opens {report['page']} with {report['engine']}"

    def _demo(self) -> str:
        if not self._brand.package.agents:
            raise Skipped("the brand leaves the agent stack out")
        times = []
        for _ in range(STARTS):
            started = time.time()
            report = self._home.fine("smoke", "--demo", "--say", WORDS)
            _clean_page(report)
            if not report.get("answer"):
                raise Refused("the demo agent did not answer")
            times.append(round((report["ready_at"] - started) * 1000))
        self.report.start_ms = min(times)
        return f"answers {len(report['answer'])} characters; the chat is ready after {min(times)} ms"

    def _key(self) -> str:
        from tests.standins.api import KEY, ApiStandIn

        data = self._home.folder / "key"
        with ApiStandIn() as api:
            options = [*self._api(api.base), "--data-dir", str(data), "--log-level", "DEBUG"]
            where = self._home.fine("key", "set", *options, stdin=f"{KEY}\n")
            if where.get("where") != "keyring":
                raise Refused("the key did not go into the keyring")
            self._home.run("doctor", *options)
            self._home.run("smoke", "--page", "any", *options)
            code, status = self._home.run("key", "status", *options)
            if code or not status.get("present"):
                raise Refused("the keyring does not give the key back")
            folders = [data, Path(self._home.environ["HOME"])]
            control = data / "control"
            control.write_text(f"planted {KEY}", encoding="utf-8")
            if _holding(folders, KEY) != [control]:
                others = [str(path) for path in _holding(folders, KEY) if path != control]
                raise Refused(
                    f"the key lies in {', '.join(others)}" if others else "the search missed what was planted"
                )
            control.unlink()
            self._home.fine("key", "remove", *options)
        return f"kept in {where['store']}, found nowhere on disk (a planted one was found)"

    def _brand_agent(self) -> str:
        agent = self._settings.agent()
        if agent is None or agent.kind not in ("assistant", "code"):
            raise Skipped("the brand brings no agent that runs in the app")
        if getattr(agent, "endpoint", OPENAI_ENDPOINT) != OPENAI_ENDPOINT or self._brand.is_fixed("network.api_base"):
            raise Skipped(f"“{agent.id}” speaks to an address of its own")
        return self._asked()

    def _code_agent(self) -> str:
        if not self._brand.package.agents:
            raise Skipped("the brand leaves the agent stack out")
        if self._brand.is_fixed("agents") or self._brand.is_fixed("active_agent"):
            raise Skipped("the brand fixes its agents")
        file = self._home.folder / "proof_agent.py"
        file.write_text(CODE, encoding="utf-8")
        return self._asked("--agent", str(file), "--yes")

    def _asked(self, *options: str) -> str:
        from tests.standins.models_api import KEY, Answer, ModelsApi

        with ModelsApi(key=KEY) as models:
            models.always(Answer("It answers."))
            base = [*self._api(models.base), "--data-dir", str(self._home.folder / "asked")]
            self._home.fine("key", "set", *base, stdin=f"{KEY}\n")
            answer = self._home.fine("ask", *options, *base, WORDS)
            self._home.fine("key", "remove", *base)
        if answer.get("response") != "It answers.":
            raise Refused(f"it answers {json.dumps(answer)[:200]}")
        return "answers through a model API's stand-in, with its key"

    def _no_way_in(self) -> str:
        planted = self._home.folder / "planted"
        planted.mkdir(exist_ok=True)
        trace = self._home.folder / "planted-ran"
        for name in ("planted", "sitecustomize", "usercustomize", "json", "httpx"):
            (planted / f"{name}.py").write_text(f"open({str(trace)!r}, 'w').close()\nraise SystemExit(99)\n")
        program = planted / "touch"
        program.write_text(f"#!/bin/sh\n: >{shlex.quote(str(trace))}\n")
        program.chmod(0o755)
        port = _free_port()
        extra = {
            "PYTHONPATH": str(planted),
            "PYTHONSTARTUP": str(planted / "planted.py"),
            "PYTHONINSPECT": "1",
            "PYTHONHOME": str(planted),
            "PYTHON_KEYRING_BACKEND": "planted.Keyring",
            "PYTHONDEVMODE": "1",
            "WEBKIT_INSPECTOR_SERVER": f"127.0.0.1:{port}",
            "WEBKIT_INSPECTOR_HTTP_SERVER": f"127.0.0.1:{port}",
            "QTWEBENGINE_REMOTE_DEBUGGING": str(port),
            "QTWEBENGINE_CHROMIUM_FLAGS": f"--remote-debugging-port={port} --renderer-cmd-prefix={planted}/touch",
            "QTWEBENGINEPROCESS_PATH": str(planted / "touch"),
            "QT_PLUGIN_PATH": str(planted),
            "QT_QPA_PLATFORM_PLUGIN_PATH": str(planted),
            "PYWEBVIEW_GUI": "qt",
        }
        words = ["smoke", "--page", "any", "--json"]
        answered = 0
        end = time.monotonic() + LIMIT
        with processes.started([*self._home.command, *words], env=self._home.environ | extra, stderr=None) as process:
            while process.poll() is None and time.monotonic() < end:
                with socket.socket() as probe:
                    answered += probe.connect_ex(("127.0.0.1", port)) == 0
                time.sleep(0.05)
            if process.poll() is None:
                process.kill()
            out = process.communicate()[0]
        if trace.exists():
            raise Refused("code that the environment names was run")
        if answered:
            raise Refused("an inspector listened")
        if not out or not json.loads(out).get("ok"):
            raise Refused(f"with hostile variables it opens no window: {out[:300]}")
        for words in (["--component-url", "http://127.0.0.1:9/c.js"], ["--brand", "/nowhere/brand.toml"]):
            code, _told = self._home.run("smoke", "--page", "any", *words)
            if code != 2:
                raise Refused(f"{words[0]} is not refused")
        return (
            "PYTHON* variables, keyring backend, inspectors, another component and another brand are ignored or refused"
        )

    def _api(self, base: str) -> list[str]:
        """The stand-in's address, where the brand lets anybody choose one; the key is only kept, not checked."""
        return [] if self._brand.is_fixed("network.api_base") else ["--api-base", base]


def prove(plan: Plan, executable: Path) -> Report:
    """Raises ProofFailed."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    with surroundings() as (environ, folder):
        return Proof(plan, Home([str(executable)], environ, folder)).run()


@contextmanager
def surroundings() -> Iterator[tuple[dict[str, str], Path]]:
    """The environment of somebody who has never run the app, on a virtual screen; and a folder for files."""
    from tests.rig.display import DisplayError, virtual_display
    from tests.rig.secret_service import secret_service

    folder = Path(tempfile.mkdtemp(prefix="proof-"))
    try:
        with virtual_display() as screen, secret_service() as private:
            proxy = f"http://127.0.0.1:{_free_port()}"
            closed = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy)
            named = ("OPENAI_", "CHATKIT_", "PYTHON", "VIRTUAL_ENV")
            clean = {name: value for name, value in private.items() if not name.startswith(named)}
            yield screen.environment(clean) | closed, folder
    except DisplayError as error:
        raise ProofFailed(str(error)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clean_page(report: dict[str, Any]) -> None:
    if report.get("csp_violations"):
        raise Refused(f"{report['csp_violations']} violations of the pages' security policy")


def _holding(folders: list[Path], key: str) -> list[Path]:
    """Files with the key in them, as it is or in another dress; the keyring's own, which are encrypted, included."""
    import base64
    from urllib.parse import quote

    dresses = {key.encode(), quote(key, safe="").encode(), base64.b64encode(key.encode()).rstrip(b"=")}
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in files if any(dress in path.read_bytes() for dress in dresses)]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
