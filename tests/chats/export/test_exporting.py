"""Chats as files: whole or not there, nothing lost in JSON, nothing that runs in HTML, names for every system."""

from __future__ import annotations

import base64
import errno
import json
import os
import random
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.agents.chatkit.context import RequestContext
from desktop.agents.store.stores import Stores
from desktop.agents.store.threads import SqliteStore
from desktop.chats.export.as_html import as_html, policy
from desktop.chats.export.as_json import as_json
from desktop.chats.export.as_markdown import as_markdown
from desktop.chats.export.exporting import Export
from desktop.chats.export.journal import NAME, Journal
from desktop.chats.export.names import folded, stem, unlike
from desktop.chats.export.writing import write
from desktop.chats.types import Chat, Format, Item, Progress
from desktop.common.errors import FileExists_, FolderUnwritable
from desktop.common.locations import assets_dir
from desktop.common.texts import Catalogue
from desktop.openai_api.errors import ThreadNotFound
from tests.agents.store.test_attachments import PNG
from tests.agents.things import NOON, answer, one_of_each, said
from tests.chats.things import ME, Desk, fill
from tests.rig import forks
from tests.rig.processes import Child
from tests.rig.systems import POSIX, link, pipe, private
from tests.standins.api import ApiStandIn

ROOT = Path(__file__).resolve().parents[3]
EN = Catalogue("en")
SCHEMA = json.loads((assets_dir() / "schemas" / "chat-1.schema.json").read_bytes())
FORMS: tuple[Format, ...] = ("md", "html", "json")


def exported(desk: Desk, chat: str, form: Format, texts: Catalogue = EN) -> str:
    return "".join(Export(desk.library, texts, form).pieces(desk.library.chat(chat)))


def visible(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def chat_of(items: list[dict[str, Any]], title: str | None = "T") -> tuple[Chat, list[Item]]:
    moment = NOON.astimezone()
    made = [
        Item(str(number), str(item.get("type", "")).removeprefix("chatkit."), None, item)
        for number, item in enumerate(items)
    ]
    return Chat("cthr_1", "hosted", "a", "Agent", title, moment, moment), made


def html_of(items: list[dict[str, Any]], title: str | None = "T") -> str:
    chat, made = chat_of(items, title)
    return "".join(as_html(chat, made, EN, "en", lambda _: None))


# --- JSON -------------------------------------------------------------------------------------


def test_json_holds_item_by_item_what_the_api_gave(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    api.world.add_answer(made[0], "x" * 1_000_000)
    desk.library.archive(ids=made[:3])
    for chat in made:
        document = json.loads(exported(desk, chat, "json"))
        jsonschema.validate(document, SCHEMA)
        assert document["thread"] == api.world.threads[chat]
        assert [item["raw"] for item in document["items"]] == api.world.items[chat]
        assert document["source"]["kind"] == ("archived" if chat in made[:3] else "hosted")
    first = json.loads(exported(desk, made[0], "json"))
    assert [item["type"] for item in first["items"]][:6] == [
        *("user_message", "assistant_message", "widget", "client_tool_call", "task", "task_group")
    ]
    assert first["items"][0]["created_at"] == "2025-10-09T08:53:20Z"
    file = {"id": "file_1", "name": "plan.pdf", "mime_type": "application/pdf", "size": None, "data": None}
    assert first["attachments"] == [{**file, "item_id": first["items"][0]["id"]}]


def test_json_holds_what_the_app_keeps_with_the_bytes_of_attachments(desk: Desk) -> None:
    file = desk.attach("größe.txt", "text/plain", "Grüße".encode() * 100_000)
    message = said("look at this 👍")
    message.attachments = [file]
    chat = desk.chat("Each", message, *(items := one_of_each("x")))
    document = json.loads(exported(desk, chat, "json"))
    jsonschema.validate(document, SCHEMA)
    assert [item["type"] for item in document["items"]] == ["user_message", *(item.type for item in items)]
    assert document["items"][0]["text"] == "look at this 👍"
    kept, lost = document["attachments"]
    assert base64.b64decode(kept["data"]) == "Grüße".encode() * 100_000
    assert (kept["name"], kept["mime_type"], kept["size"]) == ("größe.txt", "text/plain", 700_000)
    assert (lost["name"], lost["data"]) == ("a.txt", None)
    assert document["agent"] == {"id": "assistant", "name": "Ada"}


def test_json_holds_what_openai_no_longer_has(desk: Desk, api: ApiStandIn) -> None:
    made = fill(api)
    desk.library.archive()
    lost = api.world.items[made[0]].pop(1)
    api.world.add_message(made[0], "said later")
    desk.library.archive()
    document = json.loads(exported(desk, made[0], "json"))
    assert [item["raw"] for item in document["items"]] == api.world.items[made[0]]
    assert [item["raw"] for item in document["removed_items"]] == [lost]


def test_json_holds_every_version_of_a_chat_and_a_text_the_one_that_is_shown(desk: Desk) -> None:
    chat = desk.chat("Chat", said("one", "q1"), answer("first", "a1"))

    async def retry(stores: Stores) -> None:
        store, me = cast("SqliteStore", stores.threads), RequestContext("assistant", "")
        await store.branch(chat, "q1", me, instead=False)
        await store.add_thread_item(chat, answer("second", "a2"), me)
        await store.branched(chat, me)

    desk.host.call(retry)
    document = json.loads(exported(desk, chat, "json"))
    jsonschema.validate(document, SCHEMA)
    assert [item["id"] for item in document["items"]] == ["q1", "a2"]
    assert [(item["id"], item["parent"], item["text"]) for item in document["other_versions"]] == [
        ("a1", "q1", "first")
    ]
    told = exported(desk, chat, "md")
    assert "second" in told
    assert "first" not in told


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip
ITEMS = st.lists(st.dictionaries(
    st.sampled_from(["type", "content", "text", "tasks", "task", "workflow", "attachments", "widget", "arguments",
                     "output", "created_at", "image", "inputs", "quoted_text", "copy_text"]),
    JSON_VALUES | st.sampled_from([
        "chatkit.user_message", "chatkit.assistant_message", "chatkit.task_group", "workflow", "task", "widget",
        "generated_image", "structured_input"])),
    max_size=4)  # fmt: skip


@settings(deadline=None)
@given(ITEMS, st.text() | st.none())
def test_any_items_can_be_written_in_every_format(items: list[dict[str, Any]], title: str | None) -> None:
    chat, made = chat_of(items, title)
    text = "".join(as_json(chat, {}, made, [], [], lambda _: None))
    document = json.loads(text.encode())
    jsonschema.validate(document, SCHEMA)
    assert [item["raw"] for item in document["items"]] == items
    assert "".join(as_markdown(chat, made, EN))
    assert html_of(items, title).encode()


# --- HTML -------------------------------------------------------------------------------------


class Seen(HTMLParser):
    """The tags and attributes of a file, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![p](https://evil.test/p.png) [d](data:text/html,<script>alert(1)</script>)",
    "</style></head><body onload=alert(1)>",
    "<svg/onload=alert(1)>\x00\u202e",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    '"><iframe srcdoc="<script>alert(1)</script>">',
    "<!-- --><style>*{display:none}</style><base href=//evil.test><meta http-equiv=refresh content=0>",
    "<a href=' java\nscript:alert(1)'>x</a> <javascript:alert(1)>",
)


def hostile_items(text: str) -> list[dict[str, Any]]:
    note = {"type": "annotation", "source": {"type": "url", "url": text, "title": text}}
    step = {"type": "custom", "title": text, "content": text, "sources": [{"url": text, "title": text}]}
    return [
        {
            "type": "chatkit.user_message",
            "content": [{"type": "input_text", "text": text}, {"type": "quoted_text", "text": text}],
            "attachments": [{"id": text, "name": text}],
        },
        {"type": "chatkit.assistant_message", "content": [{"text": text, "annotations": [note]}]},
        {
            "type": "chatkit.widget",
            "widget": json.dumps({"type": "Card", "children": [{"type": "Text", "value": text}]}),
        },
        {"type": "chatkit.client_tool_call", "name": text, "arguments": text, "output": text},
        {"type": "workflow", "workflow": {"tasks": [step]}},
        {"type": "generated_image", "image": {"url": text}},
        {"type": "structured_input", "inputs": [{"question": text, "answer": text}]},
        {"type": text, "anything": text},
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words(text: str) -> None:
    seen = Seen(html_of(hostile_items(text), text))
    # Markdown's pictures from elsewhere become links; only our own style is there, no script, nothing that loads.
    assert seen.tags.count("style") == seen.tags.count("title") == seen.tags.count("body") == 1
    assert set(seen.tags) <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "article", "h1", "h2", "p", "div", "pre"),
        *("blockquote", "ul", "li", "a", "code", "span", "time", "em", "br"),
    }
    assert [one for one in seen.attributes if one[1].startswith("on") or one[1] in ("style", "srcdoc")] == []
    for tag, name, value in seen.attributes:
        if name in ("href", "src"):
            assert (tag, value) == ("a", "https://evil.test/p.png")
    assert seen.text.count("alert(1)") or "alert" not in text


def test_the_file_forbids_itself_everything_but_its_own_style() -> None:
    text = html_of([])
    assert "script-src" not in policy()
    assert policy().startswith("default-src 'none'; style-src 'sha256-")
    seen = Seen(text)
    assert ("meta", "content", policy()) in seen.attributes
    assert "unsafe" not in policy()
    assert "http" not in (assets_dir() / "export" / "chat.css").read_text("utf-8")


def test_html_shows_markdown_pictures_of_the_chat_and_every_kind_of_item(desk: Desk) -> None:
    file = desk.attach("dot.png", "image/png", PNG)
    message = said("See: <b>this</b>")
    message.attachments = [file]
    text = exported(
        desk,
        desk.chat("A & B", message, answer("# Big\n\n**bold** [site](https://a.test)\n"), *one_of_each("x")),
        "html",
    )
    assert '<h1 dir="auto">A &amp; B</h1>' in text
    assert f"data:image/png;base64,{base64.b64encode(PNG).decode()}" in text
    assert "See: &lt;b&gt;this&lt;/b&gt;" in text
    assert "<strong>bold</strong>" in text
    assert '<p class="heading">Big</p>' in text
    assert 'href="https://a.test"' in text
    assert "hidden" not in text
    assert text.count("<article") == 2 + 9


def test_html_is_in_the_persons_language(desk: Desk) -> None:
    text = exported(desk, desk.chat(None, said("a")), "html", Catalogue("fr"))
    assert '<html lang="fr">' in text
    assert '<h1 dir="auto">Discussion sans titre</h1>' in text
    assert ">Vous<" in text


# --- Markdown ---------------------------------------------------------------------------------


def test_markdown_reads_well_and_keeps_who_said_what_apart(desk: Desk, api: ApiStandIn) -> None:
    chat = api.world.add_thread(ME, "Line one\n# not *a* heading", created_at=1_760_000_000)
    api.world.add_message(chat, "# Fake heading\n## Assistant\nI said nothing")
    api.world.add_answer(chat, "Use `code`:\n\n```py\nprint(1)\n```")
    api.world.add_one_of_each(chat)
    text = exported(desk, chat, "md")
    assert text.startswith("# Line one \\# not \\*a\\* heading\n\n*Started on 2025-10-09 08:53 UTC · Flow · cthr\\_")
    headings = [line.split(" · ")[0] for line in text.splitlines() if line.startswith("#")]
    assert headings[1:] == [
        "## You", "## Flow", "## You", "## Flow", "## Widget", "## Tool switch\\_theme", "## Steps", "## Steps",
    ]  # fmt: skip
    assert "> # Fake heading" in text
    assert "Attachment: plan.pdf" in text
    assert "- https://example.test/a" in text
    assert "> > what was said before" in text
    assert "- Thinking\n\n  about it" in text


# --- files ------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(max_size=300) | st.none())
def test_any_title_makes_a_name_that_every_system_takes(title: str | None) -> None:
    name = stem(title, NOON, "Untitled chat")
    assert name.startswith("2026-11-20 ")
    assert len(name) <= 80
    assert len(name.encode()) <= 160
    assert not set(name) & set('<>:"/\\|?*\0\n\r\t\u202e\u200f')
    assert name == name.strip()
    assert not name.endswith(".")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "2026-11-20 etc passwd"),
        ("C:\\Windows\\CON", "2026-11-20 C Windows CON"),
        ("שלום \u202eabc", "2026-11-20 שלום abc"),
        ("👩‍👩‍👧‍👦 family", "2026-11-20 👩‍👩‍👧‍👦 family"),
        ("...", "2026-11-20 Untitled chat"),
        ("", "2026-11-20 Untitled chat"),
        (None, "2026-11-20 Untitled chat"),
        ("NUL", "2026-11-20 NUL_"),
        ("a" * 300, "2026-11-20 " + "a" * 69),
    ],
)
def test_titles_that_are_paths_marks_or_nothing(title: str | None, name: str) -> None:
    assert stem(title, NOON, "Untitled chat") == name


def test_names_that_some_system_takes_for_the_same_get_a_number() -> None:
    taken: set[str] = set()
    assert [unlike(name, taken) for name in ("Day", "day", "DAY", "Dáy", "Da\u0301y", "ﬁn", "fin")] == [
        "Day", "day (2)", "DAY (3)", "Dáy", "Da\u0301y (2)", "ﬁn", "fin (2)",
    ]  # fmt: skip
    assert folded("DAY") in taken


@pytest.mark.parametrize("form", FORMS)
def test_all_chats_go_into_a_folder_and_a_second_time_only_what_has_changed(
    desk: Desk, api: ApiStandIn, tmp_path: Path, form: Format
) -> None:
    made = fill(api)
    api.world.threads[made[1]]["title"] = api.world.threads[made[2]]["title"] = "Same"
    api.world.threads[made[1]]["created_at"] = api.world.threads[made[2]]["created_at"]
    desk.library.archive(ids=made[:3])
    mine = desk.chat("Ours", said())
    desk.library.refresh()
    out = tmp_path / "new" / "folder"
    done = desk.library.export(desk.library.all(), out, form, EN)
    assert (done.total, done.written, done.unchanged, done.ok) == (6, 6, 0, True)
    before = visible(out)
    assert sorted(before) == sorted(path.name for _, path in done.files)
    assert {f"2025-10-11 Same.{form}", f"2025-10-11 Same (2).{form}"} <= set(before)
    again = desk.library.export(desk.library.all(), out, form, EN)
    assert (again.written, again.unchanged) == (0, 6)
    desk.library.rename(mine, "Renamed")
    assert desk.library.export(desk.library.all(), out, form, EN).written == 1
    assert set(visible(out)) == set(before), "a new title makes no new file"


def test_files_of_the_persons_own_are_left_alone(desk: Desk, tmp_path: Path) -> None:
    moment = desk.library.chat(desk.chat("Ours", said())).created_at
    own = tmp_path / f"{moment:%Y-%m-%d} OURS.md"
    own.write_text("mine")
    done = desk.library.export(desk.library.all(), tmp_path, "md", EN)
    assert own.read_text() == "mine"
    assert done.files[0][1].name == f"{moment:%Y-%m-%d} Ours (2).md"


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_checklist_24_exports_are_private_and_a_folder_of_the_persons_keeps_its_mode(
    desk: Desk, tmp_path: Path
) -> None:
    desk.chat("Ours", said())
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    desk.library.export(desk.library.all(), shared, "json", EN)
    desk.library.export(desk.library.all(), tmp_path / "made", "json", EN)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert private(tmp_path / "made")
    assert all(private(path) for path in shared.iterdir())


def test_one_chat_goes_into_the_named_file_and_replaces_nothing_unasked(desk: Desk, tmp_path: Path) -> None:
    chat = desk.library.chat(desk.chat("Ours", said("hello")))
    export = Export(desk.library, EN, "md")
    path = tmp_path / "deep" / "chat.md"
    assert export.to_file(chat, path).files == ((chat.id, path),)
    path.write_text("mine")
    assert isinstance(export.to_file(chat, path).error, FileExists_)
    assert path.read_text() == "mine"
    assert export.to_file(chat, path, force=True).ok
    assert "hello" in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == ["chat.md"]


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_there(desk: Desk, tmp_path: Path) -> None:
    desk.chat("Ours", said())
    (tmp_path / "file").write_text("mine")
    nowhere = [Path("/proc/nowhere")] if POSIX else []
    for out in (tmp_path / "file", tmp_path / "file" / "deeper", *nowhere):
        error = desk.library.export(desk.library.all(), out, "md", EN).error
        assert isinstance(error, FolderUnwritable)
        assert error.describe(EN)["message"]
    assert [path.name for path in tmp_path.iterdir() if path.name != "profile"] == ["file"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_a_sentence(desk: Desk, tmp_path: Path) -> None:
    desk.chat("Ours", said())
    (tmp_path / "shut").mkdir(mode=0o500)
    assert isinstance(desk.library.export(desk.library.all(), tmp_path / "shut", "md", EN).error, FolderUnwritable)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is made by /dev/full")
@pytest.mark.parametrize("size", [10, 9_000, 100_000], ids=["small", "more than a buffer", "large"])
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    path = tmp_path / "chat.md"
    real = os.open

    def full(name: Any, flags: int, mode: int = 0o777) -> int:
        if str(name).endswith(".tmp"):
            os.close(real(name, flags, mode))
            return real("/dev/full", os.O_WRONLY)
        return real(name, flags, mode)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(FolderUnwritable) as caught:
        write(path, ("x" * size for _ in range(10)), replace=True)
    assert caught.value.values["problem"] == os.strerror(errno.ENOSPC)
    assert list(tmp_path.iterdir()) == []


def test_a_journal_whose_last_line_was_cut_off_loses_only_that_line(tmp_path: Path) -> None:
    first = Journal(tmp_path, "md")
    first.name("a", "One")
    first.close()
    with (tmp_path / Journal.NAME).open("ab") as file:
        file.write(b'{"chat":"b","as":"m')  # the disk was full
    second = Journal(tmp_path, "md")
    second.name("c", "Three")
    second.close()
    third = Journal(tmp_path, "md")
    assert [third.name(chat, "Other").name for chat in ("a", "b", "c")] == ["One.md", "Other.md", "Three.md"]
    third.close()


def test_a_chat_that_is_deleted_meanwhile_is_named_and_the_others_are_written(
    desk: Desk, api: ApiStandIn, tmp_path: Path
) -> None:
    made = fill(api)
    desk.library.refresh()
    chats = list(desk.library.all())
    api.world.delete_thread(made[3])
    done = desk.library.export(chats, tmp_path / "out", "json", EN)
    assert (done.written, done.failed) == (4, 1)
    assert isinstance(done.error, ThreadNotFound)
    assert len(visible(tmp_path / "out")) == 4


def test_progress_is_told_and_a_cancel_ends_it_between_two_pieces(desk: Desk, tmp_path: Path) -> None:
    for number in range(5):
        desk.chat(f"Chat {number}", said())
    cancel = threading.Event()
    told: list[Progress] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        cancel.set()

    done = desk.library.export(desk.library.all(), tmp_path / "out", "html", EN, tell=tell, cancel=cancel)
    assert (done.cancelled, done.written, done.ok) == (True, 0, False)
    assert not (tmp_path / "out").exists()
    assert told == [Progress(0, 5, "Chat 4")]
    assert desk.library.export(desk.library.all(), tmp_path / "out", "html", EN).written == 5


def test_a_journal_that_somebody_wrote_leads_nowhere_else(desk: Desk, tmp_path: Path) -> None:
    chat = desk.chat("Ours", said())
    out = tmp_path / "out"
    out.mkdir()
    for name in ("../escaped", "/tmp/escaped", "..", "a\\b"):
        (out / NAME).write_text(json.dumps({"chat": chat, "as": "md", "name": name}) + "\nnonsense\n[]\n")
        assert desk.library.export(desk.library.all(), out, "md", EN).files[0][1].parent == out
    assert not (tmp_path / "escaped.md").exists()


@pytest.mark.parametrize("kind", ["file", "link", "folder", "pipe"])
def test_checklist_46_a_planted_journal_makes_an_export_write_over_nothing(
    desk: Desk, tmp_path: Path, kind: str
) -> None:
    """The journal names the person's own file as that of a chat; only the content says whose it is."""
    chat = desk.chat("Ours", said())
    out, aside = tmp_path / "out", tmp_path / "aside.md"
    out.mkdir()
    aside.write_text("mine")
    own = out / "diary.md"
    if kind == "file":
        own.write_text("mine")
    elif kind == "link":
        link(own, aside)
    elif kind == "folder":
        own.mkdir()
    else:
        pipe(own)
    before = own.lstat()
    lines: list[dict[str, Any]] = [{"chat": chat, "as": "md", "name": "diary"}]
    lines += [{"chat": chat, "as": "md", "mark": "x", "at": 0}, {"chat": chat, "as": "md", "made": ""}]
    (out / NAME).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = desk.library.export(desk.library.all(), out, "md", EN)
    assert done.ok
    assert done.files[0][1].name.endswith("Ours.md")
    assert (own.lstat().st_ino, own.lstat().st_size) == (before.st_ino, before.st_size)
    assert aside.read_text() == "mine"
    if kind == "file":
        assert own.read_text() == "mine"


def test_checklist_46_what_a_person_has_changed_in_an_exported_file_stays(desk: Desk, tmp_path: Path) -> None:
    chat = desk.chat("Ours", said())
    first = desk.library.export(desk.library.all(), tmp_path, "md", EN).files[0][1]
    first.write_text(first.read_text() + "my notes")
    desk.library.rename(chat, "Renamed")
    second = desk.library.export(desk.library.all(), tmp_path, "md", EN).files[0][1]
    assert first.read_text().endswith("my notes")
    assert second != first
    assert "Renamed" in second.read_text()
    desk.library.rename(chat, "Again")
    assert desk.library.export(desk.library.all(), tmp_path, "md", EN).files[0][1] == second, "that one is ours"


@pytest.mark.parametrize("links", [True, False], ids=["with links", "without links"])
def test_checklist_46_of_many_that_write_one_file_at_once_one_does_and_none_writes_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:

        def no_links(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))  # as FAT does

        monkeypatch.setattr(os, "link", no_links)
    path, told = tmp_path / "chat.md", []
    together = threading.Barrier(8)

    def one(number: int) -> None:
        try:
            write(path, [f"from {number}"], replace=False, before=lambda _content: together.wait(30) and None)
            told.append(number)
        except FileExists_:
            pass

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert path.read_text() == f"from {told[0]}"
    assert [one.name for one in tmp_path.iterdir()] == ["chat.md"]


WORKER = """
import sys
from pathlib import Path
from desktop.chats.library import Library
from desktop.common.locations import Locations
from desktop.settings.model import Settings
from desktop.common.texts import Catalogue
library = Library(Locations(Path(sys.argv[1])), Settings)
chats = list(library.all())
print("ready", flush=True)
sys.stdin.readline()
print(library.export(chats, Path(sys.argv[2]), "html", Catalogue("en")).ok)
"""


@pytest.mark.slow
def test_killed_at_any_point_an_export_goes_on_to_the_identical_result(
    desk: Desk, api: ApiStandIn, tmp_path: Path
) -> None:
    chance = random.Random(2026)
    for number in range(60):
        chat = api.world.add_thread(ME, f"Chat {number % 20}", created_at=1_760_000_000 + number % 7, messages=9)
        api.world.add_one_of_each(chat)
    desk.library.archive()
    out, kills = tmp_path / "killed", 0
    for worker in workers(10, [str(desk.locations.folder), str(out)]):
        time.sleep(0.002 + chance.random() * 0.03)
        kills += worker.poll() is None
        worker.kill()
        worker.communicate()
        for name, content in (visible(out) if out.exists() else {}).items():
            assert content.endswith(b"</html>\n"), name
    assert kills >= 5
    assert desk.library.export(desk.library.all(), out, "html", EN).ok
    assert desk.library.export(desk.library.all(), tmp_path / "clean", "html", EN).ok
    assert visible(out) == visible(tmp_path / "clean")
    assert len(visible(out)) == 60
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == [NAME]


def workers(count: int, arguments: list[str]) -> Iterator[Child]:
    """Processes that have begun to write, one after the other; started together, as starting takes long."""
    begun = [
        forks.child(
            [sys.executable, "-c", WORKER, *arguments],
            "desktop.chats.library",
            "desktop.settings.model",
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for worker in begun:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.line() == "ready\n"
        worker.stdin.write("go\n")
        worker.stdin.flush()
        yield worker
