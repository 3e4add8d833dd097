"""What has changed since a yes, line by line, and the copies that it is compared with."""

from __future__ import annotations

import stat
from pathlib import Path

from desktop.agents.code.changes import MOST_COMPARED, MOST_LINES, MOST_TEXT, compare
from desktop.agents.code.consent import LIST, Consents, read
from desktop.agents.code.copies import Copies, sha256


def shown(before: str, now: str) -> list[str]:
    found = compare(before, now)
    assert found is not None
    assert not found.cut
    signs = {"new": "+", "gone": "-", "same": " ", "gap": "~"}
    return [f"{line.number or ''}{signs[line.kind]}{line.text}" for line in found.lines]


def text(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_changed_lines_stand_with_their_numbers_among_what_is_around_them() -> None:
    numbers = [str(number) for number in range(1, 21)]
    now = [*numbers[:9], "ten", "and a half", *numbers[10:]]
    changed = ["~", "7 7", "8 8", "9 9", "-10", "10+ten", "11+and a half", "12 11", "13 12", "14 13", "~"]
    assert shown(text(*numbers), text(*now)) == changed
    assert shown(text("a"), text("b")) == ["-a", "1+b"]
    assert shown("", text("a")) == ["1+a"]
    assert shown(text("a", "b"), text("b")) == ["-a", "1 b"]
    assert shown(text("a"), "a") == []


def test_two_changes_far_from_each_other_have_a_gap_between_them() -> None:
    numbers = [str(number) for number in range(1, 31)]
    now = ["one", *numbers[1:29], "thirty"]
    found = shown(text(*numbers), text(*now))
    assert found[:2] == ["-1", "1+one"]
    assert found[-2:] == ["-30", "30+thirty"]
    assert found.count("~") == 1


def test_every_line_of_now_that_is_not_shown_was_there_before() -> None:
    before = text(*[f"x{number % 7}" for number in range(60)])
    now = text(*[f"x{number % 5}" for number in range(55)], "end")
    found = compare(before, now)
    assert found is not None
    seen = {line.number for line in found.lines if line.number}
    hidden = [line for number, line in enumerate(now.splitlines(), 1) if number not in seen]
    assert set(hidden) <= set(before.splitlines())
    assert all(now.splitlines()[line.number - 1] == line.text for line in found.lines if line.number)


def test_more_than_can_be_compared_or_shown_is_not() -> None:
    many = [str(number) for number in range(MOST_COMPARED)]
    assert compare(text(*many), text(*many[::-1])) is None
    long = compare("", text(*many[: MOST_LINES + 1]))
    assert long is not None
    assert (long.cut, len(long.lines)) == (True, MOST_LINES)
    wide = compare("", text("x" * MOST_TEXT, "y"))
    assert wide is not None
    assert (wide.cut, len(wide.lines)) == (True, 1)
    whole = text(*["same"] * 300_000)
    assert compare(whole, whole + "new\n") is not None


def test_checklist_28_what_was_approved_is_kept_privately_and_goes_with_the_yes(tmp_path: Path) -> None:
    file = tmp_path / "code" / "agent.py"
    file.parent.mkdir()
    consents = Consents(tmp_path / "profile" / LIST)
    folder = tmp_path / "profile" / "approved_code"
    file.write_text("a = 1\n")
    consents.give(read(file))
    assert consents.before(read(file), "agent.py") == "a = 1\n"
    (kept,) = folder.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    file.write_text("a = 2 # \u202e\n")
    assert consents.before(read(file), "agent.py") == "a = 1\n"
    kept.write_text("a = 3\n")
    assert consents.before(read(file), "agent.py") is None, "what is not what it was is compared with nothing"
    consents.give(read(file))
    assert consents.before(read(file), "agent.py") == "a = 2 # ⟨U+202E⟩\n"
    assert [one.name for one in folder.iterdir()] == [sha256(file.read_bytes())]
    consents.take_back(file)
    assert list(folder.iterdir()) == []


def test_a_list_of_approvals_that_was_tampered_with_reads_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text("a = 1\n")
    (tmp_path / "secret").write_text("x")
    consents = Consents(tmp_path / LIST)
    consents.give(read(file))
    kept = (tmp_path / LIST).read_text()
    (tmp_path / LIST).write_text(kept.replace(sha256(b"a = 1\n"), "../secret"))
    assert Consents(tmp_path / LIST).before(read(file), "agent.py") is None


def test_a_folder_that_takes_nothing_keeps_nobody_from_saying_yes(tmp_path: Path) -> None:
    (tmp_path / "approved_code").write_text("in the way")
    file = tmp_path / "agent.py"
    file.write_text("a = 1\n")
    consents = Consents(tmp_path / LIST)
    consents.give(read(file))
    assert consents.given(read(file))
    assert consents.before(read(file), "agent.py") is None


def test_copies_in_memory_come_and_go_as_those_on_the_disk() -> None:
    copies = Copies(None, 10)
    copies.put([b"a", b"b"])
    copies.only({sha256(b"b")})
    assert (copies.get(sha256(b"a")), copies.get(sha256(b"b"))) == (None, b"b")
