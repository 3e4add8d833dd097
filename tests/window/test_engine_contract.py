"""One contract for the adapters of all four engines, each in a process with a window of the real shell.

GTK and Qt are driven for real. For Windows and macOS it is their adapters that are real, on recorded stand-ins of what
vendors make; what they promise beside is asked below in the vendors' words. The same promises of GTK and Qt are shown
in real windows by test_lockdown, test_dictation, test_proxy, test_recovery and test_flow.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from desktop.window.engine import keys_of
from desktop.window.user_activation import LIMIT, Claim
from tests.rig.display import Display
from tests.rig.driver import Driver
from tests.rig.engine_bench import COMPONENT, PROXY
from tests.window.conftest import ENGINES, missing

if sys.platform == "win32":
    pytest.skip("the processes are driven over descriptors that POSIX hands on", allow_module_level=True)

REAL = [pytest.param(name, marks=pytest.mark.window) for name in sorted(ENGINES)]
MODULE = "tests.rig.engine_bench"


@pytest.fixture(params=[*REAL, "edgechromium", "cocoa"])
def bench(request: pytest.FixtureRequest) -> Iterator[Driver]:
    name, environ = str(request.param), dict(os.environ)
    if name in ENGINES:
        if not ENGINES[name]():
            missing(f"the engine {name} is not installed")
        screen: Display = request.getfixturevalue("screen")
        environ |= {"DISPLAY": screen.name, "GDK_BACKEND": "x11", "QT_QPA_PLATFORM": "xcb"}
        environ |= {"QTWEBENGINE_DISABLE_SANDBOX": "1"} if os.geteuid() == 0 else {}
    with Driver(name, (), environ, module=MODULE) as driver:
        driver.until("the window is shown", lambda: driver.ask("shown"))
        yield driver


@pytest.fixture
def windows() -> Iterator[Driver]:
    with Driver("edgechromium", module=MODULE) as driver:
        driver.until("the window is shown", lambda: driver.ask("shown"))
        yield driver


@pytest.fixture
def mac() -> Iterator[Driver]:
    with Driver("cocoa", module=MODULE) as driver:
        driver.until("the window is shown", lambda: driver.ask("shown"))
        yield driver


def heard(driver: Driver, what: str) -> list[Any]:
    return [told[1:] for told in driver.ask("told") if told[0] == what]


# --- every engine ---------------------------------------------------------------------------------


def test_a_window_opens_where_it_was_and_says_so_in_whole_pixels(bench: Driver) -> None:
    place = bench.until("it is there", lambda: (p := bench.ask("place"))["width"] == 640 and p)
    assert (place["width"], place["height"]) == (640, 500)
    assert place["types"] == ["bool", "int"]
    assert not place["maximized"]
    if bench.engine in ("edgechromium", "cocoa"):  # a window manager may add its frame
        assert (place["x"], place["y"]) == (60, 80)
    screens = bench.ask("screens")
    assert screens
    assert {type(value) for screen in screens for value in screen} == {int}


def test_the_zoom_of_the_settings_holds_from_the_start_and_changes(bench: Driver) -> None:
    bench.until("the settings' zoom is there", lambda: abs(bench.ask("zoom") - 1.25) < 0.01)
    assert abs(bench.ask("zoom", 0.8) - 0.8) < 0.01


def test_light_and_dark_are_taken_from_the_settings(bench: Driver) -> None:
    assert bench.ask("scheme", "dark") is True
    assert bench.ask("scheme", "light") is False
    assert bench.ask("scheme", "system") in (True, False)


def test_the_menu_is_the_apps_with_its_keys(bench: Driver) -> None:
    assert bench.ask("menu") == [
        [
            "Chat",
            [
                ["New & old", "Ctrl+N"],
                ["All chats", "Ctrl+Shift+F"],
                None,
                ["Settings", "Ctrl+,"],
                ["No key", ""],
            ],
        ],
        ["View", [["Larger", "Ctrl++"], ["Smaller", "Ctrl+-"], ["As made", "Ctrl+0"]]],
        ["Help", [["Help", "F1"]]],
    ]


def test_its_keys_do_what_the_menu_does_and_others_nothing(bench: Driver) -> None:
    for shortcut in ("Ctrl+N", "Ctrl+Shift+F", "Ctrl+,", "Ctrl++", "Ctrl+-", "Ctrl+0", "F1"):
        assert bench.ask("press", shortcut), shortcut
    chosen = [told[0] for told in bench.ask("told") if told[0].startswith("chose")]
    assert chosen == [
        "chose new",
        "chose chats",
        "chose settings",
        "chose in",
        "chose out",
        "chose as-made",
        "chose help",
    ]
    for shortcut in ("Ctrl+A", "Ctrl+F", "Ctrl+Shift+N"):
        assert not bench.ask("press", shortcut), shortcut


def test_scripts_run_in_their_order_and_one_that_faults_silences_nobody(bench: Driver) -> None:
    scripts = [
        "document.body.dataset.said = 'a'",
        "throw new Error('a fault')",
        "document.body.dataset.said += 'b'",
        "nonsense(",
        "document.body.dataset.said += 'c'",
    ]
    said = bench.ask("push", *scripts)
    assert said == ("abc" if bench.engine in ENGINES else scripts)


def test_what_is_asked_of_the_window_thread_runs_there_and_in_order(bench: Driver) -> None:
    assert bench.ask("order") == [[0, 1, 2, 3, 4], 1]


def test_to_come_forward_hurts_no_window_that_is_there(bench: Driver) -> None:
    bench.ask("focus")
    assert bench.ask("place")["width"] == 640


def test_quit_tells_of_the_closing_and_the_loop_ends(bench: Driver) -> None:
    bench.ask("close_all")
    bench.until("the loop has ended", lambda: heard(bench, "ended"))
    assert [told for told in bench.ask("told") if told[0] != "ending"] == [["closing", True], ["closed"], ["ended"]]


# --- WebView2 -------------------------------------------------------------------------------------


def test_checklist_17_permissions_are_denied_by_the_enum_that_pythonnet_wants(windows: Driver) -> None:
    for kind in ("Camera", "Geolocation", "Notifications", "ClipboardRead", "OtherSensors", "UnknownPermission"):
        asked = {"PermissionKind": kind, "Uri": f"{COMPONENT}/", "IsUserInitiated": True}
        said = windows.ask("says_of_core", "PermissionRequested", asked)
        assert (said["State"], said["SavesInProfile"]) == ("Deny", False), kind


def test_checklist_17_the_microphone_is_the_components_alone_once_for_a_click(windows: Driver) -> None:
    def ask(uri: str, by_person: bool) -> str:
        asked = {"PermissionKind": "Microphone", "Uri": uri, "IsUserInitiated": by_person}
        return str(windows.ask("says_of_core", "PermissionRequested", asked)["State"])

    assert ask(windows.ask("url"), True) == "Deny"
    assert ask("https://component.example.evil.example/", True) == "Deny"
    assert ask(f"{COMPONENT}/", False) == "Deny"
    assert ask(f"{COMPONENT}/", True) == "Allow"
    assert ask(f"{COMPONENT}/", True) == "Deny", "the same click is used up"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("RenderProcessExited", "crashed"),
        ("FrameRenderProcessExited", "crashed"),
        ("BrowserProcessExited", "lost"),
        ("RenderProcessUnresponsive", ""),
        ("GpuProcessExited", ""),
        ("UtilityProcessExited", ""),
        ("UnknownProcessExited", ""),
    ],
)
def test_only_a_process_that_shows_the_page_counts_as_its_crash(windows: Driver, kind: str, told: str) -> None:
    windows.ask("says_of_core", "ProcessFailed", {"ProcessFailedKind": kind})
    assert [one[0] for one in windows.ask("told")] == ([told] if told else [])


def test_checklist_14_the_top_frame_goes_nowhere_and_nothing_opens_for_it(windows: Driver) -> None:
    for url in ("https://evil.example/", "about:blank", "data:text/html,x", "file:///c:/x", f"{COMPONENT}/"):
        assert windows.ask("says", "navigation_start", {"Uri": url})["Cancel"] is True, url
    assert "Cancel" not in windows.ask("says", "navigation_start", {"Uri": windows.ask("url")})
    assert windows.ask("told") == []
    windows.ask("shows", "https://evil.example/")
    windows.ask("says", "source_changed", {})
    assert heard(windows, "strayed") == [[]]


def test_a_new_window_is_none_and_opens_outside_once_for_a_click(windows: Driver) -> None:
    def ask(url: str, by_person: bool) -> None:
        said = windows.ask("says", "new_window_request", {"Uri": url, "IsUserInitiated": by_person})
        assert said["Handled"] is True

    ask("https://a.example/", False)
    ask("https://b.example/", True)
    ask("https://c.example/", True)
    assert heard(windows, "open_outside") == [["https://b.example/"]]


@pytest.mark.parametrize(("chosen", "goes_to"), [("D:\\taken\\notes.md", "D:\\taken\\notes.md"), (None, None)])
def test_checklist_16_a_download_asks_where(windows: Driver, chosen: str | None, goes_to: str | None) -> None:
    windows.ask("chooses", chosen)
    windows.ask("says", "download_starting", {"ResultFilePath": "C:\\Users\\川\\Downloads\\notes.md"})
    said = windows.ask("afterwards")
    assert windows.ask("dialogs") == [["Save file", "C:\\Users\\川\\Downloads", "notes.md"]]
    assert said["deferral"] == {"completed": True}
    assert said.get("Cancel", False) is (goes_to is None)
    assert goes_to is None or said["ResultFilePath"] == goes_to
    again = windows.ask("says", "download_starting", {"ResultFilePath": "C:\\x"})
    assert again["Cancel"] is True, "a script that goes on asks nothing"


def test_a_page_that_does_not_come_is_said_and_one_that_was_stopped_is_not(windows: Driver) -> None:
    for status in ("OperationCanceled", "CannotConnect"):
        windows.ask("says", "navigation_completed", {"IsSuccess": False, "WebErrorStatus": status})
    assert heard(windows, "failed") == [[]]
    windows.ask("plain", "<p>not loaded</p>")
    assert "Cancel" not in windows.ask("says", "navigation_start", {"Uri": "data:text/html;charset=utf-8,x"})
    windows.ask("says", "navigation_start", {"Uri": windows.ask("url")})
    assert windows.ask("says", "navigation_start", {"Uri": "data:text/html,x"})["Cancel"] is True


def test_an_engine_that_does_not_start_is_said(windows: Driver) -> None:
    windows.ask("says", "webview_ready", {"IsSuccess": False, "InitializationException": "no folder"})
    assert heard(windows, "lost") == [[]]


def test_an_engine_that_can_not_be_locked_down_shows_nothing(windows: Driver) -> None:
    windows.ask("is_another_version")
    assert heard(windows, "lost") == [[]]


def test_checklist_22_the_settings_proxy_is_the_engines_and_alone_learns_who_asks(windows: Driver) -> None:
    assert windows.ask("arguments") == f"--proxy-server={PROXY.address}"
    other = windows.ask("says_of_core", "BasicAuthenticationRequested", {"Uri": "http://evil.example:3128/"})
    assert (other["Cancel"], other["Response"]) == (True, {})
    for _ in range(3):
        ours = windows.ask("says_of_core", "BasicAuthenticationRequested", {"Uri": f"{PROXY.address}/"})
        assert ours["Response"] == {"UserName": "fern", "Password": "a secret"}
    over = windows.ask("says_of_core", "BasicAuthenticationRequested", {"Uri": f"{PROXY.address}/"})
    assert (over["Cancel"], over["Response"]) == (True, {}), "wrong words are not said for ever"


def test_checklist_07_what_is_typed_into_a_page_is_kept_by_no_engine(windows: Driver) -> None:
    windows.ask("scheme", "dark")
    assert windows.ask("settings") == {
        "IsBuiltInErrorPageEnabled": False,
        "IsGeneralAutofillEnabled": False,
        "IsPasswordAutosaveEnabled": False,
        "PreferredColorScheme": "Dark",
    }


def test_a_minimized_window_comes_back_as_it_was_and_is_remembered_as_it_was(windows: Driver) -> None:
    kept, shown, calls = windows.ask("minimized")
    assert (kept["x"], kept["y"], kept["width"], kept["height"]) == (60, 80, 640, 500)
    assert shown == [[7, 9]], "ShowWindow, SW_RESTORE"
    assert calls == ["Show", "BringToFront", "Activate"]


def test_altgr_is_not_ctrl(windows: Driver) -> None:
    assert not windows.ask("press", "Ctrl+0", True)
    assert windows.ask("press", "Ctrl++")


# --- WKWebView ------------------------------------------------------------------------------------

CANCEL, ALLOW, DOWNLOAD = 0, 1, 2
NAVIGATES = "webView_decidePolicyForNavigationAction_decisionHandler_"
ANSWERS = "webView_decidePolicyForNavigationResponse_decisionHandler_"


def action(url: str, *, target: bool | None = True, link: bool = False, download: bool = False) -> dict[str, Any]:
    """`target`: the top frame, a frame within it, or (None) a new window."""
    frame = None if target is None else {"isMainFrame": target}
    return {"url": url, "targetFrame": frame, "navigationType": 0 if link else -1, "shouldPerformDownload": download}


def test_checklist_14_wkwebview_stays_at_home_and_opens_outside_for_a_link_alone(mac: Driver) -> None:
    home = mac.ask("url")
    assert mac.ask("asks", NAVIGATES, action(home)) == ALLOW
    assert mac.ask("asks", NAVIGATES, action(f"{COMPONENT}/", target=False)) == ALLOW, "the page's CSP says which"
    for url in ("https://evil.example/", "about:blank", "file:///etc/passwd", f"{COMPONENT}/"):
        assert mac.ask("asks", NAVIGATES, action(url, link=True)) == CANCEL, url
        assert mac.ask("asks", ANSWERS, {"url": url, "isForMainFrame": True, "canShowMIMEType": True}) == CANCEL, url
    assert heard(mac, "open_outside") == []
    for url, link in (("https://a.example/", False), ("https://b.example/", True), ("https://c.example/", True)):
        assert mac.ask("asks", NAVIGATES, action(url, target=None, link=link)) == CANCEL
    assert heard(mac, "open_outside") == [["https://b.example/"]]
    mac.ask("shows", "https://evil.example/")
    mac.ask("tells", "webView_didCommitNavigation_", None)
    assert heard(mac, "strayed") == [[]]


def test_checklist_17_wkwebview_gives_no_camera_and_no_microphone(mac: Driver) -> None:
    ask = "webView_requestMediaCapturePermissionForOrigin_initiatedByFrame_type_decisionHandler_"
    assert [mac.ask("asks", ask, None, None, kind) for kind in (0, 1, 2)] == [2, 2, 2]


def test_checklist_16_a_download_of_wkwebview_asks_where(mac: Driver) -> None:
    assert mac.ask("asks", NAVIGATES, action("blob:x", link=True, download=True)) == DOWNLOAD
    assert mac.ask("asks", NAVIGATES, action("blob:x", link=True, download=True)) == CANCEL, "one for a click"
    assert mac.ask("asks", ANSWERS, {"url": "x", "isForMainFrame": False, "canShowMIMEType": True}) == ALLOW
    assert mac.ask("downloads", "notes.md", "/Users/fern/notes.md") == [
        ["notes.md"],
        ["file:///Users/fern/notes.md"],
        "file:///Users/fern/notes.md",
    ]
    assert mac.ask("downloads", "other.md", None)[2] is None


def test_checklist_24_wkwebview_keeps_nothing_on_the_disk(mac: Driver) -> None:
    assert mac.ask("is_stored") is False


def test_what_comes_after_the_loop_is_done_before_cmd_q_ends_the_process(mac: Driver) -> None:
    mac.ask("terminates")
    assert mac.ask("told") == [["closing", True], ["ending"]]


def test_wkwebview_says_what_did_not_come_and_what_has_crashed(mac: Driver) -> None:
    failed = "webView_didFailProvisionalNavigation_withError_"
    for code in (-999, 102, -1004):
        mac.ask("tells", failed, None, {"code": code})
    assert heard(mac, "failed") == [[]]
    mac.ask("tells", "webViewWebContentProcessDidTerminate_")
    assert heard(mac, "crashed") == [[]]
    mac.ask("plain", "<p>not loaded</p>")
    assert mac.ask("push", "1")[-2:] == ["html <p>not loaded</p>", "1"]


def test_a_minimized_window_of_macos_comes_back(mac: Driver) -> None:
    assert mac.ask("minimized") == [False, ["front"], True]


# --- what they share ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shortcut", "held", "key"),
    [
        ("Ctrl+N", {"Ctrl"}, "N"),
        ("Ctrl+Shift+F", {"Ctrl", "Shift"}, "F"),
        ("Ctrl++", {"Ctrl"}, "+"),
        ("Ctrl+Shift++", {"Ctrl", "Shift"}, "+"),
        ("Ctrl+,", {"Ctrl"}, ","),
        ("F1", set(), "F1"),
        ("F5", set(), "F5"),
    ],
)
def test_keys_are_read_as_they_are_written(shortcut: str, held: set[str], key: str) -> None:
    assert keys_of(shortcut) == (frozenset(held), key)


def test_what_an_engine_says_of_a_person_lets_one_thing_through_at_a_time() -> None:
    now = 0.0
    claim = Claim(lambda: now)
    assert not claim.take(False)
    assert claim.take(True)
    now = LIMIT - 0.1
    assert not claim.take(True)
    now = LIMIT + 0.1
    assert claim.take(True)
