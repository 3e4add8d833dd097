"""Which packages a file needs, read from its imports without running it."""

from __future__ import annotations

from pathlib import Path

from desktop.agents.code.consent import read
from desktop.agents.code.imports import lacking, wanted


def put(folder: Path, text: str, name: str = "agent.py") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / "agent.py"


def test_only_what_nobody_has_is_lacking(tmp_path: Path) -> None:
    put(tmp_path, "import wordcloud.inner", "helpers.py")
    file = put(
        tmp_path,
        "import os, json, helpers, agents, openai, httpx\n"
        "from . import helpers\n"
        "def late():\n    from youtube_transcript_api.sub import x, y\n",
    )
    assert lacking(read(file), tmp_path / "packages") == ["youtube-transcript-api", "wordcloud"]


def test_an_import_that_may_fail_is_no_need(tmp_path: Path) -> None:
    file = put(
        tmp_path,
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import unidecode\n"
        "try:\n    import textblob\nexcept (ImportError, OSError):\n    textblob = None\n"
        "try:\n    import zeep\nexcept ValueError:\n    pass\n",
    )
    assert lacking(read(file), tmp_path / "packages") == ["zeep"]


def test_what_was_installed_for_it_is_there(tmp_path: Path) -> None:
    place = tmp_path / "packages"
    place.mkdir()
    (place / "youtube_transcript_api.py").write_text("raise SystemExit('it ran')")
    file = put(tmp_path, "import youtube_transcript_api")
    assert lacking(read(file), place) == []


def test_a_package_that_is_named_and_imported_is_wanted_once_and_as_it_was_named(tmp_path: Path) -> None:
    file = put(tmp_path, "import youtube_transcript_api")
    assert wanted(read(file), ["YouTube.transcript_API>=2,<3", "quiet-of-mars"], tmp_path / "p") == [
        "YouTube.transcript_API>=2,<3",
        "quiet-of-mars",
    ]


def test_the_guardrails_of_an_export_come_from_the_package_that_has_another_name(tmp_path: Path) -> None:
    place = tmp_path / "packages"
    file = put(tmp_path, "from guardrails.runtime import load_config_bundle, run_guardrails\n")
    assert wanted(read(file), [], place) == ["openai-guardrails"]
    assert wanted(read(file), ["openai-guardrails"], place) == ["openai-guardrails"]
    (place / "guardrails").mkdir(parents=True)
    (place / "openai_guardrails-0.2.1.dist-info").mkdir()
    about = "Metadata-Version: 2.1\nName: openai-guardrails\nVersion: 0.2.1\n"
    (place / "openai_guardrails-0.2.1.dist-info" / "METADATA").write_text(about, encoding="utf-8")
    assert wanted(read(file), ["openai-guardrails"], place) == []
