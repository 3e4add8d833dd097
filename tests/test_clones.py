"""The check for code that stands twice sees what it should, in every kind of file, and looks at all of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.clones import AREAS, ROOT, Limit, clones_in, files_of

SOURCES = {
    "py": """
def added(numbers):
    total = 0
    for number in numbers:
        total += number * number
    return total


def named(names):
    found = {}
    for name in names:
        found[name.lower()] = found.get(name.lower(), 0) + 1
    return found
""",
    "js": """
function added(numbers) {
  let total = 0;
  for (const number of numbers) {
    total += number * number;
  }
  return total;
}
const named = (names) => names.map((name) => name.toLowerCase()).filter((name) => name !== "");
""",
    "css": """
.card {
  display: flex;
  padding: var(--space-2);
  border: 1px solid var(--line);
}

.card > p {
  margin: 0;
  color: var(--text-soft);
}
""",
    "html": """
<form id="form" novalidate>
  <label for="name" data-text="forms.name"></label>
  <input id="name" type="text" autocomplete="off" spellcheck="false" />
  <p id="name-error" class="error" role="alert" hidden></p>
  <p id="name-help" class="help" data-text="forms.name_help"></p>
</form>
""",
}
SHORT = Limit(tokens=20, lines=4)
COMMENTS = {
    "py": ("# so and so\n", '"""So and so."""\nimport os\nfrom a import (\n    b,\n    c,\n)\n'),
    "js": ("// so and so\n", 'import {\n  a,\n  b,\n} from "./c.js";\n/* so and so */\n'),
    "css": ("/* so and so */\n",),
    "html": ("<!-- so and so -->\n",),
}


@pytest.fixture(params=sorted(SOURCES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_stands_in_two_files_is_found_with_both_places(kind: str) -> None:
    source = SOURCES[kind]
    (clone,) = clones_in([(f"a.{kind}", source), (f"b.{kind}", "\n\n" + source)], SHORT)
    assert (clone.file, clone.other_file) == (f"a.{kind}", f"b.{kind}")
    assert clone.other_lines == (clone.lines[0] + 2, clone.lines[1] + 2)
    assert clone.lines == (2, len(source.splitlines()))
    assert str(clone).startswith(f"a.{kind}:2-")


def test_what_stands_twice_in_one_file_is_found_once(kind: str) -> None:
    (clone,) = clones_in([(f"a.{kind}", SOURCES[kind] * 2)], SHORT)
    assert clone.lines[1] < clone.other_lines[0]


def test_comments_imports_and_white_space_hide_nothing(kind: str) -> None:
    source = SOURCES[kind]
    for comment in COMMENTS[kind]:
        lines = source.splitlines(keepends=True)
        other = comment + "".join(f"{line}\n" if kind != "py" else line for line in lines)
        assert len(clones_in([(f"a.{kind}", source), (f"b.{kind}", other)], SHORT)) == 1


@pytest.mark.parametrize("kind", ["py", "js"])
def test_comments_and_imports_alone_are_no_clone(kind: str) -> None:
    alike = "".join(COMMENTS[kind]) * 20
    assert clones_in([(f"a.{kind}", alike), (f"b.{kind}", alike)], Limit(5, 2)) == []


def test_another_name_makes_it_another_thing() -> None:
    other = SOURCES["py"].replace("total", "whole").replace("found", "seen")
    assert clones_in([("a.py", SOURCES["py"]), ("b.py", other)], SHORT) == []


def test_less_than_the_limit_may_stand_twice(kind: str) -> None:
    files = [(f"a.{kind}", SOURCES[kind]), (f"b.{kind}", SOURCES[kind])]
    assert clones_in(files, Limit(tokens=20, lines=100)) == []
    assert clones_in(files, Limit(tokens=1000, lines=1)) == []


def test_the_two_places_of_a_long_table_do_not_overlap() -> None:
    found = clones_in([("a.py", "(\n" + "1,\n" * 100 + ")\n")], Limit(80, 10))
    assert found
    assert all(clone.lines[1] < clone.other_lines[0] for clone in found)


def test_three_places_are_three_pairs() -> None:
    files = [(f"{name}.py", SOURCES["py"]) for name in "abc"]
    assert [(one.file[0], one.other_file[0]) for one in sorted(clones_in(files, SHORT))] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]


def test_every_file_of_ours_is_looked_at() -> None:
    looked_at = {name for area in AREAS for name, _ in files_of(area)}
    for folder in ("desktop", "assets/pages", "tests"):
        for kind in ("*.py", "*.js", "*.css", "*.html"):
            for path in (ROOT / folder).rglob(kind):
                assert "node_modules" in path.parts or path.relative_to(ROOT).as_posix() in looked_at, path
    assert not any("node_modules" in name for name in looked_at)


def test_it_is_part_of_make_check() -> None:
    recipe = (Path(ROOT) / "Makefile").read_text(encoding="utf-8").split("\ncheck-prepared:\n")[1].split("\n\n")[0]
    assert "$(PYTHON) -m tests.rig.clones" in recipe
