"""The brand file: what a maker can say, what is refused, and that no secret fits in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.common.texts import Catalogue
from desktop.settings.base import FORMS
from desktop.settings.brand import Brand, load_brand, parse_brand
from desktop.settings.errors import BrandInvalid
from desktop.settings.model import Settings
from tests.rig.systems import is_wine

MISSING = "File not found" if is_wine() else os.strerror(2)
"""As the system says it."""


def load(text: str, tmp_path: Path) -> Brand:
    path = tmp_path / "brand.toml"
    path.write_text(text, encoding="utf-8", newline="")
    return load_brand(path)


def test_the_brand_file_of_the_app_itself_says_what_the_app_would_do_without_it() -> None:
    assert load_brand() == Brand()
    assert Brand().app.name == "ChatKit Desktop"
    assert Brand().keyring_service == "chatkit-desktop"
    assert Brand().links.api_keys == "https://platform.openai.com/api-keys"
    assert not Brand().fixes_agent


def test_a_makers_file_is_read_whole(tmp_path: Path) -> None:
    brand = load(
        """
        fixed = ["agents", "chat.theme.scheme"]
        [app]
        name = "Ask Fern"
        id = "ask-fern"
        accent = { light = "#115533", dark = "#aaddbb" }
        [links]
        help = "mailto:help@fern.example"
        [settings.chat]
        greeting = "What grows?"
        prompts = [{ label = "Ferns", prompt = "Tell me about ferns", icon = "search" }]
        theme = { scheme = "light", light = { accent = { primary = "#115533" } } }
        [[settings.agents]]
        workflow_id = "wf_68df4b13b3588190"
        """,
        tmp_path,
    )
    assert (brand.app.name, brand.keyring_service, brand.fixes_agent) == ("Ask Fern", "ask-fern", True)
    assert brand.is_fixed("chat.theme.scheme")
    assert brand.is_fixed("chat.theme")
    assert not brand.is_fixed("chat.theme.radius")


@pytest.mark.parametrize(
    "line",
    [
        'key = "sk-proj-0123456789abcdefghij"',
        "# sk-proj-0123456789abcdefghij",
        '[settings.chat]\ngreeting = "use sk-0123456789abcdefghij"',
        '[settings.chat]\ngreeting = "\\u0073k-0123456789abcdefghij"',
        '[settings.chat]\ngreeting = "Bearer abcdefghijklmnop"',
        '[links]\nhelp = "https://user:password@help.example"',
        '[settings.network]\nproxy = "http://user:password@proxy:3128"',
        '[settings.network]\nproxy = "user:password@proxy:3128"',
        'password = "correct-horse-battery"',
        "# ek_0123456789abcdefghij",
        '[app]\npublisher = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"',
        "# -----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_checklist_32_anything_shaped_like_a_secret_is_refused_and_not_repeated(
    line: str, tmp_path: Path, texts: Catalogue
) -> None:
    with pytest.raises(BrandInvalid) as caught:
        load(line, tmp_path)
    told = str(caught.value.describe(texts)) + caught.value.detail
    for secret in ("0123456789", "abcdefghijklmnop", "password@", "correct-horse"):
        assert secret not in told


def test_checklist_32_the_line_of_a_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrandInvalid) as caught:
        load("\n\n# sk-proj-0123456789abcdefghij", tmp_path)
    assert caught.value.values["name"] == "brand.toml:3"


def test_checklist_32_no_field_of_the_brand_is_for_a_secret() -> None:
    def names(model: Any) -> set[str]:
        found: set[str] = set()
        for name, field in model.model_fields.items():
            found.add(name)
            if hasattr(field.annotation, "model_fields"):
                found |= names(field.annotation)
        return found

    assert not {name for name in names(Brand) if any(word in name for word in ("secret", "token", "password"))}
    assert {name for name in names(Brand) if "key" in name} == {"api_keys", "keyring_service"}


@pytest.mark.parametrize(
    "text",
    ["desk-something-longer-than-that", "task-0123456789abcdefghij", "https://help.example/a:b", "risk-management-app"],
)
def test_ordinary_words_are_no_secrets(text: str, tmp_path: Path) -> None:
    assert load(f'[app]\npublisher = "{text}"', tmp_path).app.publisher == text


@pytest.mark.parametrize(
    ("values", "name", "said"),
    [
        ({"ap": {}}, "ap", "“app”"),
        ({"app": {"nmae": "x"}}, "app.nmae", "“name”"),
        ({"name": "Fern"}, "name", "there is app.name"),
        ({"app": {"greeting": "Hello"}}, "app.greeting", "there is settings.chat.greeting"),
        ({"app": {"name": " "}}, "app.name", "must not be empty"),
        ({"app": {"name": "F" * 61}}, "app.name", "60 characters"),
        ({"app": {"accent": {"lihgt": "#112233"}}}, "app.accent.lihgt", "“light”"),
        ({"app": {"accent": {"light": "red"}}}, "app.accent.light", "#1a2b3c"),
        ({"app": {"id": "Has Spaces"}}, "app.id", "“ask-fern”"),
        ({"app": {"version": "v1.0.0"}}, "app.version", "1.2.3"),
        ({"app": {"version": 1.0}}, "app.version", "quotation marks"),
        ({"app": {"contact": "Fern <hello@fern.example>"}}, "app.contact", "hello@example.org"),
        ({"app": {"homepage": "fern.example"}}, "app.homepage", "https://example.org/help"),
        ({"app": {"deep_link": "fern://"}}, "app.deep_link", "without ://"),
        ({"app": {"identifier": "fern"}}, "app.identifier", "“org.example.fern”"),
        ({"app": {"keyring_service": "Ask Fern"}}, "app.keyring_service", "“Ask-Fern”"),
        ({"app": {"icon": "../secret.png"}}, "app.icon", "“icons/fern.svg”"),
        ({"app": {"icon": "/etc/passwd.png"}}, "app.icon", "“icons/fern.svg”"),
        ({"app": {"icon": "fern.jpg"}}, "app.icon", ".svg or .png"),
        ({"app": "Fern"}, "app", "table"),
        ({"fixed": "agents"}, "fixed", "list"),
        ({"links": {"help": "http://plain.example"}}, "links.help", "https://example.org/help"),
        ({"links": {"help": "javascript:alert(1)"}}, "links.help", "https://example.org/help"),
        ({"package": {"files": ["../data.csv"]}}, "package.files.0", "“data/*.csv”"),
        ({"settings": {"agents": {"kind": "demo", "id": "a"}}}, "settings.agents", "[[…agents]]"),
        ({"settings": {"agents": [{"kind": "demo", "id": "A"}]}}, "settings.agents.0.id", "“fern”"),
        (
            {"settings": {"agents": [{"workflow_id": "wf_12345678", "version": "v2"}]}},
            "settings.agents.0.version",
            "number",
        ),
        ({"settings": {"agents": [{"id": "a", "file": "a.py"}]}}, "settings.agents.0", "“kind”"),
        ({"settings": {"agents": [{"kind": "workflow", "id": "a"}]}}, "settings.agents.0", "“workflow_id”"),
        ({"settings": {"chat": {"locale": "french!"}}}, "settings.chat.locale", "fr-CA"),
        ({"settings": {"chat": {"greting": "x"}}}, "settings.chat.greting", "“greeting”"),
        ({"settings": {"zoom": 99}}, "settings.zoom", "3"),
        ({"settings": {"network": {"api_base": "http://x.example"}}}, "settings.network.api_base", "https://"),
        ({"settings": {"user_ids": {"a": "user_12345678"}}}, "settings.user_ids", "each user"),
        ({"settings": {"workflow_worked": {}}}, "settings.workflow_worked", "each user"),
        ({"fixed": ["agent"], "settings": {}}, "fixed", "“agents”"),
        ({"fixed": ["user_ids"]}, "fixed", "user_ids"),
        ({"fixed": ["agents"]}, "settings.agents", "no agent"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_right_name(
    values: dict[str, Any], name: str, said: str, texts: Catalogue, french: Catalogue
) -> None:
    with pytest.raises(BrandInvalid) as caught:
        parse_brand(values)
    assert caught.value.values["name"] == name
    assert said in caught.value.describe(texts)["message"]
    assert caught.value.describe(french)["message"]


def test_a_file_that_is_missing_or_none_is_told_with_the_reason(tmp_path: Path, texts: Catalogue) -> None:
    for path, reason in ((tmp_path / "missing.toml", MISSING), (tmp_path, "not a file")):
        with pytest.raises(BrandInvalid) as caught:
            load_brand(path)
        assert reason in caught.value.describe(texts)["message"]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[app", 1, 5),
        ("[app]\nname = \n", 2, 8),
        ("\x00", 1, 1),
        ("[app]\nname = Ask Fern\n", 2, 8),
        ("[app]\n\nname = “Fern”\n", 3, 8),
        ('[app]\nname = "Fern', 2, 13),
        ('[app]\nname = "a"\nname = "b"\n', 3, 11),
        ("[app]\r\nname = 1 2\r\n", 2, 10),
    ],
)
def test_where_a_file_stops_being_toml_is_told_by_line_and_column(
    text: str, line: int, column: int, tmp_path: Path, texts: Catalogue, french: Catalogue
) -> None:
    with pytest.raises(BrandInvalid) as caught:
        load(text, tmp_path)
    assert f"Line {line}, column {column}:" in caught.value.describe(texts)["message"]
    assert f"Ligne {line}, colonne {column}" in caught.value.describe(french)["message"]
    assert "Fern" not in caught.value.detail


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_file_in_another_encoding_is_told_to_be_no_utf_8(encoding: str, tmp_path: Path, texts: Catalogue) -> None:
    path = tmp_path / "brand.toml"
    path.write_bytes("[app]\nname = 'Fougère'\n".encode(encoding))
    with pytest.raises(BrandInvalid) as caught:
        load_brand(path)
    assert "UTF-8" in caught.value.describe(texts)["message"]


def test_a_mark_of_byte_order_and_line_ends_of_windows_are_read_over(tmp_path: Path) -> None:
    path = tmp_path / "brand.toml"
    path.write_bytes(b"\xef\xbb\xbf[app]\r\nname = 'Fern'\r\n")
    assert load_brand(path).app.name == "Fern"


def test_every_form_that_is_asked_for_is_said_in_words_with_an_example_that_has_it(
    texts: Catalogue, french: Catalogue
) -> None:
    def patterns(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from [part["pattern"]] if isinstance(part.get("pattern"), str) else ()
            part = list(part.values())
        for inner in part if isinstance(part, list) else ():
            yield from patterns(inner)

    asked = {*patterns(Brand.model_json_schema()), *patterns(Settings.model_json_schema())}
    assert len(asked) > 20
    assert asked <= FORMS.keys()
    for pattern in asked:
        sentence = texts.get(f"problems.{FORMS[pattern]}")
        assert french.get(f"problems.{FORMS[pattern]}") != sentence
        examples = re.findall(r"“([^”]+)”|(\S*[\d@/]\S*[\w/])", sentence)
        shown = [one or other for one, other in examples]
        if FORMS[pattern] not in WITHOUT_EXAMPLE:
            assert any(re.search(pattern, example) for example in shown), sentence


WITHOUT_EXAMPLE = {
    "form_user_id",
    "form_digest",
    "workflow_id",
    "form_vector_store",
    "workflow_version",
    "form_language",
}
"""Written by a program, or told by how they begin."""


def test_what_a_brand_leaves_empty_is_made_from_what_it_says() -> None:
    assert (Brand().deep_link, Brand().identifier) == ("chatkit-desktop", "com.example.chatkit_desktop")
    brand = parse_brand({"app": {"id": "ask-fern", "homepage": "https://www.2-fern.example/about"}})
    assert (brand.deep_link, brand.keyring_service, brand.identifier) == (
        "ask-fern",
        "ask-fern",
        "example._2_fern.ask_fern",
    )
    own = parse_brand({"app": {"deep_link": "fern", "identifier": "org.example.Fern", "keyring_service": "Fern"}})
    assert (own.deep_link, own.keyring_service, own.identifier) == ("fern", "Fern", "org.example.Fern")


def test_two_brands_share_no_folder_keyring_entry_or_link() -> None:
    from desktop.common.locations import locations

    one, two = Brand(), parse_brand({"app": {"id": "ask-fern"}})
    places = [locations(brand.app.id, "default") for brand in (one, two)]
    assert not places[0].folder.is_relative_to(places[1].folder.parents[1])
    assert not places[1].folder.is_relative_to(places[0].folder.parents[1])
    for name in ("keyring_service", "deep_link", "identifier"):
        assert getattr(one, name) != getattr(two, name)


def test_a_code_agents_file_is_looked_for_beside_the_brand_file(tmp_path: Path) -> None:
    brand = load('[[settings.agents]]\nkind = "code"\nid = "fern"\nfile = "agents/fern.py"', tmp_path)
    assert brand.settings["agents"][0]["file"] == str(tmp_path / "agents" / "fern.py")
