"""Private folders and files, atomic writes, bounded reads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from desktop.common import files
from desktop.common.errors import FileUnreadable, FolderUnwritable
from tests.rig.processes import Child
from tests.rig.systems import link, pipe, private


def test_checklist_24_every_folder_that_is_made_is_closed_to_others(tmp_path: Path) -> None:
    made = files.ensure_private_dir(tmp_path / "a" / "b" / "c")
    assert all(private(folder) for folder in (made, made.parent, made.parent.parent))


def test_checklist_24_a_folder_that_stood_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    files.ensure_private_dir(folder)
    assert private(folder)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(FolderUnwritable):
        files.ensure_private_dir(tmp_path / "a" / "b")


def test_checklist_24_a_file_is_0600_whatever_the_umask_and_the_old_file_say(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("old")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        files.write_private(path, "new")
    finally:
        os.umask(before)
    assert path.read_text() == "new"
    assert private(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.mkdir()
    (path / "inside").write_text("kept")
    with pytest.raises(OSError, match=r"Errno|WinError"):
        files.write_private(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_leftovers_of_killed_processes_are_swept_but_not_those_of_running_ones(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".a.json.0123.tmp", tmp_path / ".a.json.4567.tmp"
    old.write_text("")
    fresh.write_text("")
    past = time.time() - files.LEFTOVER_AGE - 60
    os.utime(old, (past, past))
    files.write_private(tmp_path / "a.json", "x")
    assert (old.exists(), fresh.exists()) == (False, True)


_WRITER = """
import sys
from pathlib import Path
from desktop.common.files import write_private
path = Path(sys.argv[1])
number = 0
print("go", flush=True)
while True:
    number += 1
    write_private(path, f"{number}:" + "x" * 20000 + f":{number}")
"""


@pytest.mark.slow
def test_checklist_24_killing_the_writer_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_private(path, "0:" + "x" * 20000 + ":0")
    for round_ in range(20):
        writer = Child(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert writer.stdout is not None
        writer.line()
        time.sleep(0.003 * (round_ % 7))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        first, middle, last = path.read_text().split(":")
        assert first == last
        assert middle == "x" * 20000


def test_a_file_that_a_reader_has_open_is_replaced_and_deleted_as_soon_as_it_lets_go(tmp_path: Path) -> None:
    """On Windows neither can be done before; elsewhere nobody has to wait."""
    for use in (
        lambda path: files.write_private(path, "new"),
        files.remove,
        lambda path: files.remove_tree(path.parent),
    ):
        path = tmp_path / "folder" / "file"
        path.parent.mkdir(exist_ok=True)
        path.write_text("old")
        reader = path.open()
        letting_go = threading.Timer(0.3, reader.close)
        letting_go.start()
        use(path)
        letting_go.join()
        assert not path.exists() or path.read_text() == "new"
    assert not (tmp_path / "folder").exists()


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows keeps a file from those who would replace it")
def test_a_file_that_somebody_keeps_open_stays_as_it_was_and_that_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with path.open():
        with pytest.raises(PermissionError):
            files.write_private(path, "new")
        assert files.remove_tree(tmp_path, 0.1)[0] == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 11)
    assert files.read_limited(path, 11) == b"x" * 11
    with pytest.raises(FileUnreadable):
        files.read_limited(path, 10)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileUnreadable):
            files.read_limited(path, 10)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe(tmp_path / "pipe")
    with pytest.raises(FileUnreadable):
        files.read_limited(tmp_path / "pipe", 10)


def test_a_log_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    link(tmp_path / "log", tmp_path / "target")
    with pytest.raises(OSError, match=r"Errno|WinError"):
        files.open_private(tmp_path / "log", "a")
