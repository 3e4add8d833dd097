"""The catalogue of words: complete in both languages, nothing missing, nothing unused, nothing said beside it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from desktop.common.errors import AppError
from desktop.common.locations import CONSOLE
from desktop.common.texts import LANGUAGES, Catalogue, system_language
from desktop.settings.errors import SettingsInvalid
from desktop.settings.model import Model, Settings
from tests.pages.modules import html_of, pages
from tests.rig.errors import every_error

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT / "assets" / "texts"
AREAS = sorted(path.stem for path in (TEXTS / "en").glob("*.json"))
NARROW = "\u202f"

ON_A_TERMINAL = ("cli.", "doctor.", "smoke.", "threads.")

KEY = re.compile(rf"(?:{'|'.join(AREAS)})\.[a-z0-9_]+(?:[.][a-z0-9_]+)*")
"""A full key: area, dot, the rest."""

SPOKEN_BY = ("get", "text", "say", "t", "Phrase", "_text")
"""Calls whose first argument is the key of a text."""


@cache
def texts_of(language: str) -> dict[str, str]:
    """Every text under its full key."""
    found: dict[str, str] = {}
    for path in sorted((TEXTS / language).glob("*.json")):
        for key, text in json.loads(path.read_text(encoding="utf-8")).items():
            assert isinstance(text, str), f"{path.name}: {key}"
            found[f"{path.stem}.{key}"] = text
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


# --- the two languages -------------------------------------------------------------------------------


def test_both_languages_have_the_same_areas_and_keys_in_the_same_order() -> None:
    for area in AREAS:
        english, french = (list(json.loads((TEXTS / lang / f"{area}.json").read_text("utf-8"))) for lang in LANGUAGES)
        assert english == french, area
    assert len(list((TEXTS / "fr").glob("*.json"))) == len(AREAS)


def test_no_key_stands_twice_in_a_file() -> None:
    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
        return dict(pairs)

    for path in TEXTS.glob("*/*.json"):
        json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)


def test_a_text_has_the_same_placeholders_in_both_languages() -> None:
    english, french = texts_of("en"), texts_of("fr")
    assert [key for key in english if placeholders(english[key]) != placeholders(french[key])] == []


def test_no_text_is_empty_and_only_a_terminal_pads() -> None:
    for language in LANGUAGES:
        for key, text in texts_of(language).items():
            assert text.strip(), key
            assert text == text.strip() or key.startswith(ON_A_TERMINAL), key


# --- how it speaks -----------------------------------------------------------------------------------


def wrong_in(language: str, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> list[str]:
    return [f"{key}: {text}" for key, text in texts_of(language).items() if re.search(pattern, text, flags)]


def test_english_does_not_plead_apologise_or_shout() -> None:
    assert wrong_in("en", r"\b(please|oops|sorry|whoops|uh-oh|unfortunately)\b|!", re.IGNORECASE) == []


def test_french_does_not_plead_apologise_or_shout() -> None:
    assert wrong_in("fr", r"s.il vous pla[iî]t|désolé|oups|malheureusement|!", re.IGNORECASE) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_apostrophes_quotes_and_ellipses_are_typographic(language: str) -> None:
    assert wrong_in(language, r"\w'\w|\.\.\.|(?<![=\w])\"(?!pywebview)[^\"]*\"(?![=\w])") == []


def test_french_has_a_narrow_space_before_high_punctuation_and_inside_quotes() -> None:
    assert wrong_in("fr", r"[ \u00a0][:;?!»]|«[^\u202f]|[^\u202f]»|[\w)»}][;?!](?=\s|$)|[\w)»}]:(?=\s|$)") == []


# --- numbers -----------------------------------------------------------------------------------------

FORMS = (".one", ".other")


def spoken_key(key: str) -> str:
    """The key that is asked for: without the form that a number chooses."""
    return re.sub(r"^(\w+\..+)\.(?:one|other)$", r"\1", key)


def plurals() -> set[str]:
    return {spoken_key(key) for key in texts_of("en") if spoken_key(key) != key}


def test_a_text_with_a_number_has_both_forms_and_no_third() -> None:
    for language in LANGUAGES:
        texts = texts_of(language)
        for key in plurals():
            assert all(f"{key}{form}" in texts for form in FORMS), key
            assert key not in texts, "this one would hide both forms"
            assert all("count" in placeholders(texts[f"{key}{form}"]) for form in FORMS), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_stands_in_its_sentence_and_not_after_a_colon(language: str) -> None:
    """*8 messages*, never *Messages: 8* nor *message(s)*."""
    assert wrong_in(language, r": ?\{(?:count|n)\}\.?$|\w\(e?s\)") == []


def test_whoever_counts_says_the_number_as_count() -> None:
    counted = plurals()
    for path in [*python_files(), *page_files(".js")]:
        source = path.read_text(encoding="utf-8")
        for key, rest in re.findall(rf"\b(?:{'|'.join(SPOKEN_BY)})\(\s*\"(\w+\.[\w.]+)\"([^\n]*)", source):
            assert key not in counted or "count" in rest, f"{path.name}: {key}"


NUMBERS = (0, 1, 2, 5, 21, 100, 1_000_000)
SAID = {
    "en": [f"{number} {'message' if number == 1 else 'messages'}" for number in NUMBERS],
    "fr": [f"{number} {'message' if number < 2 else 'messages'}" for number in NUMBERS],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_chooses_the_form_in_the_app(language: str) -> None:
    texts = Catalogue(language)
    assert [texts.get("chats.items", count=number) for number in NUMBERS] == SAID[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_a_number_chooses_the_same_form_in_the_pages(language: str, tmp_path: Path) -> None:
    script = tmp_path / "script.mjs"
    module = (ROOT / "assets" / "pages" / "common" / "texts.js").as_uri()
    script.write_text(
        f"globalThis.document = {{ documentElement: {{ lang: {json.dumps(language)} }} }};\n"
        f"const {{ setTexts, t }} = await import({json.dumps(module)});\n"
        f"setTexts({json.dumps(Catalogue(language).page('chats'))});\n"
        f'console.log(JSON.stringify({json.dumps(NUMBERS)}.map((count) => t("chats.items", {{ count }}))));\n',
        encoding="utf-8",
    )
    done = subprocess.run([str(shutil.which("node")), script], capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    assert json.loads(done.stdout) == SAID[language]


# --- errors ------------------------------------------------------------------------------------------


def documented_values(kind: type[AppError]) -> set[str]:
    """The values that the tree in `errors.py` promises to a sentence."""
    if issubclass(kind, SettingsInvalid):
        return {"name", "problem", "title", "where"}
    found: set[str] = set()
    for cls in kind.__mro__:
        for listed in re.findall(r"values(?: of every child)?: ([^.]*)", cls.__doc__ or ""):
            found |= set(re.findall(r"\w+", re.sub(r"\([^)]*\)", "", listed)))
    return found


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence_and_a_hint_made_of_the_values_it_has(kind: type[AppError]) -> None:
    for language in LANGUAGES:
        for part in ("message", "hint"):
            text = texts_of(language)[f"errors.{kind.code}.{part}"]
            assert placeholders(text) <= documented_values(kind), text
            assert len(text) <= 240, text


def test_the_sentences_that_must_say_a_thing_say_it() -> None:
    english, french = texts_of("en"), texts_of("fr")
    assert "project" in english["errors.workflow_not_found.hint"]
    assert "projet" in french["errors.workflow_not_found.hint"]
    assert "30 November 2026" in english["errors.workflow_gone.hint"]
    assert "30 novembre 2026" in french["errors.workflow_gone.hint"]
    assert "rchive" in english["errors.workflow_gone.hint"]
    assert "billed to the key’s account" in english["errors.quota_exceeded.hint"]
    assert "facturées au compte de la clé" in french["errors.quota_exceeded.hint"]


# --- what is used ------------------------------------------------------------------------------------


class Uses:
    """Keys in the source: `spoken` where a text is certainly meant, `mentioned` anywhere, `patterns` made up."""

    def __init__(self) -> None:
        self.spoken: dict[str, str] = {}
        self.mentioned: set[str] = set()
        self.patterns: set[str] = set()

    def literal(self, text: str) -> None:
        if KEY.fullmatch(text):
            self.mentioned.add(text)
        elif re.fullmatch(rf"(?:{'|'.join(AREAS)})\.(?:[a-z0-9_.]*[._])?", text):
            self.patterns.add(re.escape(text) + ".+")

    def pattern(self, parts: list[str | None]) -> None:
        """An f-string or template: None stands for what is filled in."""
        if None in parts and parts[0] and re.match(rf"(?:{'|'.join(AREAS)})\.", parts[0]):
            self.patterns.add("".join(".+" if part is None else re.escape(part) for part in parts))


def python_files() -> Iterator[Path]:
    yield from sorted((ROOT / "desktop").rglob("*.py"))


def page_files(suffix: str) -> Iterator[Path]:
    yield from sorted((ROOT / "assets" / "pages").rglob(f"*{suffix}"))


@cache
def uses() -> Uses:
    found = Uses()
    for path in python_files():
        _read_python(path, found)
    for path in page_files(".js"):
        _read_script(path, found)
    for page in pages():
        for key in re.findall(r'data-text(?:-[a-z]+)?="([^"]+)"', html_of(page)):
            found.spoken[key] = f"{page}.html"
            found.mentioned.add(key)
    return found


def _read_python(path: Path, found: Uses) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.literal(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.pattern([part.value if isinstance(part, ast.Constant) else None for part in node.values])
        elif isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            key = first.value if isinstance(first, ast.Constant) else None
            # A dotted setting may look like a key: `chat.greeting` is both.
            if name in SPOKEN_BY and isinstance(key, str) and KEY.fullmatch(key) and key not in dotted_settings():
                found.spoken[key] = path.name


def _read_script(path: Path, found: Uses) -> None:
    source = path.read_text(encoding="utf-8")
    for quoted in re.findall(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'", source):
        found.literal(quoted[0] or quoted[1])
    for template in re.findall(r"`([^`]*)`", source):
        found.literal(template)
        found.pattern(
            [None if part.startswith("${") else part for part in re.split(r"(\$\{[^}]*\})", template) if part]
        )
    for key in re.findall(r"\bt\(\s*[\"']([^\"']+)[\"']", source):
        found.spoken[key] = path.name


def dotted_settings() -> set[str]:
    """Every dotted setting, without the numbers of list entries."""

    def inner(annotation: object) -> Iterator[type[Model]]:
        if isinstance(annotation, type) and issubclass(annotation, Model):
            yield annotation
        for argument in getattr(annotation, "__args__", ()):
            yield from inner(argument)

    def walk(model: type[Model], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            yield f"{prefix}{name}"
            for below in inner(field.annotation):
                yield from walk(below, f"{prefix}{name}.")

    return set(walk(Settings, ""))


def test_every_text_that_is_spoken_exists() -> None:
    missing = {key: where for key, where in uses().spoken.items() if key not in texts_of("en").keys() | plurals()}
    assert missing == {}


def test_every_text_is_used() -> None:
    found = uses()
    by_code = {f"errors.{kind.code}.{part}" for kind in every_error() for part in ("message", "hint")}
    by_setting = {f"settings_names.{name}" for name in dotted_settings()}
    # The patterns by which errors and names of settings are looked up fit anything; those are counted one by one.
    patterns = [
        re.compile(pattern) for pattern in found.patterns if not pattern.startswith((r"errors\..+", r"settings_names"))
    ]
    unused = [
        key
        for key in texts_of("en")
        if spoken_key(key) not in found.mentioned | by_code | by_setting
        and not any(pattern.fullmatch(key) for pattern in patterns)
    ]
    assert unused == []


def test_every_made_up_key_finds_something() -> None:
    for pattern in uses().patterns:
        assert any(re.fullmatch(pattern, key) for key in texts_of("en")), pattern


def test_every_setting_has_a_name_and_every_name_a_setting() -> None:
    names = {key.partition(".")[2] for key in texts_of("en") if key.startswith("settings_names.")}
    assert names == dotted_settings()


# --- words outside the catalogue ---------------------------------------------------------------------


class Words(HTMLParser):
    """The words a page would show without the catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        for name, value in attrs:
            if name in ("title", "placeholder", "alt", "aria-label", "aria-description", "label"):
                self._check(f"{name}=", value or "")
            if name == "value" and tag in ("input", "button"):
                self._check("value=", value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._check("", data)

    def _check(self, where: str, text: str) -> None:
        bare = re.sub(r"__[A-Z_]+__", "", text)
        if re.search(r"[^\W\d_]{2,}", bare):
            self.found.append(f"{where}{text.strip()}")


@pytest.mark.parametrize("page", pages())
def test_no_page_holds_words_of_its_own(page: str) -> None:
    parser = Words()
    parser.feed(html_of(page))
    shapes = {"placeholder=wf_…", "placeholder=sk-…", "placeholder=http://127.0.0.1:11434"}
    shapes |= {"placeholder=https://chat.example.com/chatkit", "placeholder=Authorization"}
    shapes |= {
        f"value={name}" for name in ("system", "light", "dark", "chat_completions", "responses", "html", "md", "json")
    }
    assert [found for found in parser.found if found not in shapes] == []


@pytest.mark.parametrize("path", list(page_files(".js")), ids=lambda path: path.name)
def test_no_script_shows_words_of_its_own(path: Path) -> None:
    shown = (
        r"\.(?:textContent|innerText|innerHTML|title|placeholder|ariaLabel|alt)\s*=\s*([\"'`])(?P<said>(?:(?!\1).)*)\1"
    )
    named = r"setAttribute\(\s*[\"'](?:aria-label|title|placeholder|alt)[\"']\s*,\s*([\"'`])(?P<said>(?:(?!\1).)*)\1"
    source = path.read_text(encoding="utf-8")
    said = [match["said"] for pattern in (shown, named) for match in re.finditer(pattern, source)]
    assert [words for words in said if re.search(r"[^\W\d_]{2,}", re.sub(r"\$\{[^}]*\}", "", words))] == []


# --- the catalogue itself ----------------------------------------------------------------------------


def test_a_missing_text_is_a_defect_and_raises(texts: Catalogue) -> None:
    with pytest.raises(KeyError):
        texts.get("errors.no_such_thing")


def test_a_page_is_given_its_areas_under_full_keys(french: Catalogue) -> None:
    page = french.page("cli", "errors")
    assert page["cli.layer.brand"] == texts_of("fr")["cli.layer.brand"]
    assert {key.partition(".")[0] for key in page} == {"cli", "errors"}


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LC_ALL": "fr-CA", "LANG": "en_US"}, "fr"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LC_MESSAGES": "en_GB", "LANG": "fr_FR"}, "en"),
    ],
)
def test_the_system_says_which_language(
    environ: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert system_language() == language


def test_a_language_nobody_has_written_is_english() -> None:
    assert Catalogue("de").language == "en"


def test_a_packaged_app_is_called_by_its_makers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/usr/lib/ask-fern/ask-fern")
    texts = Catalogue("en", ROOT / "assets" / "texts")
    # On Windows it is the twin with a console that answers in a terminal.
    name = f"ask-fern{CONSOLE}" if sys.platform == "win32" else "ask-fern"
    assert texts.get("errors.usage.hint").startswith(f"{name} --help")


@pytest.mark.parametrize(
    ("said", "language"),
    [
        (["fr-CA"], "fr"),
        (["fr-FR"], "fr"),
        (["fr-Latn-MA"], "fr"),
        (["fr"], "fr"),
        (["French_Canada.1252"], "fr"),
        (["French_Switzerland"], "fr"),
        (["English_Canada.1252"], "en"),
        (["en-GB", "fr-FR"], "en"),
        (["de-CH", "fr-CH", "en"], "fr"),
        (["fro-FR", ""], "en"),
        (["ja-JP"], "en"),
        ([], "en"),
    ],
)
def test_where_the_environment_says_nothing_the_systems_own_settings_do(said: list[str], language: str) -> None:
    assert system_language({}, lambda: said) == language
    assert system_language({"LANG": "C.UTF-8"}, lambda: said) == language
    assert system_language({"LANG": "en_US.UTF-8"}, lambda: said) == "en"
    assert system_language({"LC_ALL": "fr_CH"}, lambda: said) == "fr"
