"""The log: what it takes out, where it goes, how it turns over."""

from __future__ import annotations

import io
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.common import logs
from desktop.common.locations import Locations
from desktop.common.log_file import PrivateFileHandler
from tests.rig.systems import private

KEY = "sk-proj-Zq81kLmN02PwXy7Ab34Cd_56EfGh-sentinelOfTheLog"
PASSWORD = 'p@ss "wörd"/7'


@pytest.fixture(autouse=True)
def root_logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begins without the secrets of other tests, and puts the process's logging back as it was."""
    monkeypatch.setattr(logs, "_secrets", set())
    monkeypatch.setattr(logs, "_known", None)
    root = logging.getLogger()
    level = root.level
    yield
    logs.shut_down()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, logs.RedactingFormatter):
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def known() -> None:
    logs.add_secret(KEY)
    logs.add_secret(PASSWORD)


SPELLINGS = {
    "raw": KEY,
    "url": quote(KEY, safe=""),
    "base64": b64encode(KEY.encode()).decode(),
    "base64 of user and key": b64encode(b"user:" + KEY.encode()).decode(),
    "base64 one byte in": b64encode(b"x" + KEY.encode() + b"yz").decode(),
    "urlsafe base64": urlsafe_b64encode(KEY.encode()).decode(),
    "repr": repr(KEY),
    "bytes": repr(KEY.encode()),
    "json in json": json.dumps(json.dumps({"value": KEY})),
    "hex": KEY.encode().hex(),
    "cut": KEY[:11],
    "cut without its beginning": KEY[3:11],
    "cut in the middle": KEY[:30],
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.usefixtures("known")
def test_checklist_07_a_registered_key_is_taken_out_in_every_spelling(spelling: str) -> None:
    hidden = logs.redact(f"before {spelling} after")
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    for trace in (KEY, KEY[3:11], KEY[11:], quote(KEY), KEY.encode().hex()[10:40]):
        assert trace not in hidden
    data = b64encode(KEY.encode()).decode()
    assert data[4:-4] not in hidden


@pytest.mark.parametrize(
    "spelling",
    [PASSWORD, quote(PASSWORD), quote_plus(PASSWORD), quote(PASSWORD, safe=""), repr(PASSWORD), json.dumps(PASSWORD)],
)
@pytest.mark.usefixtures("known")
def test_checklist_22_a_registered_proxy_password_is_taken_out_in_every_spelling(spelling: str) -> None:
    hidden = logs.redact(f"proxy http://user:{spelling}@proxy:3128")
    assert "ss" not in hidden.replace("http", "")
    assert "7" not in hidden


def test_short_secrets_are_left_because_hiding_them_would_hide_everything() -> None:
    logs.add_secret("abc")
    assert logs.redact("abc is abc") == "abc is abc"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("key sk-svcacct-0123456789abcdef.", "key [hidden]."),
        ('{"client_secret": "abc-def"}', '{"client_secret": "[hidden]"}'),
        ("{'client_secret': 'abc-def', 'id': 'x'}", "{'client_secret': '[hidden]', 'id': 'x'}"),
        ('{\\"client_secret\\": \\"abc-def\\"}', '{\\"client_secret\\": \\"[hidden]\\"}'),
        ("clientSecret=abc-def&x=1", "clientSecret=[hidden]&x=1"),
        ("secret ek_0123456789abcdef", "secret [hidden]"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [hidden]"),
        ("{'authorization': 'Basic dXNlcjpwdw=='}", "{'authorization': 'Basic [hidden]'}"),
        ("Proxy-Authorization: Basic dXNlcjpwdw==", "Proxy-Authorization: Basic [hidden]"),
        ("(b'authorization', b'Bearer abcdefgh')", "(b'authorization', b'Bearer [hidden]')"),
        ("http://user:pa-ss@proxy:3128/x", "http://user:[hidden]@proxy:3128/x"),
        ("OPENAI_API_KEY=abcdef", "OPENAI_API_KEY=[hidden]"),
    ],
)
def test_what_is_shaped_like_a_secret_is_taken_out_unasked(text: str, hidden: str) -> None:
    assert logs.redact(text) == hidden
    assert logs.redact(logs.redact(text)) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "GET http://localhost:8000/v1/chatkit/threads?limit=100&after=cthr_123",
        "the task-manager and the desk-something-longer",
        "Basic understanding of a password field",
        "workflow wf_68df4b13b3588190 not found at 12:30:45 user@host",
        "http://[::1]:8080/a@b:c",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert logs.redact(text) == text


@given(st.text(alphabet="abcdefABCDEF0123456789-_", min_size=20, max_size=60), st.text(max_size=30))
def test_checklist_07_no_key_of_any_letters_survives_in_any_surroundings(body: str, around: str) -> None:
    key = f"sk-{body}"
    logs.add_secret(key)
    assert key not in logs.redact(f"{around}{key}{around}")


def written(profile: Locations) -> str:
    return profile.log.read_text(encoding="utf-8")


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_checklist_07_the_log_holds_no_key_in_message_arguments_or_exception(profile: Locations, level: str) -> None:
    logs.set_up(profile, level)
    log = logging.getLogger("desktop.test")
    log.info("message %s %r %s", KEY, {"key": KEY}, quote(PASSWORD))
    log.debug("message %s", KEY)
    try:
        raise ValueError(f"refused {KEY}")
    except ValueError:
        log.exception("it failed")
    text = written(profile)
    assert "it failed" in text
    assert "Traceback" in text
    assert text.count("[hidden]") >= 4
    assert KEY[3:11] not in text
    assert ("DEBUG" in text) == (level == "DEBUG")


def test_a_line_is_time_name_level_message(profile: Locations) -> None:
    logs.set_up(profile)
    logging.getLogger("desktop.test").info("ready")
    time, name, level, message = written(profile).strip().split(" - ")
    assert (name, level, message) == ("desktop.test", "INFO", "ready")
    assert len(time) == len("2026-11-20 10:00:00,000")


def test_checklist_24_log_files_and_their_folder_are_private(profile: Locations) -> None:
    handler = PrivateFileHandler(profile.log, limit=200, kept=2)
    handler.setFormatter(logs.RedactingFormatter(logs.FORMAT))
    for number in range(20):
        handler.emit(logging.LogRecord("test", logging.INFO, "", 0, "line %d of the log", (number,), None))
    handler.close()
    files = sorted(profile.logs.iterdir())
    assert [file.name for file in files] == [profile.log.name, f"{profile.log.name}.1", f"{profile.log.name}.2"]
    assert all(private(file) for file in files)
    assert private(profile.logs)
    assert all(file.stat().st_size <= 200 for file in files)
    assert "line 19 of the log" in profile.log.read_text()


def test_a_log_that_cannot_be_written_never_disturbs(tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("a file in the place of the folder")
    logs.set_up(Locations(tmp_path / "profiles" / "default"))
    logging.getLogger("desktop.test").warning("lost")


def test_setting_up_again_takes_the_new_level_and_writes_once(profile: Locations) -> None:
    logs.set_up(profile)
    logs.set_up(profile)
    log = logging.getLogger("desktop.test")
    log.debug("one")
    logs.set_up(profile, "DEBUG")
    log.debug("two")
    assert (written(profile).count("one"), written(profile).count("two")) == (0, 1)


def test_the_log_of_pywebview_goes_to_the_file_and_only_warnings_to_standard_error(profile: Locations) -> None:
    stream = io.StringIO()
    logger = logging.getLogger("pywebview")
    before, level = list(logger.handlers), logger.level
    handler = logging.StreamHandler(stream)
    logger.handlers = [handler]
    try:
        logs.set_up(profile)
        logger.info("chatty")
        logger.warning("trouble with sk-0123456789abcdef")
        assert "chatty" in written(profile)
        assert "chatty" not in stream.getvalue()
        assert "trouble with [hidden]" in stream.getvalue()
        logger.handlers = []
        logs.quiet_pywebview()
        assert logger.handlers, "pywebview adds its own where there is none"
    finally:
        logger.handlers = before
        logger.setLevel(level)
