"""F-strings of Python 3.12 on any Python: what is changed, what stays, and that nothing moves."""

from __future__ import annotations

import pytest

from desktop.agents.code.fstrings import plain
from desktop.agents.code.mends import parse


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ('f"a {x["b"]} c"', "f\"a {x['b']} c\""),
        ("f'a {x['b']} c'", "f'a {x[\"b\"]} c'"),
        ('f"{x["a"]["b"]} {y["c"]}"', "f\"{x['a']['b']} {y['c']}\""),
        ('rf"{x["a"]:>{w["b"]}}"', "rf\"{x['a']:>{w['b']}}\""),
        ('f"{{ {x["a"]} }}"', "f\"{{ {x['a']} }}\""),
        ('# it\'s\nf"{x["a"]}"', "# it's\nf\"{x['a']}\""),
    ],
)
def test_quotes_inside_of_braces_become_the_other_ones_and_nothing_moves(text: str, changed: str) -> None:
    assert plain(text) == changed
    assert len(changed) == len(text)
    compile(changed, "x", "eval" if "\n" not in text else "exec")


@pytest.mark.parametrize(
    "text",
    [
        'x = "a {b["c"]}',
        'f"plain"',
        "f\"{x['a']}\"",
        'f"""{x["a"]}"""',
        '"it {x["a"]}"',
        "# f\"{x['a']}",
        'f"{x["a\'b"]}"',
        "f'unfinished {",
        'f"',
        "'''",
    ],
)
def test_what_is_fine_or_beyond_help_stays_as_it_is(text: str) -> None:
    assert plain(text) is None


def test_a_file_that_is_no_python_is_still_none() -> None:
    with pytest.raises(SyntaxError):
        parse(b'f"{x["a"]}" def')
    assert parse(b'y = f"{x["a"]}"\n').body[0].lineno == 1
