"""Settings and brand files of an earlier version are read, and nothing in them is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desktop.settings import tree
from desktop.settings.brand import Brand, load_brand, setting_names
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore
from desktop.settings.renamed import NEW_NAMES, with_new_names


def test_every_new_name_is_a_setting_and_no_old_one_is() -> None:
    assert set(NEW_NAMES.values()) <= set(setting_names())
    assert not set(NEW_NAMES) & set(setting_names())


@pytest.mark.parametrize("old", NEW_NAMES)
def test_a_setting_is_read_under_its_old_name_and_written_under_its_new_one(tmp_path: Path, old: str) -> None:
    path = tmp_path / "settings.json"
    raw: tree.Tree = {"version": 1, "chat": {"greeting": "Hello"}, "surprise": 1}
    tree.put(raw, tree.split(old), True)
    path.write_text(json.dumps(raw), encoding="utf-8")
    store = SettingsStore(SettingsFile(path), Brand.model_validate({"app": {"id": "fern"}}))
    rows = {row.name: (row.value, row.layer) for row in store.rows()}
    assert rows[NEW_NAMES[old]] == (True, "settings")
    store.update({"chat.greeting": "Good morning"})
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert tree.find(kept, tree.split(old)) is tree.MISSING
    assert tree.find(kept, tree.split(NEW_NAMES[old])) is True
    assert (kept["chat"]["greeting"], kept["surprise"]) == ("Good morning", 1)


@pytest.mark.parametrize("old", NEW_NAMES)
def test_where_both_names_stand_todays_has_the_say(old: str) -> None:
    raw: tree.Tree = {}
    tree.put(raw, tree.split(old), True)
    tree.put(raw, tree.split(NEW_NAMES[old]), False)
    assert tree.find(with_new_names(raw), tree.split(NEW_NAMES[old])) is False
    assert tree.find(with_new_names(raw), tree.split(old)) is tree.MISSING
    assert tree.find(raw, tree.split(old)) is True, "what was handed in stays as it was"


def test_a_brand_file_may_name_and_fix_a_setting_as_it_was_called(tmp_path: Path) -> None:
    path = tmp_path / "brand.toml"
    path.write_text(
        'fixed = ["assistant.basic_view"]\n[app]\nid = "ask-fern"\n[settings.assistant]\nbasic_view = true\n',
        encoding="utf-8",
    )
    brand = load_brand(path)
    assert brand.settings == {"assistant": {"builtin_view": True}}
    assert brand.is_fixed("assistant.builtin_view")
