"""The brand file: what a maker can say, what is refused, and that no secret fits in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.errors import BrandInvalid
from desktop.settings.brand import Brand, load_brand, parse_brand
from desktop.texts import Catalogue


def load(text: str, tmp_path: Path) -> Brand:
    path = tmp_path / "brand.toml"
    path.write_text(text, encoding="utf-8")
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
        ({"app": {"accent": {"lihgt": "#112233"}}}, "app.accent.lihgt", "“light”"),
        ({"app": {"accent": {"light": "red"}}}, "app.accent.light", "#1a2b3c"),
        ({"app": {"id": "Has Spaces"}}, "app.id", "form"),
        ({"app": {"icon": "../secret.png"}}, "app.icon", "form"),
        ({"app": {"icon": "/etc/passwd.png"}}, "app.icon", "form"),
        ({"links": {"help": "http://plain.example"}}, "links.help", "form"),
        ({"links": {"help": "javascript:alert(1)"}}, "links.help", "form"),
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


def test_a_file_that_is_missing_or_no_toml_is_a_sentence(tmp_path: Path, texts: Catalogue) -> None:
    with pytest.raises(BrandInvalid):
        load_brand(tmp_path / "missing.toml")
    for text in ("[app", "name = ", "\x00"):
        with pytest.raises(BrandInvalid) as caught:
            load(text, tmp_path)
        assert caught.value.describe(texts)["message"]


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
    from desktop.settings.locations import locations

    one, two = Brand(), parse_brand({"app": {"id": "ask-fern"}})
    places = [locations(brand.app.id, "default") for brand in (one, two)]
    assert not places[0].folder.is_relative_to(places[1].folder.parents[1])
    assert not places[1].folder.is_relative_to(places[0].folder.parents[1])
    for name in ("keyring_service", "deep_link", "identifier"):
        assert getattr(one, name) != getattr(two, name)


def test_a_code_agents_file_is_looked_for_beside_the_brand_file(tmp_path: Path) -> None:
    brand = load('[[settings.agents]]\nkind = "code"\nid = "fern"\nfile = "agents/fern.py"', tmp_path)
    assert brand.settings["agents"][0]["file"] == str(tmp_path / "agents" / "fern.py")
