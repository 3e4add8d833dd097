"""Deleting a profile: all of it, and nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.common.errors import FolderUnwritable
from desktop.common.locations import Locations
from desktop.settings.deletion import delete_profile
from tests.rig.systems import link


def test_checklist_24_deleting_a_profile_takes_all_of_it_and_nothing_beside(profile: Locations, tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("kept")
    for path in (profile.settings, profile.log, profile.web / "cache" / "x", profile.archive / "t.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    link(profile.folder / "link", outside)
    delete_profile(profile.folder)
    assert not profile.folder.exists()
    assert (outside / "file").read_text() == "kept"


def test_what_is_to_be_kept_is_kept(profile: Locations) -> None:
    profile.instance.mkdir(parents=True)
    profile.settings.write_text("{}")
    delete_profile(profile.folder, keep=("instance",))
    assert [entry.name for entry in profile.folder.iterdir()] == ["instance"]


def test_only_the_folder_of_a_profile_is_ever_deleted(tmp_path: Path) -> None:
    real = tmp_path / "profiles" / "real"
    real.mkdir(parents=True)
    link(tmp_path / "profiles" / "link", tmp_path)
    for folder in (tmp_path, tmp_path / "profiles", tmp_path / "profiles" / "link", tmp_path / "profiles" / ".."):
        with pytest.raises(FolderUnwritable):
            delete_profile(folder)
    assert real.is_dir()


def test_deleting_what_is_not_there_is_fine(profile: Locations) -> None:
    delete_profile(profile.folder)
