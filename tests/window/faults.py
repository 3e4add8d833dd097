"""The table of faults a person may meet: how each comes about over real HTTP, which sentence explains it, how it ends.

Each is met once on each engine by test_faults.py. Knows the stand-ins and the app's words; opens no window.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from desktop.common.errors import Phrase
from desktop.common.locations import command_name
from desktop.openai_api.lifetime import workflows_over
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.standins.api import KEY, WORKFLOW, ApiStandIn
from tests.standins.gate import Gate
from tests.standins.proxy import ProxyStandIn
from tests.standins.tls import KINDS, Authority

SESSIONS = "/chatkit/sessions"
ANOTHER_KEY = "sk-standin-another-0123456789abcdefghijklmnopqrstuvwxyz"
WRONG_KEY = "sk-standin-wrong-0123456789abcdefghijklmnopqrstuvwxyz"
OTHER_WORKFLOW = "wf_standin0002"


class World:
    """One app and all it talks to, each behind a gate of its own: an address stays when what is there changes."""

    def __init__(self, scene: Scene, things: ExitStack) -> None:
        self.scene = scene
        self.api, self.component = scene.api, scene.component
        self.gate = things.enter_context(Gate())
        self.component_gate = things.enter_context(Gate())
        self.proxy_gate = things.enter_context(Gate())
        self.proxy = things.enter_context(ProxyStandIn())
        authority = Authority()
        self.ca_file = str(authority.write(scene.folder / "ca.pem"))
        self.tls = {kind: things.enter_context(ApiStandIn(tls=authority.context(kind))) for kind in KINDS}
        for standin in self.tls.values():
            standin.world = self.api.world  # one API behind every certificate
        self.app: Driver
        self._changed: set[str] = set()
        self.well()

    # --- addresses ------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.gate.port}"

    @property
    def tls_base(self) -> str:
        return f"https://localhost:{self.gate.port}"

    @property
    def component_url(self) -> str:
        return self.component.url.replace(f":{self.component.port}", f":{self.component_gate.port}")

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy_gate.port}"

    # --- changing the world ---------------------------------------------------------------------

    def well(self) -> None:
        """Nothing outside the app is broken."""
        self.api.heal()
        self.api.world.keys = None
        self.component.heal()
        self.gate.open(self.api.port)
        self.component_gate.open(self.component.port)
        self.proxy_gate.open(self.proxy.port)
        self.proxy.user, self.proxy.broken = "", ""

    def settings_well(self) -> None:
        """The app's settings as at the start."""
        if self._changed:
            self.app.ask("update", {name: self.base if name == "network.api_base" else None for name in self._changed})
            self._changed.clear()

    def network(self, **changes: Any) -> None:
        """Save settings below `network` in the running app."""
        self.app.ask("update", {f"network.{name}": value for name, value in changes.items()})
        self._changed |= {f"network.{name}" for name in changes}

    def live_secrets(self) -> set[str]:
        """The client secrets that still work."""
        return {one["client_secret"] for one in self.api.snapshot()["sessions"] if one["status"] == "active"}

    def secrets(self) -> set[str]:
        """Every client secret ever made."""
        return {one["client_secret"] for one in self.api.snapshot()["sessions"]}


Doing = Callable[[World], object]
Values = Callable[[World], Mapping[str, object]]


def _nothing(_world: World) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """One row. `says`: an error's code, or the full key of a text. The world is well again after `heal`."""

    name: str
    says: str
    provoke: Doing = _nothing
    values: Values = lambda _world: {}
    heal: Doing = World.well
    typed: Mapping[str, str] = field(default_factory=dict)
    """What the person gets wrong on the first page (key, workflow, version); put right when healing."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """The chat page's times while the fault lasts (pages.chat.Limits)."""
    way: Literal["retry", "set up", "by itself"] = "retry"
    """How a person gets on from the chat page."""
    look: Doing = _nothing
    """Whatever else has to be true while the fault lasts."""


# --- how faults come about ----------------------------------------------------------------------


def answers(name: str, **params: Any) -> Doing:
    return lambda world: world.api.fail(name, on=SESSIONS, **params)


def component(name: str, **params: Any) -> Doing:
    return lambda world: world.component.fail(name, **params)


def silence(world: World) -> None:
    world.network(timeout_seconds=1)
    world.gate.hold()


def dribble(world: World) -> None:
    world.network(timeout_seconds=1)
    world.api.fail("dribble", on=SESSIONS, seconds=0.2)


def certificate(kind: Literal["self_signed", "wrong_host", "expired", "not_yet_valid"]) -> Doing:
    def provoke(world: World) -> None:
        world.network(api_base=world.tls_base, ca_file=world.ca_file)
        world.gate.open(world.tls[kind].port)

    return provoke


def good_certificate(world: World) -> None:
    world.gate.open(world.tls["good"].port)


def plain_http(world: World) -> None:
    """The address says https, and what answers there does not speak it."""
    world.network(api_base=world.tls_base, ca_file=world.ca_file)


def ca_file_gone(world: World) -> None:
    world.network(api_base=world.tls_base, ca_file=f"{world.ca_file}.gone")
    world.gate.open(world.tls["good"].port)


def ca_file_back(world: World) -> None:
    world.network(ca_file=world.ca_file)


def proxy(broken: Literal["", "refuses", "closes", "hangs"] = "", *, closed: bool = False, user: str = "") -> Doing:
    def provoke(world: World) -> None:
        world.network(proxy=world.proxy_url, timeout_seconds=1 if broken == "hangs" else 20)
        world.proxy.broken, world.proxy.user, world.proxy.password = broken, user, "secret"
        if closed:
            world.proxy_gate.close()

    return provoke


def name_not_known(host: str) -> Doing:
    """A name that can't be looked up; the wall around the app answers in place of a resolver (rig/wall.py)."""
    return lambda world: world.network(api_base=f"https://{host}")


def name_known(world: World) -> None:
    world.network(api_base=world.base)


def openais_own_keys(world: World) -> None:
    """Keys are looked at as OpenAI's. Were one sent all the same, it would end at the wall around the app."""
    world.network(api_base=None)


def any_key(world: World) -> None:
    world.network(api_base=world.base)


def folder_shut(world: World) -> None:
    """Nothing can be made in the profile's folder any more. Root may write everywhere, but not where nobody may."""
    if os.geteuid() != 0:
        world.scene.profile.chmod(0o500)
    elif subprocess.run(["chattr", "+i", world.scene.profile], capture_output=True, timeout=60).returncode != 0:
        pytest.skip("root can write to every folder of this file system")


def folder_open(world: World) -> None:
    if os.geteuid() != 0:
        world.scene.profile.chmod(0o700)
    else:
        subprocess.run(["chattr", "-i", world.scene.profile], capture_output=True, timeout=60)


def settings_taken_away(world: World) -> None:
    """There is a folder where the settings were."""
    settings = world.scene.profile / "settings.json"
    settings.rename(settings.with_suffix(".away"))
    settings.mkdir()


def settings_back(world: World) -> None:
    settings = world.scene.profile / "settings.json"
    if settings.is_dir():
        settings.rmdir()
        settings.with_suffix(".away").rename(settings)
        world.app.ask("update", {"zoom": None})  # they are read again before the next change


def key_revoked(world: World) -> None:
    """The key that is stored is accepted no longer; another one is."""
    world.api.world.keys = {ANOTHER_KEY}


def revoked_no_more(_world: World) -> None:
    """Nothing changes at OpenAI: another key is what helps."""


def never_worked(world: World) -> None:
    world.app.ask("update", {f"workflow_worked.{WORKFLOW}": None})
    world.api.fail("workflow_not_found", on=SESSIONS)


def other_origin(world: World) -> None:
    """The same API under a name that no key was entered for."""
    world.network(api_base=world.base.replace("127.0.0.1", "localhost"))


def no_agent(world: World) -> None:
    world.app.ask("update", {"agents": None, "active_agent": None})


def some_chats(doing: Doing) -> Doing:
    """Three chats of the user's, one of another, and then the fault."""

    def provoke(world: World) -> None:
        mine = world.api.snapshot()["sessions"][-1]["user"]
        with world.api.world.lock:
            for title in ("Plans", "Holidays", "Taxes"):
                world.api.world.add_thread(mine, title, messages=4)
            world.api.world.add_thread("user_of_somebody_else", "Not mine", messages=2)
        doing(world)

    return provoke


def archived(world: World) -> None:
    """The gone page's own way out works while the workflow is gone: the person's chats are files, nobody else's."""
    app, folder = world.app, world.scene.profile / "archive"
    app.click("chat", "#archive-start")
    app.until("the archive is done", lambda: app.js("chat", "!document.querySelector('#archive-result').hidden"))
    mine = world.api.snapshot()["sessions"][-1]["user"]
    expected = {one["id"] for one in world.api.snapshot()["threads"] if one["user"] == mine}
    kept = "\n".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.json"))
    assert len(expected) >= 3
    assert all(thread in kept for thread in expected), app.text("chat")
    assert "Not mine" not in kept
    assert list(folder.rglob("*.html"))


# --- in a chat that is open ------------------------------------------------------------------------


def expires(doing: Doing) -> Doing:
    """The secret runs out, and the next one meets the fault."""

    def provoke(world: World) -> None:
        doing(world)
        world.component.do("expire_secret_now")

    return provoke


def component_does(name: str) -> Doing:
    return lambda world: world.component.do(name)


def crash_twice(world: World) -> None:
    """Once is repaired without a word; the second time within a minute is explained."""
    since = world.app.calls_so_far()
    world.app.ask("crash", "chat")
    world.app.wait_call("chat.ready", since=since)
    world.app.ask("crash", "chat")


# --- what sentences are filled with -----------------------------------------------------------------


def given(**values: object) -> Values:
    return lambda _world: values


HOST = given(host="127.0.0.1")
SILENT_HOST = given(host="127.0.0.1", seconds=1)
TLS_HOST = given(host="localhost")
THE_WORKFLOW = given(workflow=WORKFLOW)
ANY_PROBLEM = given(problem="")
"""The component's own words follow; they differ from engine to engine."""


def of_proxy(world: World) -> Mapping[str, object]:
    return {"host": "127.0.0.1", "proxy": world.proxy_url}


def of_component(world: World) -> Mapping[str, object]:
    return {"host": f"127.0.0.1:{world.component_gate.port}"}


UNREACHED = given(command=f"dbus-run-session -- {command_name()}")


def key_problem(name: str, **values: object) -> Values:
    return given(problem=Phrase(f"problems.key.{name}", values))


def refused(status: int, text: str) -> Values:
    return given(status=status, problem=text)


def never_found() -> str:
    """A workflow that never worked is not found, and after the last day of workflows it is gone."""
    return "workflow_gone" if workflows_over(datetime.now(UTC).date()) else "workflow_not_found"


LONG_LABEL = "a" * 64 + ".invalid"
NOWHERE = "no-such-name.invalid"
NOBODYS = "wf_nobody_made_this"

# --- the table --------------------------------------------------------------------------------------

FIRST_PAGE = (
    # what was typed
    Fault("the key field is empty", "setup.key_empty", openais_own_keys, heal=any_key, typed={"key": "   "}),
    Fault("a workflow id as key", "key_shape", values=key_problem("workflow_id"), typed={"key": WORKFLOW}),
    Fault("a client secret as key", "key_shape", values=key_problem("client_secret"), typed={"key": "ek_68a_b"}),
    Fault("a masked copy of the key", "key_shape", values=key_problem("masked"), typed={"key": "sk-proj-…wxyz"}),
    Fault("two keys at once", "key_shape", values=key_problem("spaces"), typed={"key": f"{KEY} {KEY}"}),
    Fault("a key cut off", "key_shape", openais_own_keys, key_problem("too_short"), any_key, {"key": "sk-abc"}),
    Fault(
        "another service's key",
        "key_shape",
        openais_own_keys,
        key_problem("other_service", service="Anthropic"),
        any_key,
        {"key": "sk-ant-api03-0123456789abcdef"},
    ),
    Fault("no workflow id", "setup.workflow_empty", typed={"workflow": " "}),
    Fault("a key as workflow id", "setup.workflow_is_key", typed={"workflow": KEY}),
    Fault("a workflow id without wf_", "setup.workflow_no_prefix", typed={"workflow": "68a1b2c3d4"}),
    Fault("a workflow id cut off", "setup.workflow_short", typed={"workflow": "wf_a"}),
    Fault("a workflow id with other characters", "setup.workflow_bad_chars", typed={"workflow": "wf_abc/def"}),
    Fault("the version latest", "setup.version_latest", typed={"version": "latest"}),
    Fault("a version that is no number", "setup.version_shape", typed={"version": "newest"}),
    # OpenAI says no
    Fault("key rejected", "key_rejected", typed={"key": WRONG_KEY}),
    Fault("key restricted", "key_restricted", answers("key_restricted")),
    Fault("workflow not found", never_found(), values=given(workflow=NOBODYS), typed={"workflow": NOBODYS}),
    Fault(
        "a version that is not there",
        "request_rejected",
        answers("bad_request"),
        refused(400, "Invalid value for 'workflow.version'."),
        typed={"version": "999"},
    ),
    Fault("rate limited", "rate_limited", answers("rate_limited_no_header")),
    Fault("rate limited, with a time to wait", "rate_limited", answers("rate_limited")),
    Fault("quota used up", "quota_exceeded", answers("quota_exceeded")),
    Fault("server error 500", "service_down", answers("server_error_500"), given(status=500)),
    Fault("server error 503", "service_down", answers("server_error_503"), given(status=503)),
    Fault("bad gateway with a page", "service_down", answers("overloaded_html_502"), given(status=502)),
    Fault("nested error: text", "request_rejected", answers("nested_error_string"), refused(400, "nested text one")),
    Fault(
        "nested error: details", "request_rejected", answers("nested_details_string"), refused(400, "nested text two")
    ),
    Fault(
        "nested error: details.error",
        "request_rejected",
        answers("nested_details_error"),
        refused(400, "nested text three"),
    ),
    Fault(
        "nested error: details.error.message",
        "request_rejected",
        answers("nested_details_error_message"),
        refused(400, "nested text four"),
    ),
    Fault("nested error: message", "request_rejected", answers("nested_message"), refused(400, "nested text five")),
    # no usable answer
    Fault("connection refused", "connection_refused", lambda world: world.gate.close(), HOST),
    Fault("no answer", "timed_out", silence, SILENT_HOST),
    Fault("an answer that does not end", "timed_out", dribble, given(host="127.0.0.1", seconds=3)),
    Fault("connection reset", "connection_lost", answers("reset"), HOST),
    Fault("connection reset within the answer", "connection_lost", answers("reset_midway"), HOST),
    Fault("answer cut short", "bad_answer", answers("truncated"), HOST),
    Fault("answer is not JSON", "bad_answer", answers("not_json"), HOST),
    Fault("answer is something else", "bad_answer", answers("json_but_wrong"), HOST),
    Fault("answer is empty", "bad_answer", answers("empty_body"), HOST),
    Fault("redirect to itself", "bad_answer", answers("redirect_same"), HOST),
    Fault(
        "name not found",
        "name_not_found",
        name_not_known(NOWHERE),
        given(host=NOWHERE),
        name_known,
    ),
    Fault("name impossible", "name_not_found", name_not_known(LONG_LABEL), given(host=LONG_LABEL), name_known),
    # a network in between
    Fault("captive portal", "captive_portal", answers("html_200"), HOST),
    Fault("captive portal that forbids", "captive_portal", answers("html_403"), HOST),
    Fault("captive portal that redirects", "captive_portal", answers("redirect_elsewhere"), HOST),
    Fault("network sign-in required (511)", "captive_portal", answers("511"), HOST),
    Fault("certificate self-signed", "tls_untrusted", certificate("self_signed"), TLS_HOST, good_certificate),
    Fault("certificate of another host", "tls_wrong_host", certificate("wrong_host"), TLS_HOST, good_certificate),
    Fault("certificate expired", "clock_wrong", certificate("expired"), TLS_HOST, good_certificate),
    Fault("certificate not yet valid", "clock_wrong", certificate("not_yet_valid"), TLS_HOST, good_certificate),
    Fault("https where none is spoken", "tls_plain", plain_http, TLS_HOST, good_certificate),
    Fault(
        "certificate file gone",
        "file_unreadable",
        ca_file_gone,
        lambda world: {"path": f"{world.ca_file}.gone", "problem": "No such file or directory"},
        ca_file_back,
    ),
    Fault("clock wrong", "clock_wrong", answers("wrong_clock"), HOST),
    Fault("proxy not there", "proxy_failed", proxy(closed=True), of_proxy),
    Fault("proxy asks for a password", "proxy_auth", proxy(user="ann"), of_proxy),
    Fault("proxy closes the connection", "proxy_failed", proxy("closes"), of_proxy),
    Fault("proxy says nothing", "proxy_failed", proxy("hangs"), of_proxy),
    # this computer
    Fault(
        "settings can not be written",
        "settings_unwritable",
        folder_shut,
        lambda world: {"path": str(world.scene.profile / "settings.json")},
        folder_open,
        {"workflow": OTHER_WORKFLOW},
    ),
    Fault(
        "settings can not be read",
        "file_unreadable",
        settings_taken_away,
        lambda world: {"path": str(world.scene.profile / "settings.json"), "problem": "not a file"},
        settings_back,
        {"workflow": OTHER_WORKFLOW},
    ),
)
"""Met while the key and the workflow are checked."""

CHAT = (
    Fault("key rejected", "key_rejected", key_revoked, heal=revoked_no_more, way="set up"),
    Fault("key restricted", "key_restricted", answers("key_restricted")),
    Fault("no session bus to ask for the key over", "keyring_unreached", other_origin, values=UNREACHED, way="set up"),
    Fault("agent missing", "agent_not_set", no_agent, way="set up"),
    Fault("workflow never found", never_found(), never_worked, THE_WORKFLOW),
    Fault("workflow gone 404", "workflow_gone", some_chats(answers("workflow_gone_404")), THE_WORKFLOW, look=archived),
    Fault("workflow gone 403", "workflow_gone", some_chats(answers("workflow_gone_403")), THE_WORKFLOW, look=archived),
    Fault("workflow gone 410", "workflow_gone", some_chats(answers("workflow_gone_410")), THE_WORKFLOW, look=archived),
    Fault("quota used up", "quota_exceeded", answers("quota_exceeded")),
    Fault("rate limited", "rate_limited", answers("rate_limited_no_header")),
    Fault("request rejected", "request_rejected", answers("bad_request"), given(status=400, problem="Invalid value")),
    Fault("server error 500", "service_down", answers("server_error_500"), given(status=500)),
    Fault(
        "server error that passes",
        "service_down",
        answers("server_error_503"),
        given(status=503),
        limits={"backoff": [1]},
        way="by itself",
    ),
    Fault("connection refused", "connection_refused", lambda world: world.gate.close(), HOST),
    Fault("no answer", "timed_out", silence, SILENT_HOST),
    Fault("connection reset", "connection_lost", answers("reset"), HOST),
    Fault("answer cut short", "bad_answer", answers("truncated"), HOST),
    Fault("captive portal", "captive_portal", answers("html_200"), HOST),
    Fault("clock wrong", "clock_wrong", answers("wrong_clock"), HOST),
    Fault("proxy not there", "proxy_failed", proxy(closed=True), of_proxy),
    Fault("proxy asks for a password", "proxy_auth", proxy(user="ann"), of_proxy),
    # the component
    Fault("script not found", "component_unreachable", component("script_404"), of_component),
    Fault("script's host refuses", "component_unreachable", lambda world: world.component_gate.close(), of_component),
    Fault("script hangs", "component_late", component("script_hangs"), given(seconds=1), limits={"ready_ms": 1000}),
    Fault("script broken", "component_unreachable", component("script_syntax_error"), of_component),
    Fault("script cut short", "component_unreachable", component("script_cut"), of_component),
    Fault("options refused", "component_failed", component("throws_on_options"), ANY_PROBLEM),
    Fault("never ready", "component_late", component("never_ready"), given(seconds=1), limits={"ready_ms": 1000}),
    Fault(
        "ready late",
        "component_late",
        component("late_ready", ms=9000),
        given(seconds=1),
        limits={"ready_ms": 1000},
        way="by itself",
    ),
    Fault("frame not found", "component_late", component("frame_404"), given(seconds=1), limits={"ready_ms": 1000}),
    Fault(
        "component's own error",
        "component_failed",
        component("error_before_ready", message="The workflow could not be started."),
        given(problem="FatalAppError: The workflow could not be started."),
    ),
    Fault("address refused by the component", "component_blank", component("domain_gate")),
    Fault("blanked without a word", "component_blank", component("domain_gate", silent=True)),
)
"""Met while the chat is loaded."""

OPEN_CHAT = (
    Fault("a new secret refused for a while", "service_down", expires(answers("server_error_500")), given(status=500)),
    Fault("the key is revoked", "key_rejected", expires(key_revoked), heal=revoked_no_more, way="set up"),
    Fault("the frame is taken away", "component_blank", component_does("iframe_gone"), limits={"blank_ms": 60_000}),
    Fault(
        "the address check blanks the chat",
        "component_blank",
        component_does("domain_gate"),
        limits={"blank_ms": 60_000},
    ),
    Fault("the page's process crashes twice", "renderer_crashed", crash_twice),
)
"""Met while a chat is there that has worked."""


# --- met at the start -------------------------------------------------------------------------------


@dataclass(frozen=True)
class StartFault:
    """One row of what is wrong before the app has begun. The sentence stands on the first page; from there a person
    gets to a chat."""

    name: str
    says: str
    settings: str = ""
    """What is in the settings file."""
    values: Callable[[Scene], Mapping[str, object]] = lambda _scene: {}
    environ: Mapping[str, str] = field(default_factory=dict)
    left: Callable[[Scene], bool] = lambda _scene: True
    """What has to be true of the folder when the chat works."""
    saving: Callable[[Scene], object] | None = None
    """Where nothing can be saved with this fault: how it ends."""


def kept_aside(scene: Scene) -> list[Path]:
    return sorted(scene.profile.glob("settings.damaged-*.json"))


def damaged(text: str, name: str) -> StartFault:
    return StartFault(
        name,
        "settings_damaged",
        text,
        lambda scene: {"kept": kept_aside(scene)[0].name},
        left=lambda scene: [file.read_text(encoding="utf-8") for file in kept_aside(scene)] == [text],
    )


def bad_setting(name: str, says: Phrase, text: str, title: str) -> StartFault:
    return StartFault(
        f"bad setting {name}",
        "settings_invalid",
        text,
        lambda _scene: {
            "name": name,
            "problem": says,
            "title": Phrase(f"settings_names.{name}", fallback=title),
            "where": Phrase("problems.layer.settings"),
        },
        left=lambda scene: name.rsplit(".", 1)[1] in (scene.profile / "settings.json").read_text(encoding="utf-8"),
    )


NEWER = '{"version": 99, "agents": [{"kind": "of tomorrow"}]}'

START = (
    damaged('{"agents": [{"workflow_', "settings file cut short"),
    damaged("\x00\x01 not settings at all", "settings file of garbage"),
    damaged("[1, 2]", "settings file that is a list"),
    StartFault(
        "settings of a newer version",
        "settings_newer",
        NEWER,
        lambda _scene: {"version": 99, "known": 1},
        saving=lambda scene: (scene.profile / "settings.json").unlink(),
    ),
    bad_setting(
        "chat.colour", Phrase("problems.unknown", {"name": "colour"}), '{"chat": {"colour": 1}}', "chat.colour"
    ),
    bad_setting("network.timeout_seconds", Phrase("problems.number"), '{"network": {"timeout_seconds": "soon"}}', ""),
    bad_setting(
        "network.api_base",
        Phrase("problems.api_base_scheme"),
        '{"network": {"api_base": "http://example.com"}}',
        "",
    ),
    StartFault("no session bus", "keyring_unreached", values=UNREACHED),
    StartFault(
        "a keyring that protects nothing",
        "keyring_insecure",
        values=lambda _scene: {"backend": "keyring.backends.null"},
        environ={"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
    ),
)
"""Met by an app that has just been started."""
