"""What stands in the help: the same in every language, every error, every setting, nothing that is not there."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from desktop.common.errors import UsageError
from desktop.common.markdown.clean import INSIDE
from desktop.common.rendering import render_inside
from desktop.help import html
from desktop.help.reading import groups, sections, topics
from desktop.packaging import settings_help
from desktop.packaging.schema import docstrings
from desktop.settings.model import Network
from tests.help.words import HELP, LANGUAGES, ROOT, blocks, commands, files, prose, spans
from tests.rig.errors import every_error

FOREIGN_LABELS = {
    *("Agents SDK", "Python", "Evergreen Bootstrapper", "Path", "Object to Path", "Chemin", "Objet en chemin"),
    *("Windows features", "More info", "Run anyway", "System Settings", "Privacy & Security", "Open Anyway"),
    *("Fonctionnalités de Windows", "Informations complémentaires", "Exécuter quand même"),
    *("Réglages Système", "Confidentialité et sécurité", "Ouvrir quand même"),
}
"""Buttons and menus of other programs, which the help names too."""
both = pytest.mark.parametrize("language", LANGUAGES)


@both
def test_the_contents_name_every_file_once_and_nothing_else(language: str) -> None:
    named = [name for names in groups().values() for name in names]
    assert sorted(named) == sorted(files(language))


def test_every_language_has_the_same_topics_and_headings_and_code() -> None:
    first, *others = (
        {
            name: (
                [
                    (one.level, one.heading if name.startswith("errors-") and one.level > 1 else "")
                    for one in sections(text)
                ],
                blocks_of(text),
            )
            for name, text in files(language).items()
        }
        for language in LANGUAGES
    )
    for other in others:
        assert other == first


def blocks_of(text: str) -> list[str]:
    """Those that are typed or kept; a list of commands has words of its language beside them."""
    return [block for block in blocks(text) if not block.startswith("```\n")]


@both
def test_every_error_has_its_entry_and_nothing_else_has_one(language: str) -> None:
    entries = {
        section.heading: section.text
        for name, topic in topics(language).items()
        if name.startswith("errors-")
        for section in topic.sections[1:]
    }
    assert sorted(entries) == sorted(error.code for error in every_error())
    assert [code for code, text in entries.items() if len(text.partition("\n")[2].strip()) < 60] == []


@both
def test_the_page_of_settings_is_what_the_models_say(language: str) -> None:
    there = (HELP / language / "settings.md").read_text(encoding="utf-8")
    assert there == settings_help.written(language), "python -m desktop.packaging.settings_help"


@both
def test_every_setting_stands_on_the_page_of_settings(language: str) -> None:
    names = json.loads((ROOT / "assets" / "texts" / language / "settings_names.json").read_text(encoding="utf-8"))
    leaves = {name for name in names if not any(other.startswith(f"{name}.") for other in names)}
    there = files(language)["settings"]
    assert {row.name for rows in settings_help.settings().values() for row in rows} >= leaves
    assert [name for name in leaves if f"`{name}`" not in there] == []


def test_docstrings_of_settings_are_told_in_every_language_and_none_that_is_gone() -> None:
    said = {row.says for rows in settings_help.settings().values() for row in rows if row.says}
    assert docstrings(Network)["ca_file"] in said
    for language in LANGUAGES:
        if language != "en":
            assert set(settings_help.table(language)) == said


@both
def test_a_topic_has_one_title_and_is_short(language: str) -> None:
    for name, text in files(language).items():
        assert [one.level for one in sections(text)].count(1) == 1, name
        if name != "settings" and not name.startswith("errors-"):
            assert len(prose(text).split()) <= 600, name


@both
def test_links_lead_to_topics_and_headings_that_are_there(language: str) -> None:
    there = topics(language)
    for name, text in files(language).items():
        for target, anchor in re.findall(r"\]\(([^)#]+)\.md(?:#([^)]*))?\)", text):
            assert target in there, name
            assert not anchor or anchor in {one.anchor for one in there[target].sections}, name


@both
def test_nothing_in_the_help_is_loaded_from_elsewhere(language: str) -> None:
    for name, text in files(language).items():
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
            assert re.fullmatch(r"\.\./pictures/[a-z0-9-]+\.png", picture), name
            assert (HELP / language / picture).resolve().is_file(), name
        shown = "".join(piece["html"] for piece in html.pieces(topics(language)[name]))
        assert set(re.findall(r'<img src="([^"]{0,22})', shown)) <= {"data:image/png;base64,"}, name
        assert shown.count("<img") == text.count("!["), name


@both
def test_every_link_of_a_topic_is_one_that_the_window_follows(language: str) -> None:
    for topic in topics(language).values():
        shown = "".join(piece["html"] for piece in html.pieces(topic))
        links = re.findall(r'<a href="([^"]*)"', shown)
        assert shown.count("<a ") == len(links), topic.name
        for link in links:
            inside = link.removeprefix(INSIDE).partition("#")[0]
            assert link in html.addresses(language) or inside in topics(language), topic.name


def test_a_link_into_the_help_is_no_link_in_what_an_agent_writes() -> None:
    from desktop.common.rendering import render

    text = f"[more]({INSIDE}keys)"
    assert "href" not in render(text)
    assert f'href="{INSIDE}keys"' in render_inside(text)
    for bad in (f"{INSIDE}//example.com", f"{INSIDE}Keys", "javascript:alert(1)", "../keys.md"):
        assert "href" not in render_inside(f"[more]({bad})"), bad


# --- what the help says can be done ----------------------------------------------------------------


@both
def test_every_command_line_is_one_that_the_app_takes(language: str) -> None:
    seen: set[str] = set()
    for text in files(language).values():
        for line in commands(text):
            for words in as_typed(line):
                if words == ["--help"]:
                    continue
                problem = problem_of(words)
                # Where several commands stand in one word, what each of them wants besides does not.
                assert not problem or ("|" in line and "arguments are required" in problem), f"{line}: {problem}"
                seen.add(words[0] if words else "")
    assert {"", "ask", "help", "threads", "--agent"} <= seen


def problem_of(words: list[str]) -> str:
    from desktop.cli import parse

    try:
        parse(words)
    except UsageError as error:
        return str(error.values["problem"])
    return ""


def as_typed(line: str) -> list[list[str]]:
    """A line of the help with something in the place of what it leaves open; one for each of `a|b`."""
    line = re.sub(r"\[[^\]]*\]", "", line.partition(" | head")[0].removeprefix("chatkit-desktop"))
    found: list[list[str]] = [[]]
    for word in line.split():
        given = word.rstrip("…")
        found = [[*words, one] for words in found for one in (given.split("|") if given.islower() else [given])]
    return found


@both
def test_options_that_the_help_names_are_there(language: str) -> None:
    from desktop.cli import parser
    from desktop.packaging.command import parser as packager

    def known(told: object) -> set[str]:
        return {option for action in getattr(told, "_actions", ()) for option in action.option_strings}

    options, waiting = known(packager()), [parser()]
    while waiting:
        one = waiting.pop()
        options |= known(one)
        for action in one._actions:
            waiting += action.choices.values() if isinstance(action.choices, dict) else ()
    others = {"--system-site-packages", "--require-hashes", "--no-deps", "--requirement", "--yes"}
    for name, text in files(language).items():
        named = {one for span in spans(text) for one in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}
        assert named <= options | others, name


@both
def test_paths_and_make_targets_that_the_help_names_are_there(language: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    for name, text in files(language).items():
        named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", text, re.MULTILINE))
        assert named <= targets, name
        for span in spans(text):
            if re.fullmatch(r"(?:\.github|assets|desktop|tests)/[\w./-]*", span) and not re.search("clock|NAME", span):
                assert (ROOT / span).exists(), f"{name}: {span}"


@both
def test_settings_that_the_help_names_are_there(language: str) -> None:
    from desktop.settings.brand import Brand, setting_names

    groups_of_settings = {name.partition(".")[0] for name in setting_names() if "." in name}
    assert {"session", "network", "assistant"} <= groups_of_settings
    for name, text in files(language).items():
        for span in spans(text):
            if name != "settings" and re.fullmatch(r"[a-z]+\.[a-z_]+", span):
                first, _, rest = span.partition(".")
                if first in groups_of_settings:
                    assert span in setting_names(), name
                elif first in ("app", "package", "links"):
                    field = Brand.model_fields[first].annotation
                    assert rest in getattr(field, "model_fields", {}), name


@both
def test_words_of_the_app_that_the_help_names_are_those_it_shows(language: str) -> None:
    """What stands between asterisks is a button, a field or a menu."""
    shown = set(FOREIGN_LABELS)
    for path in (ROOT / "assets" / "texts" / language).glob("*.json"):
        texts = json.loads(path.read_text(encoding="utf-8")).values()
        shown |= {text.rstrip("… ").lower() for text in texts}
    for name, text in files(language).items():
        for label in re.findall(r"(?<![*\w])\*([^*\n]+)\*(?!\*)", prose(text)):
            for part in label.split(" → "):
                assert part in shown or part.rstrip("… ").lower() in shown, f"{name}: {part}"


def test_the_wheel_and_the_packages_bring_the_help_along() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "assets" in wheel["only-include"]
    assert "assets/help" not in wheel["exclude"]
    assert '"help"' in (ROOT / "build.spec").read_text(encoding="utf-8")
    assert '"help"' in (ROOT / "desktop" / "packaging" / "stage.py").read_text(encoding="utf-8")
