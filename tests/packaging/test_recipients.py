"""The text for the people who get the app."""

from __future__ import annotations

from desktop.packaging import recipients
from tests.packaging.makers import Maker


def test_it_names_the_brand_and_nothing_is_left_open(maker: Maker) -> None:
    maker.set("app", name="Ask {Fern}", keyring_service="fern-keys")
    text = recipients.text(maker.plan())
    assert recipients.file_name(maker.plan()) == "ask-fern-1.4.0-INSTALL.txt"
    assert text.count("Ask {Fern} 1.4.0 – Fern and Moss") == 2
    assert text.count("%LOCALAPPDATA%\\ask-fern") == 2
    assert "“fern-keys”" in text
    assert text.endswith("hello@fern.example.com\n")


def test_it_says_what_the_settings_call_it() -> None:
    import json
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    for language, text in (("en", recipients.ENGLISH), ("fr", recipients.FRENCH)):
        words = json.loads((root / f"assets/texts/{language}/settings.json").read_text(encoding="utf-8"))
        plain = " ".join(text.split())
        assert words["privacy"] in plain
        assert words["delete"] in plain
