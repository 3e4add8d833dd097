"""The settings file: read, written, set aside, never lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from desktop.common.errors import FileUnreadable
from desktop.common.locations import Locations
from desktop.settings.errors import SettingsDamaged, SettingsNewer, SettingsUnwritable
from desktop.settings.file import SettingsFile
from tests.rig import forks
from tests.rig.systems import private


@pytest.fixture
def file(profile: Locations) -> SettingsFile:
    return SettingsFile(profile.settings, known=1, now=lambda: datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC))


def put(profile: Locations, content: bytes) -> None:
    profile.folder.mkdir(parents=True, exist_ok=True)
    profile.settings.write_bytes(content)


def test_an_absent_file_is_empty_and_nothing_is_made(file: SettingsFile, profile: Locations) -> None:
    loaded = file.load()
    assert (loaded.raw, loaded.notices, loaded.closed) == ({}, [], None)
    assert not profile.folder.exists()


def test_checklist_24_what_is_saved_comes_back_and_is_private(file: SettingsFile, profile: Locations) -> None:
    file.save({"language": "fr", "chat": {"greeting": "Été 🌞"}})
    assert file.load().raw == {"version": 1, "language": "fr", "chat": {"greeting": "Été 🌞"}}
    assert private(profile.settings)
    assert private(profile.folder)


def test_a_file_edited_in_notepad_is_read(file: SettingsFile, profile: Locations) -> None:
    put(profile, b'\xef\xbb\xbf{"language": "fr"}\r\n')
    assert file.load().raw == {"language": "fr"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b'{"language": "fr"',
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe\x00",
        b"\x00" * 500,
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_checklist_24_a_damaged_file_is_kept_aside_whole_and_said_so(
    content: bytes, file: SettingsFile, profile: Locations
) -> None:
    put(profile, content)
    loaded = file.load()
    (notice,) = loaded.notices
    assert isinstance(notice, SettingsDamaged)
    assert notice.values["kept"] == "settings.damaged-20261120T101112Z.json"
    assert (profile.folder / str(notice.values["kept"])).read_bytes() == content
    assert loaded.raw == {}
    file.save({"zoom": 2})
    assert file.load().raw["zoom"] == 2


def test_a_second_damaged_file_of_the_same_second_does_not_replace_the_first(
    file: SettingsFile, profile: Locations
) -> None:
    for content in (b"one", b"two"):
        put(profile, content)
        file.load()
    kept = sorted(path.read_bytes() for path in profile.folder.glob("settings.damaged-*"))
    assert kept == [b"one", b"two"]


def test_checklist_24_a_newer_versions_file_is_left_alone(file: SettingsFile, profile: Locations) -> None:
    content = b'{"version": 2, "from_the_future": true}'
    put(profile, content)
    loaded = file.load()
    assert isinstance(loaded.closed, SettingsNewer)
    assert loaded.raw == {}
    with pytest.raises(SettingsNewer):
        file.save({"zoom": 2})
    assert profile.settings.read_bytes() == content
    assert list(profile.folder.iterdir()) == [profile.settings]


def test_what_is_no_file_is_left_alone(file: SettingsFile, profile: Locations) -> None:
    profile.settings.mkdir(parents=True)
    assert isinstance(file.load().closed, FileUnreadable)
    with pytest.raises(FileUnreadable):
        file.save({})
    assert profile.settings.is_dir()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsUnwritable):
        SettingsFile(tmp_path / "file" / "settings.json").save({})


def test_a_change_by_somebody_else_is_noticed(file: SettingsFile, profile: Locations) -> None:
    file.save({})
    assert not file.changed()
    put(profile, b'{"zoom": 2}')
    assert file.changed()
    file.load()
    assert not file.changed()
    profile.settings.unlink()
    assert file.changed()


WRITER = """
import sys
from pathlib import Path
from desktop.settings.file import SettingsFile
file = SettingsFile(Path(sys.argv[1]))
number = file.load().raw.get("number", 0)
while True:
    number += 1
    file.save({"number": number, "filling": [number] * 3000})
    print(number, flush=True)
"""


@pytest.mark.slow
def test_checklist_24_killing_the_process_a_hundred_times_loses_nothing(profile: Locations) -> None:
    """The last change that was reported saved is there, or a later one; never half of one."""
    file = SettingsFile(profile.settings)
    file.save({"number": 0, "filling": []})
    last = 0
    for round_ in range(100):
        writer = forks.child(
            [sys.executable, "-c", WRITER, str(profile.settings)],
            "desktop.settings.file",
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None
        reported = int(writer.line())
        time.sleep(0.0007 * (round_ % 10))
        writer.kill()
        writer.wait()
        reported = int((writer.rest().split() or [reported])[-1])
        writer.stdout.close()
        loaded = file.load()
        assert loaded.notices == []
        number = loaded.raw["number"]
        assert loaded.raw["filling"] == [number] * 3000
        assert last < reported <= number <= reported + 1
        last = number
    assert json.loads(profile.settings.read_bytes())["number"] == last
    assert [name for name in os.listdir(profile.folder) if "damaged" in name] == []
