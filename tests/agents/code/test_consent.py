"""What is approved and what runs: files and their hash, the yes that is kept, and the swap that does not work."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.agents.code.consent import Consents, Source, read
from desktop.agents.code.errors import CodeConsentNeeded, CodeUnreadable
from desktop.common.texts import Catalogue
from tests.agents.code.bench import Bench, forked, until
from tests.agents.talk import Heard
from tests.rig.systems import link
from tests.standins.models_api import KEY, Answer, ModelsApi

AGENT = """
    from agents import Agent
    agent = Agent(name="Mine", instructions={words!r}, model="gpt-4.1")
"""


def put(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "agent.py"


def test_what_the_file_imports_of_its_folder_belongs_to_it_and_nothing_else_does(tmp_path: Path) -> None:
    file = put(
        tmp_path,
        agent="import helpers\nfrom tools.search import find\nfrom . import near\nimport os, agents, missing",
        helpers="def f():\n    import later",
        later="",
        near="from .near_too import x",
        near_too="x = 1",
        tools__search="from .inner import y",
        tools__inner="y = 1",
        unrelated="",
        os="",
        agents="",
    )
    source = read(file)
    assert next(iter(source.files)) == "agent.py"
    assert set(source.files) == {
        *("agent.py", "helpers.py", "later.py", "near.py", "near_too.py", "tools/search.py", "tools/inner.py"),
    }


def test_the_hash_is_that_of_all_of_it(tmp_path: Path) -> None:
    file = put(tmp_path, agent="import helpers", helpers="a = 1", other="")
    before = read(file).digest
    put(tmp_path, other="changed")
    assert read(file).digest == before
    put(tmp_path, helpers="a = 2")
    assert read(file).digest != before


def test_checklist_28_a_yes_is_for_exactly_this_content_and_is_kept_in_a_private_file(tmp_path: Path) -> None:
    file = put(tmp_path / "code", agent="import helpers", helpers="a = 1")
    kept = tmp_path / "profile" / "approved.json"
    consents = Consents(kept)
    source = read(file)
    with pytest.raises(CodeConsentNeeded) as told:
        consents.require(source)
    assert source.digest in told.value.describe(Catalogue("en"))["detail"]
    consents.give(source)
    Consents(kept).require(read(file))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    put(tmp_path / "code", helpers="a = 2")
    assert not Consents(kept).given(read(file))
    assert Consents(kept).changed(read(file))
    consents.take_back(file)
    assert not Consents(kept).given(source)


def test_what_has_changed_since_the_yes_is_known_by_name(tmp_path: Path) -> None:
    file = put(tmp_path / "code", agent="import a, b, c", a="1", b="1")
    kept = tmp_path / "approved.json"
    assert Consents(kept).since(read(file)) is None
    Consents(kept).give(read(file))
    assert Consents(kept).since(read(file)) is None
    put(tmp_path / "code", a="2", c="1")
    (tmp_path / "code" / "b.py").unlink()
    change = Consents(kept).since(read(file))
    assert change is not None
    assert (change.new, change.changed, change.gone) == ({"c.py"}, {"a.py"}, {"b.py"})


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"# harmless\rimport os", "# harmless\nimport os"),  # for Python a line ends there
        ("a = 1 # \u202eeurT".encode(), "a = 1 # ⟨U+202E⟩eurT"),
        ("x\u200b = '\u2066'".encode(), "x⟨U+200B⟩ = '⟨U+2066⟩'"),
        (b"# coding: utf-7\n# +AAo-import os", "# coding: utf-7\n# \nimport os"),  # what Python reads there
        (b"# coding: latin-1\n# \xe9", "# coding: latin-1\n# é"),
        ("\ufeffa = 'été'".encode(), "a = 'été'"),
    ],
)
def test_checklist_28_what_is_shown_is_what_python_reads_and_nothing_in_it_is_invisible(
    tmp_path: Path, content: bytes, shown: str
) -> None:
    assert Source(tmp_path / "agent.py", {"agent.py": content}, "").text() == shown


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"/x": 3}'])
def test_a_damaged_list_of_approvals_is_a_no(tmp_path: Path, damage: str) -> None:
    kept = tmp_path / "approved.json"
    kept.write_text(damage, encoding="utf-8")
    file = put(tmp_path, agent="a = 1")
    assert not Consents(kept).given(read(file))
    Consents(kept).give(read(file))
    assert Consents(kept).given(read(file))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"<html>", "is not valid Python; error in line 1"),
        (b"\x00\x01\x02", "is not valid Python"),
        (b"a = 1\ndef (:\n", "in line 2"),
        (b"# " + b"x" * 2_000_000, "KB"),
    ],
    ids=["not there", "html", "binary", "syntax", "too large"],
)
def test_a_file_that_is_none_is_a_sentence(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "agent.py"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CodeUnreadable) as told:
        read(file)
    assert words in told.value.describe(Catalogue("en"))["message"]


def test_a_file_of_a_hundred_megabytes_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    with file.open("wb") as made:
        made.truncate(100_000_000)
    with pytest.raises(CodeUnreadable):
        read(file)


# --- in the app -------------------------------------------------------------------------------


def test_checklist_28_nothing_runs_before_the_yes_nor_after_a_change(code: Bench, tmp_path: Path) -> None:
    trace = tmp_path / "it_ran"
    runs = f"open({str(trace)!r}, 'a').write('x')\n"
    code.write(AGENT.format(words="one"))
    text = code.file.read_text()
    code.file.write_text(text + runs)
    assert "has not been approved" in code.say().errors[0]["message"]
    assert not trace.exists()
    assert code.children == []
    code.approve()
    code.api.answer(Answer(text="I run."))
    assert code.say().said == "I run."
    ran = trace.read_text()
    code.file.write_text(text + runs + "# changed\n")
    assert "has changed since" in code.say().errors[0]["message"]
    assert trace.read_text() == ran


def test_checklist_28_what_runs_is_what_was_approved_whatever_lies_on_the_disk_by_then(
    code: Bench, tmp_path: Path
) -> None:
    """The file, once it runs, swaps its own sibling before importing it: what was approved is imported all the same."""
    code.write('WORDS = "approved"\n', "helpers.py")
    code.holds(
        """
        from pathlib import Path
        Path(__file__).with_name("helpers.py").write_text('WORDS = "swapped"')
        Path(__file__).write_text('raise SystemExit')
        import helpers
        from agents import Agent
        agent = Agent(name="Mine", instructions=helpers.WORDS, model="gpt-4.1")
        """
    )
    code.api.answer(Answer(text="fine"))
    assert code.say().said == "fine"
    assert code.api.last.body["instructions"] == "approved"


def test_a_file_beside_it_that_was_not_approved_is_not_imported(code: Bench) -> None:
    code.write("raise SystemExit('it ran')", "hidden.py")
    code.holds("import importlib\nimportlib.import_module('hid' + 'den')")
    told = code.say().errors[0]["message"]
    assert "line 1" in told or "line 2" in told
    assert "hidden" in told
    assert "it ran" not in told


def test_checklist_28_what_came_with_a_packaged_app_is_the_apps_own_code_and_nothing_beside_it(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / "agent.py").write_text("x = 1")
    link(own / "link.py", other / "agent.py")
    consents = Consents(None, own)
    assert consents.given(read(own / "agent.py"))
    for elsewhere in (other / "agent.py", own / ".." / "other" / "agent.py", own / "link.py"):
        assert not consents.given(read(elsewhere))
    assert not Consents(None).given(read(own / "agent.py")), "a checkout has no such folder"


class Asking:
    """A bench whose file has changed since the yes, and somebody who is asked about it."""

    def __init__(self, folder: Path, api: ModelsApi) -> None:
        self.asked: list[tuple[str, str]] = []
        self.code = Bench(folder, api, start=forked(), on_code=lambda agent, why: self.asked.append((agent, why.code)))
        self.code.holds(AGENT.format(words="First."))
        self.code.write(AGENT.format(words="Second."))

    def begin(self) -> Heard:
        """A message that waits."""
        before = len(self.asked)
        heard = self.code.page.begin("hello")
        until(lambda: len(self.asked) > before)
        heard.until(lambda: "progress_update" in heard.kinds)
        assert not heard.ends
        assert self.asked[-1] == ("code", "code_consent_needed")
        return heard


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with ModelsApi(key=KEY) as api:
        made = Asking(tmp_path / "my_agent", api)
        yield made
        made.code.close()


def test_checklist_28_a_message_waits_for_the_yes_to_a_changed_file_and_is_answered_without_being_sent_again(
    asking: Asking,
) -> None:
    heard = asking.begin()
    asking.code.host.code_answered("other", given=True)
    asking.code.approve()
    asking.code.host.code_answered("code", given=True)
    assert asking.code.read(heard).said == "You said: hello"
    assert [asked.body["instructions"] for asked in asking.code.api.calls("/v1/responses")] == ["Second."]


def test_checklist_28_a_yes_to_what_has_changed_once_more_asks_once_more(asking: Asking) -> None:
    heard = asking.begin()
    asking.code.approve()
    asking.code.write(AGENT.format(words="Third."))
    asking.code.host.code_answered("code", given=True)
    until(lambda: len(asking.asked) == 2)
    assert asking.code.api.asked == []
    asking.code.approve()
    asking.code.host.code_answered("code", given=True)
    assert asking.code.read(heard).said == "You said: hello"


def test_without_a_yes_the_message_ends_with_a_sentence_and_the_next_one_asks_again(asking: Asking) -> None:
    heard = asking.begin()
    asking.code.host.code_answered("code", given=False)
    (told,) = asking.code.read(heard).errors
    assert told["allow_retry"]
    again = asking.begin()
    asking.code.host.cancel(again.stream)
    until(lambda: not asking.code.children)
    assert asking.code.api.asked == []


def test_checklist_28_with_the_yes_or_the_agent_its_process_goes_once_its_answer_is_given(code: Bench) -> None:
    code.holds(AGENT.format(words="First."))
    code.api.answer(Answer(pieces=("Said ", "to ", "its end."), hold_after=1))
    heard = code.page.begin("hello")
    heard.until_said("Said ")
    code.host.tidy()
    code.consents.take_back(code.file)
    code.host.tidy()
    code.api.release()
    assert code.read(heard).said == "Said to its end."
    until(lambda: not code.children)
    code.approve()
    assert code.say().said == "You said: hello"
    assert code.children
    del code.given.agents["code"]
    code.host.tidy()
    until(lambda: not code.children)
