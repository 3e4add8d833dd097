"""The tree of errors: one code a leaf, and what a person is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from desktop.common import errors
from desktop.common.errors import AppError, FileUnreadable, Phrase
from desktop.common.texts import Catalogue
from desktop.keys.errors import KeyShape
from desktop.openai_api.errors import ApiError
from desktop.settings.errors import SettingsInvalid
from tests.rig.errors import every_error

LEAVES = every_error()


def test_every_leaf_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in LEAVES]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z][a-z_]+", code) for code in codes)


def drawn(tree: str) -> set[tuple[str, str]]:
    """(class, what it is derived from) of the tree that is drawn in a docstring."""
    found: set[tuple[str, str]] = set()
    above = ["AppError"]
    for indent, name in re.findall(r"^((?:│   |    )*)[├└]── (\w+)", tree, re.MULTILINE):
        depth = len(indent) // 4 + 1
        found.add((name, above[depth - 1]))
        above[depth:] = [name]
    return found


def test_the_tree_at_the_top_of_the_module_is_the_tree() -> None:
    real: set[tuple[str, str]] = set()

    def walk(kind: type[AppError]) -> None:
        for child in kind.__subclasses__():
            if re.fullmatch(r"desktop\..*\.errors", child.__module__):
                real.add((child.__name__, kind.__name__))
                walk(child)

    walk(AppError)
    assert drawn(errors.__doc__ or "") == real
    assert len(re.findall(r"[├└]── ", errors.__doc__ or "")) == len(real)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_checklist_12_what_a_page_is_told_is_code_sentence_hint_and_no_traceback(
    kind: type[AppError], texts: Catalogue, french: Catalogue
) -> None:
    names = (
        *(
            "problem",
            "tried",
            "method",
            "limit",
            "kept",
            "version",
            "known",
            "path",
            "name",
            "origin",
            "backend",
            "seconds",
        ),
        *("workflow", "thread", "status", "host", "proxy", "command", "profile", "length", "model"),
        *("file", "digest", "line", "module", "package", "packages", "inputs", "target", "server"),
        *("engine", "link", "wanted", "advice", "choices", "prompt", "day", "topic", "nearest"),
    )
    extra = {} if issubclass(kind, ApiError) else {"status": 500}
    error = kind("detail", **{name: f"<{name}>" for name in names if name != "status"}, **extra)
    if issubclass(kind, ApiError):
        error.values = {**error.values, "status": 500}
    for catalogue in (texts, french):
        told = error.describe(catalogue)
        assert set(told) == {"code", "message", "hint", "retryable", "field", "detail"}
        assert told["code"] == kind.code
        assert told["detail"] == "detail"
        assert not re.search(r"[{}]|Traceback|Phrase\(", told["message"] + told["hint"])


def test_exit_codes_are_those_of_the_command_line() -> None:
    codes = {kind.code: kind.exit_code for kind in LEAVES if kind.exit_code != 1}
    assert codes == {
        "usage": 2,
        "help_topic_unknown": 2,
        "engine_missing": 3,
        "engine_changed": 3,
        "engine_hidden": 3,
        "engine_refuses_root": 3,
        "engine_not_here": 2,
        "webview_missing": 3,
        "dotnet_missing": 3,
        "engine_lost": 3,
        "proxy_not_in_window": 3,
        "window_blank": 3,
        "window_not_made": 3,
        "display_missing": 4,
        "waits_for_person": 5,
    }


def test_what_a_retry_can_help_is_marked_and_nothing_else() -> None:
    retryable = {kind.code for kind in LEAVES if kind.retryable}
    assert {"rate_limited", "service_down", "timed_out", "component_late", "keyring_locked"} <= retryable
    assert not {"key_rejected", "quota_exceeded", "workflow_not_found", "key_shape", "settings_newer"} & retryable


def test_a_phrase_among_the_values_is_spelled_in_the_language_of_the_catalogue(
    texts: Catalogue, french: Catalogue
) -> None:
    error = KeyShape(problem=Phrase("problems.key.other_service", {"service": "Anthropic"}))
    assert "This is a key for Anthropic." in error.describe(texts)["message"]
    assert "C’est une clé pour Anthropic." in error.describe(french)["message"]


def test_a_phrase_may_hold_phrases_and_may_fall_back(texts: Catalogue) -> None:
    inner = Phrase("errors.no_such_text", fallback="plan B")
    assert Phrase("problems.missing", {"name": inner}).spell(texts) == "“plan B” is missing."
    with pytest.raises(KeyError):
        Phrase("errors.no_such_text").spell(texts)


def test_a_bad_setting_is_told_by_its_name_its_place_and_its_problem(texts: Catalogue, french: Catalogue) -> None:
    error = SettingsInvalid(name="agents.3.workflow_id", problem=Phrase("problems.workflow_id"), layer="environment")
    told = error.describe(texts)
    assert told["message"].startswith("The setting “Workflow id” has a value that can’t be used. A workflow id begins")
    assert told["hint"] == "Change agents.3.workflow_id in the environment."
    assert told["field"] == "agents.3.workflow_id"
    assert "dans l’environnement" in error.describe(french)["hint"]


def test_no_module_makes_up_an_error_class_with_a_code_elsewhere() -> None:
    root = Path(errors.__file__).parents[1]
    others = [
        path.name
        for path in root.rglob("*.py")
        if path.name != "errors.py"
        and re.search(r"^    code(: .*)? = \"", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert others == []


@pytest.mark.parametrize(
    ("problem", "ends"),
    [
        ("No such file or directory", "can’t be read: No such file or directory."),
        ("it is larger than 1 MB.", "can’t be read: it is larger than 1 MB."),
        ("what is it?", "can’t be read: what is it?"),
        ("“not this.”", "can’t be read: “not this.”"),
    ],
)
def test_a_sentence_ends_before_its_hint_begins(texts: Catalogue, problem: str, ends: str) -> None:
    told = FileUnreadable(path="/a", problem=problem).describe(texts)
    assert told["message"].endswith(ends)
