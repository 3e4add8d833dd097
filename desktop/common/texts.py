"""The one catalogue of words: `assets/texts/<language>/<area>.json`, flat keys, `{name}` placeholders.

A text with a number in it is two: `key.one` and `key.other`. Both are asked for as `key`, and the value `count` says
which; `assets/pages/common/texts.js` does the same in the pages. Two numbers in one sentence are two texts, one put
into the other.

An area is read when its first text is asked for, so a start reads only what it shows.
Knows nothing of windows or settings; whoever makes a `Catalogue` says which language.
"""

from __future__ import annotations

import json
import locale
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from desktop.common.locations import assets_dir, command_name

LANGUAGES = ("en", "fr")
FALLBACK = "en"


def system_language(environ: Mapping[str, str] = os.environ, system: Callable[[], Sequence[str]] | None = None) -> str:
    """The first of our languages that the user's environment asks for, then the system itself, else English.

    `system`: the person's languages by its settings (`fr-CA`, `French_Canada`), the most wanted first.
    """
    for value in (environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")):
        if value and value not in ("C", "POSIX", "C.UTF-8"):
            return _ours(value) or FALLBACK
    # A program that a double click starts on Windows or macOS has none of these.
    return next(filter(None, map(_ours, (system or _system_languages)())), FALLBACK)


def _ours(value: str) -> str:
    """The language of ours that a locale's name means; empty for others."""
    language = re.split("[-_.@]", value.lower(), maxsplit=1)[0]
    language = NAMES.get(language, language)
    return language if language in LANGUAGES else ""


NAMES = {"french": "fr", "english": "en"}
"""What Windows calls a language, whatever its region: `French_Canada.1252`."""


def _system_languages() -> Sequence[str]:
    """By Windows' and macOS' own settings. Written from Microsoft's and Apple's reference."""
    found: list[str] = []
    if sys.platform == "win32":
        import ctypes

        count, size = ctypes.c_ulong(), ctypes.c_ulong()
        ask = ctypes.windll.kernel32.GetUserPreferredUILanguages
        by_name = 0x8
        if ask(by_name, ctypes.byref(count), None, ctypes.byref(size)):
            buffer = ctypes.create_unicode_buffer(size.value)
            if ask(by_name, ctypes.byref(count), buffer, ctypes.byref(size)):
                found += "".join(buffer[: size.value]).split("\0")
    if sys.platform == "darwin":
        with suppress(ImportError):
            from Foundation import NSLocale

            found += map(str, NSLocale.preferredLanguages())
    return [*filter(None, found), locale.getlocale()[0] or ""]


SINGULAR: Mapping[str, Callable[[float], bool]] = {"en": lambda count: count == 1, "fr": lambda count: abs(count) < 2}
"""Which counts take `key.one`, by Unicode's CLDR: French says *0 discussion*, English *0 chats*."""

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
        """The text of `area.rest-of-key`, placeholders filled; of its two forms the one that fits the value `count`."""
        area, _, rest = key.partition(".")
        texts = self.area(area)
        text = texts[rest] if rest in texts or "count" not in values else texts[f"{rest}.{self._form(values['count'])}"]
        return text.format_map(values) if values or "{" in text else text

    def _form(self, count: object) -> str:
        return "one" if isinstance(count, int | float) and SINGULAR[self.language](count) else "other"

    def page(self, *areas: str) -> dict[str, str]:
        """The texts of several areas under their full keys (`area.key`): what a page is given."""
        return {f"{name}.{key}": text for name in areas for key, text in self.area(name).items()}
