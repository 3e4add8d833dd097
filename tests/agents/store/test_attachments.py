"""Files that go with messages: in pieces, checked, kept privately, gone with their chat."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chatkit.store import NotFoundError
from chatkit.types import AttachmentCreateParams, ImageAttachment

from desktop.agents.store import attachments, file_types
from desktop.agents.store.attachments import AttachmentFiles, Limits
from desktop.agents.store.errors import AttachmentDamaged, AttachmentsUnsent, AttachmentTooLarge, AttachmentType
from desktop.agents.store.threads import SqliteStore
from desktop.common.errors import FileUnreadable, FolderUnwritable
from desktop.common.locations import Locations
from tests.agents.things import ME, OTHER, Blocking, thread
from tests.rig.systems import private

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 100
PDF = b"%PDF-1.7\n\x00\x01\x02"


class Kept:
    """A store and its files, on disk or in memory."""

    def __init__(self, store: SqliteStore, folder: Path | None, now: float | None = None) -> None:
        self.store = Blocking(store)
        clock = time.time if now is None else lambda: now
        self.files = Blocking(AttachmentFiles(store, folder, limits=Limits(size=200_000), now=clock))
        self.folder = folder

    def settled(self) -> None:
        """Waits until what was given to both threads is done."""
        self.store.real._writer.call(lambda: None)
        self.files.real._worker.call(lambda: None)

    def done(self) -> None:
        self.store.done()
        self.files.done()


@pytest.fixture(params=["disk", "memory"])
def kept(request: pytest.FixtureRequest, profile: Locations) -> Iterator[Kept]:
    disk = request.param == "disk"
    both = Kept(SqliteStore(profile.threads if disk else None), profile.attachments if disk else None)
    yield both
    both.done()


@pytest.fixture
def on_disk(profile: Locations) -> Iterator[Kept]:
    both = Kept(SqliteStore(profile.threads), profile.attachments)
    yield both
    both.done()


# --- in -------------------------------------------------------------------------------------------


def test_a_file_comes_in_pieces_and_out_whole(kept: Kept) -> None:
    data = os.urandom(100_000).hex().encode()[:150_000]
    begun = kept.files.begin("notes.txt", "text/plain", len(data), ME)
    for start in range(0, len(data), 40_000):
        there = kept.files.write(begun.id, start, data[start : start + 40_000], ME)
        assert there == min(len(data), start + 40_000)
    finished = kept.files.finish(begun.id, ME)
    assert (finished.id, finished.name, finished.mime_type) == (begun.id, "notes.txt", "text/plain")
    assert kept.files.read(begun.id, ME) == data
    assert kept.store.load_attachment(begun.id, ME) == finished
    assert kept.files.finish(begun.id, ME) == finished


def test_the_sdks_own_way_of_beginning_gives_no_upload_address(kept: Kept) -> None:
    params = AttachmentCreateParams(name="a.png", size=len(PNG), mime_type="image/png")
    attachment = kept.files.create_attachment(params, ME)
    assert attachment.upload_descriptor is None
    kept.store.save_attachment(attachment, ME)
    kept.files.write(attachment.id, 0, PNG, ME)
    assert isinstance(kept.files.finish(attachment.id, ME), ImageAttachment)


@pytest.mark.parametrize(("name", "mime_type", "data", "is_"), [
    ("a.png", "image/png", PNG, "image/png"),
    ("really-a-jpeg.png", "image/png", JPEG, "image/jpeg"),
    ("a.gif", "image/gif", b"GIF89a" + b"\0" * 9, "image/gif"),
    ("a.webp", "image/webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ("a.pdf", "application/pdf", PDF, "application/pdf"),
    ("a.py", "", b"print('hi')\n", "text/plain"),
    ("a.md", "application/octet-stream", "# Grüße".encode(), "text/plain"),
    ("a.csv", "text/csv; charset=utf-8", b"a;b", "text/csv"),
    ("a.json", "application/json", b"{}", "application/json"),
    ("latin.txt", "text/plain", "été".encode("latin-1"), "text/plain"),
    ("utf16.txt", "text/plain", "été".encode("utf-16"), "text/plain"),
])  # fmt: skip
def test_a_file_is_what_its_content_says(kept: Kept, name: str, mime_type: str, data: bytes, is_: str) -> None:
    assert kept.files.add(name, mime_type, data, ME).mime_type == is_


@pytest.mark.parametrize(("name", "mime_type", "data", "error"), [
    ("a.exe", "application/x-msdownload", b"MZ\0\0", AttachmentType),
    ("a.bin", "application/octet-stream", b"MZ\0\0", AttachmentType),
    ("a.zip", "", b"PK\x03\x04\0", AttachmentType),
    ("a.svg", "image/svg+xml", b"<svg onload='x'/>", AttachmentType),
    ("a.png", "image/png", b"<html>", AttachmentDamaged),
    ("a.png", "image/png", b"MZ\0\0", AttachmentDamaged),
    ("a.txt", "text/plain", b"", AttachmentDamaged),
    ("a.txt", "text/plain", b"\0" * 50, AttachmentDamaged),
    ("a.txt", "text/plain", b"x" * 200_001, AttachmentTooLarge),
])  # fmt: skip
def test_what_cannot_be_attached_is_refused_and_leaves_nothing(
    kept: Kept, name: str, mime_type: str, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        kept.files.add(name, mime_type, data, ME)
    kept.settled()
    assert asyncio.run(kept.store.real.sweep_attachments(0)) == set()
    if kept.folder is not None and kept.folder.exists():
        assert list(kept.folder.iterdir()) == []


def test_a_piece_that_does_not_follow_or_is_too_much_is_refused(kept: Kept) -> None:
    begun = kept.files.begin("a.txt", "text/plain", 10, ME)
    kept.files.write(begun.id, 0, b"12345", ME)
    for offset, data in ((0, b"12345"), (6, b"1"), (4, b"1"), (5, b"678901")):
        with pytest.raises(AttachmentDamaged):
            kept.files.write(begun.id, offset, data, ME)
    with pytest.raises(AttachmentDamaged):
        kept.files.finish(begun.id, ME)
    with pytest.raises(AttachmentDamaged):
        kept.files.read(begun.id, ME)
    kept.files.write(begun.id, 5, b"67890", ME)
    kept.files.finish(begun.id, ME)
    assert kept.files.read(begun.id, ME) == b"1234567890"
    with pytest.raises(AttachmentDamaged):
        kept.files.write(begun.id, 10, b"", ME)


def test_another_agent_reaches_nothing_of_it(kept: Kept) -> None:
    attachment = kept.files.add("a.txt", "text/plain", b"mine", ME)
    for attempt in (
        lambda: kept.files.read(attachment.id, OTHER),
        lambda: kept.files.write(attachment.id, 0, b"x", OTHER),
        lambda: kept.files.finish(attachment.id, OTHER),
        lambda: kept.files.delete_attachment(attachment.id, OTHER),
    ):
        with pytest.raises(NotFoundError):
            attempt()


@pytest.mark.parametrize("wrong", ["", "../threads.sqlite", "atc_x", "/etc/passwd", "atc_" + "0" * 24, "msg_1\0"])
def test_an_id_is_never_a_path(on_disk: Kept, wrong: str) -> None:
    for attempt in (
        lambda: on_disk.files.read(wrong, ME),
        lambda: on_disk.files.write(wrong, 0, b"x", ME),
        lambda: on_disk.files.delete_attachment(wrong, ME),
    ):
        with pytest.raises(NotFoundError):
            attempt()


@pytest.mark.parametrize(("given", "kept_as"), [
    ("C:\\Users\\me\\photo.png", "photo.png"),
    ("../../etc/passwd", "passwd"),
    ("invoice\u202egnp.exe", "invoicegnp.exe"),
    ("\r\n\0", "file"),
    ("", "file"),
    ("Übersicht 📎.pdf", "Übersicht 📎.pdf"),
])  # fmt: skip
def test_a_name_is_only_a_name(kept: Kept, given: str, kept_as: str) -> None:
    assert kept.files.begin(given, "text/plain", 1, ME).name == kept_as


def test_a_long_name_keeps_its_ending(kept: Kept) -> None:
    name = kept.files.begin("x" * 5000 + ".pdf", "application/pdf", 1, ME).name
    assert len(name) <= attachments.NAME
    assert name.endswith(".pdf")


# --- previews -------------------------------------------------------------------------------------


def test_a_small_picture_is_its_own_preview(kept: Kept) -> None:
    attachment = kept.files.add("a.png", "image/png", PNG, ME)
    assert isinstance(attachment, ImageAttachment)
    head, _, data = str(attachment.preview_url).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == PNG
    assert kept.store.load_attachment(attachment.id, ME) == attachment


def test_a_large_picture_has_the_preview_that_the_page_made_or_none(kept: Kept) -> None:
    large = PNG + b"\0" * attachments.PREVIEW
    assert kept.files.add("a.png", "image/png", large, ME).type == "file"
    with_preview = kept.files.add("a.png", "image/png", large, ME, preview=JPEG)
    assert isinstance(with_preview, ImageAttachment)
    assert with_preview.mime_type == "image/png"
    assert str(with_preview.preview_url).startswith("data:image/jpeg;base64,")
    for wrong in (b"<svg/>", JPEG + b"\0" * attachments.PREVIEW, b"", PDF):
        assert kept.files.add("a.png", "image/png", large, ME, preview=wrong).type == "file"


# --- out, and gone --------------------------------------------------------------------------------


def test_checklist_24_files_are_closed_to_others(on_disk: Kept) -> None:
    assert on_disk.folder is not None
    begun = on_disk.files.begin("a.txt", "text/plain", 2, ME)
    on_disk.files.write(begun.id, 0, b"x", ME)
    (unfinished,) = on_disk.folder.iterdir()
    assert private(unfinished)
    on_disk.files.write(begun.id, 1, b"x", ME)
    on_disk.files.finish(begun.id, ME)
    (finished,) = on_disk.folder.iterdir()
    assert finished.name == begun.id
    assert private(finished)
    assert private(on_disk.folder)


def test_files_go_with_their_chat(on_disk: Kept) -> None:
    assert on_disk.folder is not None
    on_disk.store.save_thread(thread("thr_1"), ME)
    sent = on_disk.files.add("a.txt", "text/plain", b"sent", ME)
    on_disk.store.save_attachment(sent.model_copy(update={"thread_id": "thr_1"}), ME)
    other = on_disk.files.add("b.txt", "text/plain", b"not sent", ME)
    on_disk.store.delete_thread("thr_1", ME)
    on_disk.settled()
    assert [path.name for path in on_disk.folder.iterdir()] == [other.id]


def test_a_file_that_is_taken_back_is_gone(on_disk: Kept) -> None:
    assert on_disk.folder is not None
    attachment = on_disk.files.add("a.txt", "text/plain", b"x", ME)
    on_disk.files.delete_attachment(attachment.id, ME)
    on_disk.store.delete_attachment(attachment.id, ME)
    assert list(on_disk.folder.iterdir()) == []
    with pytest.raises(NotFoundError):
        on_disk.files.read(attachment.id, ME)


def test_a_file_that_somebody_deleted_by_hand_is_said(on_disk: Kept) -> None:
    assert on_disk.folder is not None
    attachment = on_disk.files.add("a.txt", "text/plain", b"x", ME)
    (on_disk.folder / attachment.id).unlink()
    with pytest.raises(FileUnreadable):
        on_disk.files.read(attachment.id, ME)


def test_a_file_in_the_place_of_the_folder_is_said(on_disk: Kept) -> None:
    assert on_disk.folder is not None
    on_disk.folder.write_text("")
    with pytest.raises(FolderUnwritable):
        on_disk.files.add("a.txt", "text/plain", b"x", ME)


def test_the_start_sweeps_what_went_with_no_message_and_what_a_killed_process_left(profile: Locations) -> None:
    first = Kept(SqliteStore(profile.threads), profile.attachments)
    first.store.save_thread(thread("thr_1"), ME)
    sent = first.files.add("sent.txt", "text/plain", b"sent", ME)
    first.store.save_attachment(sent.model_copy(update={"thread_id": "thr_1"}), ME)
    unsent = first.files.add("unsent.txt", "text/plain", b"unsent", ME)
    half = first.files.begin("half.txt", "text/plain", 9, ME)
    first.files.write(half.id, 0, b"half", ME)
    (profile.attachments / ("atc_" + "0" * 24)).write_text("orphan")
    (profile.attachments / "not ours").write_text("kept")
    first.done()
    names = {path.name for path in profile.attachments.iterdir()}

    soon = Kept(SqliteStore(profile.threads), profile.attachments)
    soon.files.sweep()
    soon.settled()
    assert {path.name for path in profile.attachments.iterdir()} == names
    soon.done()

    later = Kept(SqliteStore(profile.threads), profile.attachments, now=time.time() + attachments.UNSENT + 60)
    later.files.sweep()
    later.settled()
    assert {path.name for path in profile.attachments.iterdir()} == {sent.id, "not ours"}
    assert later.files.read(sent.id, ME) == b"sent"
    with pytest.raises(NotFoundError):
        later.files.read(unsent.id, ME)
    later.done()


def test_killed_between_file_and_description_finishing_again_is_enough(on_disk: Kept) -> None:
    assert on_disk.folder is not None
    begun = on_disk.files.begin("a.txt", "text/plain", 4, ME)
    on_disk.files.write(begun.id, 0, b"text", ME)
    (on_disk.folder / f"{begun.id}.part").rename(on_disk.folder / begun.id)
    on_disk.files.finish(begun.id, ME)
    assert on_disk.files.read(begun.id, ME) == b"text"


@pytest.mark.parametrize(("data", "text"), [
    ("Grüße".encode(), "Grüße"),
    ("Grüße".encode("utf-8-sig"), "Grüße"),
    ("Grüße".encode("utf-16"), "Grüße"),
    ("Grüße €".encode("cp1252"), "Grüße €"),
])  # fmt: skip
def test_text_is_read_as_it_was_written(data: bytes, text: str) -> None:
    assert file_types.as_text(data) == text


# --- never sent ---------------------------------------------------------------------------------


def test_checklist_45_files_that_are_never_sent_fill_no_disk(kept: Kept) -> None:
    """By what they announce, whether it comes or not."""
    limits = Limits(size=200_000, unsent=1_000_000)
    files = Blocking(AttachmentFiles(kept.store.real, kept.folder, limits=limits))
    begun = [files.begin(f"{number}.txt", "text/plain", 200_000, ME if number % 2 else OTHER) for number in range(5)]
    with pytest.raises(AttachmentsUnsent) as caught:
        files.begin("more.txt", "text/plain", 1, ME)
    assert caught.value.values["name"] == "more.txt"
    files.delete_attachment(begun[1].id, ME)
    kept.store.delete_attachment(begun[1].id, ME)
    assert files.add("more.txt", "text/plain", b"words", ME).name == "more.txt"
    files.done()


def test_checklist_45_nor_do_very_many_small_ones(kept: Kept) -> None:
    for number in range(attachments.MOST_UNSENT):
        kept.files.begin(f"{number}.txt", "text/plain", 1, ME)
    with pytest.raises(AttachmentsUnsent):
        kept.files.begin("more.txt", "text/plain", 1, ME)


def test_what_went_with_a_message_counts_no_more(kept: Kept) -> None:
    kept.store.save_thread(thread("thr_1"), ME)
    for number in range(attachments.MOST_UNSENT):
        made = kept.files.begin(f"{number}.txt", "text/plain", 1, ME)
        kept.store.save_attachment(made.model_copy(update={"thread_id": "thr_1"}), ME)
    assert kept.files.add("more.txt", "text/plain", b"words", ME).name == "more.txt"


def test_checklist_45_a_title_is_bounded_whoever_gives_it(kept: Kept) -> None:
    long = "T" * 5_000_000
    kept.store.save_thread(thread("thr_1").model_copy(update={"title": long}), ME)
    assert len(kept.store.load_thread("thr_1", ME).title or "") == 500
    kept.store.rename("thr_1", long)
    assert len(kept.store.load_thread("thr_1", ME).title or "") == 500
