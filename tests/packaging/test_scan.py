"""What a maker hands out holds no key: brand file, agents, the files beside them, pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.packaging import agents
from desktop.packaging.errors import SecretFound
from desktop.packaging.scan import found_in, scan
from tests.packaging.makers import Maker, can_package

KEY = "sk-proj-0123456789abcdefghijABCDEFGHIJ"


@pytest.mark.parametrize(
    "line",
    [
        f'KEY = "{KEY}"',
        f"# {KEY}",
        'client = Client(api_key="0123456789abcdef")',
        "headers = {'Authorization': 'Bearer abcdefghijklmnop'}",
        '{"api_key": "0123456789abcdef"}',
        "password: 'correct-horse-battery'",
        'ACCESS_TOKEN = r"0123456789abcdef"',
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        'url = "https://user:hunter22hunter@db.example"',
        'aws = "AKIAIOSFODNN7EXAMPLE"',
    ],
)
def test_checklist_32_a_secret_is_found_with_its_line_in_any_encoding(line: str) -> None:
    for encoding in ("utf-8", "utf-16-le", "utf-16"):
        assert found_in(f"one\ntwo\n{line}\n".encode(encoding)) == 3
    assert found_in(b"\xff\xfe\x00\n" + line.encode()) == 2


@pytest.mark.parametrize(
    "line",
    [
        'key = os.environ["OPENAI_API_KEY"]',
        'api_key = ""',
        'api_key="<your key goes here>"',
        'password = f"{secret_of(user)}"',
        'token = "short"',
        'task_key = compute("something long enough")',
        "The secret of ferns: they have no flowers whatsoever.",
        'PASSWORD_RULE = "at least twelve characters"',
    ],
)
def test_ordinary_code_and_words_are_no_secrets(line: str) -> None:
    assert found_in(line.encode()) is None


def test_checklist_32_the_file_and_line_are_named_and_the_secret_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "fern.py"
    path.parent.mkdir()
    path.write_text(f"x = 1\nkey = '{KEY}'\n")
    with pytest.raises(SecretFound) as caught:
        scan([path], tmp_path)
    assert "agents/fern.py, line 2" in caught.value.message
    assert "0123456789" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("where", ["agents/fern.py", "agents/words.py", "data/names.csv"])
def test_checklist_32_packaging_stops_on_a_key_in_an_agents_file_what_it_imports_and_what_it_reads(
    maker: Maker, where: str
) -> None:
    maker.agent()
    (maker.folder / "data").mkdir()
    (maker.folder / "data" / "names.csv").write_text("fern\n")
    maker.set("package", files=["data/*.csv"])
    assert list(agents.files(maker.plan())) == ["agents/fern.py", "agents/words.py", "data/names.csv"]
    with (maker.folder / where).open("a") as stream:
        stream.write(f"# {KEY}\n")
    with pytest.raises(SecretFound):
        agents.files(maker.plan())


@can_package
def test_checklist_32_packaging_stops_on_a_key_in_the_brand_file_and_in_the_picture(maker: Maker) -> None:
    (maker.folder / "fern.svg").write_text(f"{maker.svg}<!-- {KEY} -->")
    maker.set("app", icon="fern.svg")
    assert maker.code() == 4
    maker.set("app", icon="fern.png")
    assert maker.code() == 0
    with maker.file.open("a") as stream:
        stream.write(f"# {KEY}\n")
    assert maker.code() == 4


@can_package
def test_checklist_32_what_lies_beside_the_brand_and_is_not_named_does_not_go_along(maker: Maker) -> None:
    maker.agent()
    (maker.folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    (maker.folder / "agents" / "notes.txt").write_text("not imported")
    assert list(agents.files(maker.plan())) == ["agents/fern.py", "agents/words.py"]
    assert maker.code() == 0
