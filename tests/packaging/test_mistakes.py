"""What the rules of a brand file let through and is a mistake: each is refused with a sentence that names it, or noted;
what is right goes through without a word.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop.packaging import mistakes, spelling, taken
from desktop.packaging.errors import AgentWrong, BrandWrong, IconWrong
from desktop.packaging.taken_names import SCHEMES
from tests.packaging.makers import Maker, can_package
from tests.packaging.test_bad_input import refused

ROOT = Path(__file__).resolve().parents[2]


def said(maker: Maker) -> str:
    """What it is refused with, sentence and hint."""
    with pytest.raises(BrandWrong) as caught:
        mistakes.check(maker.plan())
    return f"{caught.value.message} {caught.value.hint}"


def notes(maker: Maker) -> list[str]:
    plan = maker.plan()
    mistakes.check(plan)
    return plan.warnings


# --- names that are somebody else's ---------------------------------------------------------------

TAKEN = (
    *("http", "https", "mailto", "file", "ftp", "data", "javascript", "about", "blob", "wss", "tel", "sms", "vscode"),
    *("chrome", "view-source", "ms-settings", "ms-fern", "web+fern", "x-apple.fern", "slack", "steam", "magnet", "geo"),
    *("intent", "itms-apps", "ssh", "git", "irc", "xmpp", "bitcoin", "com.apple.fern", "microsoft-edge", "search-ms"),
)


@pytest.mark.parametrize("scheme", TAKEN)
def test_links_of_systems_browsers_and_known_programs_are_not_taken_over(maker: Maker, scheme: str) -> None:
    maker.set("app", deep_link=scheme)
    told = said(maker)
    assert f"“{scheme}”" in told
    assert "belong to" in told
    assert "“ask-fern”" in told


def test_an_id_that_is_a_scheme_of_somebody_needs_a_scheme_of_its_own(maker: Maker) -> None:
    maker.set("app", id="lm-studio")
    assert "deep_link is empty" in said(maker)
    maker.set("app", deep_link="ask-fern")
    assert notes(maker) == []


def test_a_scheme_that_a_program_here_opens_is_noted(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "applications").mkdir()
    cache = "[MIME Cache]\nx-scheme-handler/moss=moss.desktop;ask-fern.desktop;\ntext/plain=other.desktop;\n"
    (tmp_path / "applications" / "mimeinfo.cache").write_text(cache)
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    maker.set("app", deep_link="moss")
    (note,) = notes(maker)
    assert "moss.desktop" in note


@pytest.mark.parametrize(
    ("name", "word"),
    [
        *((name, "command") for name in ("git", "ls", "python3", "firefox", "docker", "sudo", "code", "slack")),
        *((name, "device") for name in ("con", "nul", "aux", "com1", "lpt9")),
        *((name, "folder") for name in ("keyrings", "applications", "microsoft", "systemd", "fonts")),
    ],
)
def test_an_id_of_a_known_command_a_device_or_a_shared_folder_is_refused(maker: Maker, name: str, word: str) -> None:
    maker.set("app", id=name)
    told = said(maker)
    assert f"“{name}”" in told
    assert word in told
    assert "ask-" in told


@pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's folders")
def test_an_id_of_a_command_of_this_system_is_refused_where_no_list_knows_it(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "bin"
    own.mkdir()
    (own / "moss-and-fern").write_text("#!/bin/sh\n")
    (own / "moss-and-fern").chmod(0o755)
    monkeypatch.setenv("PATH", str(own), prepend=os.pathsep)
    maker.set("app", id="moss-and-fern")
    assert "already" in notes(maker)[0], "in a folder of the maker's own: a note"
    names = sorted(path.name for path in Path("/usr/bin").iterdir() if os.access(path, os.X_OK))
    unlisted = next(name for name in names if re.fullmatch("[a-z][a-z-]{2,30}", name) and name not in taken.COMMANDS)
    maker.set("app", id=unlisted)
    assert f"“{unlisted}”, a command of this system" in said(maker)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Debian's tools")
def test_an_id_of_the_archive_is_refused_unless_it_is_the_makers_own_package(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for apt: which packages this machine's archive has is no business of a test."""
    apt = tmp_path / "apt-cache"
    apt.write_text("#!/bin/sh\nprintf 'Package: moss-tools\\nMaintainer: Moss <moss@debian.example>\\n'\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    maker.set("app", id="moss-tools")
    told = said(maker)
    assert "“moss-tools”" in told
    assert "moss@debian.example" in told
    maker.set("app", contact="moss@debian.example")
    assert notes(maker) == []
    maker.set("app", contact="hello@fern.example.com")
    maker.set("package", distribution=True)
    assert "moss-tools" in notes(maker)[0]


def test_what_the_packager_made_itself_is_no_other_program(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "lib" / "ask-fern"
    (program.parent / "_internal" / "assets").mkdir(parents=True)
    (program.parent / "_internal" / "assets" / "brand.toml").write_text("")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    assert notes(maker) == []


def test_identifiers_in_the_domain_of_somebody_else_are_refused_and_made_up_ones_noted(maker: Maker) -> None:
    maker.set("app", identifier="com.apple.fern")
    assert "Apple" in said(maker)
    maker.set("app", identifier="", homepage="")
    assert "com.example.ask_fern" in notes(maker)[0]


def test_who_changes_the_name_and_not_the_id_is_told(maker: Maker) -> None:
    del maker.values["app"]["id"]
    maker.write()
    assert "the project's own app" in notes(maker)[0]


def test_no_scheme_is_listed_twice_and_all_are_schemes() -> None:
    listed = [name for names in SCHEMES.values() for name in names]
    assert len(listed) == len(set(listed))
    assert all(name == name.lower() and not name.endswith(":") for name in listed)


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Fern\u202egpj", "right-to-left override (U+202E), behind “Fern”"),
        ("Fern\u200bMoss", "U+200B"),
        ("\ufeffFern", "at its start"),
        ("Fern\x1b[31m", "U+001B"),
        ("Fern\x00", "U+0000"),
        ("Fern\u2066", "U+2066"),
        ("Fern\u00adMoss", "soft hyphen"),
        ("Fern\nMoss", "more than one line"),
        ("Fern\tMoss", "a tab"),
        ("CON", "device"),
        ("...", "no letter"),
    ],
)
def test_a_name_with_what_nobody_sees_or_no_system_takes_is_refused(maker: Maker, text: str, told: str) -> None:
    maker.set("app", name=text)
    assert told in said(maker)


@pytest.mark.parametrize(
    "text",
    [
        "シダに聞く",
        "Fougère « 100 % »",
        'The "Fern" \'s',
        "Fern & <Moss>",
        "🌿",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f Fern",
        "می\u200cخواهم",
    ],
)
def test_names_of_every_script_and_emoji_are_taken(maker: Maker, text: str) -> None:
    maker.set("app", name=text)
    assert notes(maker) == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"chat": {"greeting": "Hello\u202e"}}, "settings.chat.greeting"),
        ({"chat": {"prompts": [{"label": "a\u200bb", "prompt": "c"}]}}, "settings.chat.prompts.0.label"),
        ({"chat": {"prompts": [{"label": "a", "prompt": "  "}]}}, "settings.chat.prompts.0.prompt"),
        ({"agents": [{"kind": "demo", "id": "a", "name": "Fe\nrn"}]}, "settings.agents.0.name"),
        (
            {"agents": [{"kind": "assistant", "id": "a", "instructions": "Be\u2060 kind"}]},
            "settings.agents.0.instructions",
        ),
    ],
)
def test_every_text_of_the_file_is_looked_at_and_named(maker: Maker, settings: dict[str, Any], name: str) -> None:
    maker.set("settings", **settings)
    assert name in said(maker)


def test_instructions_and_descriptions_have_as_many_lines_as_they_like(maker: Maker) -> None:
    maker.set("app", description="One.\n\n\tTwo.")
    maker.set("settings", agents=[{"kind": "assistant", "id": "a", "instructions": "Be kind.\n\tBe brief.\n"}])
    assert notes(maker) == []


# --- addresses, numbers, settings that lead to each other -------------------------------------------


@pytest.mark.parametrize(
    ("part", "values", "word"),
    [
        ("app", {"homepage": "https://["}, "app.homepage"),
        ("app", {"homepage": "https:///fern"}, "app.homepage"),
        ("app", {"homepage": "https://fern..example"}, "app.homepage"),
        ("app", {"homepage": "https://fern.example:99999"}, "app.homepage"),
        ("app", {"homepage": "https://someone@fern.example"}, "app.homepage"),
        ("links", {"help": "https://?"}, "links.help"),
        ("links", {"releases": "mailto:hello@fern.example"}, "links.releases"),
        ("app", {"contact": "a@b"}, "app.contact"),
        ("app", {"contact": "mailto:a@b.example"}, "app.contact"),
        ("app", {"contact": "a@b."}, "app.contact"),
        ("app", {"version": "1.2.99999"}, "65535"),
        ("settings", {"active_agent": "ferm", "agents": [{"kind": "demo", "id": "fern"}]}, "“fern”"),
        ("settings", {"agents": [{"kind": "assistant", "id": "a", "endpoint": "ours"}]}, "agents.0.endpoint"),
        ("settings", {"agents": [{"kind": "assistant", "id": "a", "mcp_servers": ["x"]}]}, "MCP server “x”"),
    ],
)
def test_what_leads_nowhere_is_refused_by_its_name(maker: Maker, part: str, values: dict[str, Any], word: str) -> None:
    maker.set(part, **values)
    assert word in said(maker)


def test_an_agent_in_the_app_needs_what_package_agents_leaves_out(maker: Maker) -> None:
    maker.set("settings", agents=[{"kind": "assistant", "id": "a"}])
    maker.set("package", agents=False)
    assert "agents = true" in said(maker)


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["data/aux.csv", "con/a.py", "NUL", "a/b?.csv", "a:b.csv", "a/b."])
def test_a_file_that_windows_can_not_have_is_refused(name: str) -> None:
    with pytest.raises(BrandWrong, match="Windows"):
        mistakes.check_files(["agents/fern.py", name])


def test_two_files_that_differ_in_capitals_alone_are_refused() -> None:
    with pytest.raises(BrandWrong, match="one file"):
        mistakes.check_files(["data/Fern.csv", "data/fern.csv"])
    mistakes.check_files(["data/Fern.csv", "more/fern.csv", "data/constant.csv"])


@pytest.mark.parametrize(
    ("wrong", "hint"), [("Fern.png", "fern.png: capitals count"), ("ferm.png", "fern.png"), ("other.png", "")]
)
def test_a_name_that_is_nearly_right_is_told_the_right_one(maker: Maker, wrong: str, hint: str) -> None:
    with pytest.raises(IconWrong) as caught:
        spelling.verify(maker.folder / wrong, maker.folder, IconWrong)
    assert wrong in caught.value.message
    assert hint in caught.value.hint
    with pytest.raises(AgentWrong, match="folder"):
        spelling.verify(maker.folder, maker.folder.parent, AgentWrong)
    spelling.verify(maker.folder / "fern.png", maker.folder, IconWrong)


# --- as it is typed ---------------------------------------------------------------------------------


@can_package
@pytest.mark.slow
@pytest.mark.parametrize(
    ("app", "code", "words"),
    [
        ({"deep_link": "https"}, 3, ("app.deep_link", "web")),
        ({"id": "git"}, 3, ("app.id", "command")),
        ({"name": "Fern\u202e"}, 3, ("app.name", "U+202E")),
        ({"version": "v1.0.0"}, 3, ("app.version", "1.2.3")),
        ({"icon": "Fern.png"}, 5, ("Fern.png", "capitals count")),
    ],
)
def test_the_command_itself_says_so(maker: Maker, app: dict[str, Any], code: int, words: tuple[str, ...]) -> None:
    maker.set("app", **app)
    refused(maker, code, "icon" if code == 5 else "brand", *words)


@can_package
def test_a_pipe_in_the_place_of_the_brand_file_is_not_waited_for(maker: Maker) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("a pipe is a file on POSIX alone")
    maker.file.unlink()
    os.mkfifo(maker.file)
    refused(maker, 3, "brand", "not a file")


@can_package
def test_the_brand_is_given_to_make_by_its_own_name_and_other_names_are_not_passed_over() -> None:
    """What make would run; it runs nothing."""

    def make(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            ["make", "--dry-run", "--no-print-directory", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    code, told = make("package", "BRAND=../it's fern/brand.toml", "ARGS=--check")
    assert code == 0
    assert "-m desktop.packaging --brand '../it'\\''s fern/brand.toml' --check" in told
    assert "package --brand '../it'\\''s fern/brand.toml' --check" in told, "what it needs is worked out for this brand"
    for word in ("FORMAT=deb", "ENGINE=qt", "OUT=/tmp", "CHECK=1", "BRAN=x"):
        code, told = make("package", word)
        assert code != 0, word
        assert word.split("=")[0] in told
        assert 'ARGS="' in told
    assert "brand.toml" not in make("package")[1]
