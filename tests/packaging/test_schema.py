"""The schema for editors: current, and of one mind with what the app itself takes."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from desktop.common.locations import assets_dir
from desktop.packaging import schema
from desktop.settings.brand import parse_brand
from desktop.settings.model import Settings
from tests.packaging import made_from_help

CHECK = Draft7Validator(schema.schema())


def test_the_published_schema_is_what_the_models_say() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.written(), "python -m desktop.packaging.schema"


def test_it_is_a_schema_and_the_apps_own_brand_file_keeps_it_and_names_it() -> None:
    Draft7Validator.check_schema(schema.schema())
    text = (assets_dir() / "brand.toml").read_text(encoding="utf-8")
    assert text.startswith("#:schema ./brand.schema.json\n")
    CHECK.validate(tomllib.loads(text))


def test_what_stands_as_an_example_in_the_brand_file_keeps_it_too() -> None:
    text = (assets_dir() / "brand.toml").read_text(encoding="utf-8")
    example = text[text.index("# [settings.chat]") :]
    example = re.sub("(?m)^# ?", "", example).replace("wf_…", "wf_12345678")
    values = tomllib.loads(example)
    CHECK.validate(values)
    agents = Settings.model_validate(parse_brand(values).settings).agents
    assert {agent.kind for agent in agents} == {"workflow", "assistant", "code", "server"}


def test_the_readmes_brand_keeps_it_and_names_it_where_it_lies_beside_the_clone(tmp_path: Path) -> None:
    brand = made_from_help.write(tmp_path / "chatkit-desktop")
    CHECK.validate(tomllib.loads(brand.read_text(encoding="utf-8")))
    named = brand.read_text(encoding="utf-8").splitlines()[0].removeprefix("#:schema ")
    assert os.path.normpath(brand.parent / named) == str(tmp_path / "chatkit-desktop" / "assets" / schema.FILE.name)


@pytest.mark.parametrize(
    "values",
    [
        {"ap": {}},
        {"app": {"id": "Fern"}},
        {"app": {"icon": "../fern.png"}},
        {"settings": {"chat": {"greting": "x"}}},
        {"settings": {"user_ids": {"a": "user_12345678"}}},
        {"settings": {"agents": [{"kind": "code"}]}},
        {"settings": {"agents": [{"id": "neither-a-workflow-nor-another-kind"}]}},
        {"fixed": ["agent"]},
    ],
)
def test_what_the_app_refuses_the_editor_marks(values: dict[str, Any]) -> None:
    assert not CHECK.is_valid(values)


def test_every_field_says_what_it_is_for() -> None:
    app = json.loads(schema.written())["definitions"]["BrandApp"]["properties"]
    silent = {name for name, field in app.items() if not field.get("description") and "$ref" not in field}
    assert silent <= {"publisher", "homepage", "copyright"}
