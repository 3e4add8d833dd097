"""The one catalogue of words: `assets/texts/<language>/<area>.json`, flat keys, `{name}` placeholders.

An area is read when its first text is asked for, so a start reads only what it shows.
Knows nothing of windows or settings; whoever makes a `Catalogue` says which language.
"""

from __future__ import annotations

import json
import locale
import os
from pathlib import Path

from desktop.settings.locations import assets_dir, command_name

LANGUAGES = ("en", "fr")
FALLBACK = "en"


def system_language() -> str:
    """The first of our languages that the user's environment asks for, else English."""
    wanted = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    wanted.append(locale.getlocale()[0] or "")
    for value in wanted:
        language = value.replace("-", "_").split("_")[0].split(".")[0].lower()
        if language in LANGUAGES:
            return language
        if language and value not in ("C", "POSIX", "C.UTF-8"):
            return FALLBACK
    return FALLBACK


OURS = "chatkit-desktop"
"""The command as the texts name it; in a packaged app it has its maker's name."""


class Catalogue:
    """The texts of one language. A missing text is a defect and raises KeyError."""

    def __init__(self, language: str = "auto", folder: Path | None = None) -> None:
        chosen = system_language() if language == "auto" else language
        self.language = chosen if chosen in LANGUAGES else FALLBACK
        self._folder = (folder or assets_dir() / "texts") / self.language
        self._areas: dict[str, dict[str, str]] = {}

    def area(self, name: str) -> dict[str, str]:
        """All texts of one area, keys without the area's name: what a page is given."""
        if name not in self._areas:
            raw = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
            command = command_name()
            self._areas[name] = {str(key): str(value).replace(OURS, command) for key, value in raw.items()}
        return self._areas[name]

    def get(self, key: str, /, **values: object) -> str:
        """The text of `area.rest-of-key`, placeholders filled."""
        area, _, rest = key.partition(".")
        text = self.area(area)[rest]
        return text.format_map(values) if values or "{" in text else text

    def page(self, *areas: str) -> dict[str, str]:
        """The texts of several areas under their full keys (`area.key`): what a page is given."""
        return {f"{name}.{key}": text for name in areas for key, text in self.area(name).items()}
