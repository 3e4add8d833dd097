"""Marks by the ten thousand: whatever a model repeats, 100 kB are read in seconds and nothing in them can act."""

from __future__ import annotations

import time

import pytest

from desktop.common.rendering import render, render_growing
from tests.common.test_rendering import Seen, harmless

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"
CONSTRUCTS = (
    *("# {}", "> {}", "- {}", "1. {}", "- [x] {}", "| {} | b |\n|---|---|\n| {} | c |", "**{}**", "~~{}~~", "`{}`"),
    *(
        "```{}\n{}\n```",
        "```html\n{}\n```",
        "    {}",
        "[{}](https://example.com '{}')",
        "![{}](https://example.com/{})",
    ),
    *("[a][{}]\n\n[{}]: https://example.com", "a[^1]\n\n[^1]: {}", "<details><summary>{}</summary>{}</details>"),
    *(
        "<details>\n<summary>{}</summary>\n\n{}\n\n</details>",
        "<sub>{}</sub>",
        "<kbd>{}</kbd>",
        "<details {}>",
        "<sub {}>",
    ),
    *("${}$", "$${}$$", "\\({}\\)", "\\[\n{}\n\\]", "https://example.com/{}", "www.example.com/{}", "a@example.com{}"),
    *("<https://example.com/{}>", "&lt;{}&gt;", "```mermaid\n{}\n```", "```svg\n{}\n```", "```diff\n-{}\n+{}\n```"),
)
REPEATED = (
    *(
        ":",
        "a:",
        "http:",
        "https://",
        "mailto:",
        "www.",
        " www.a",
        "@",
        "a@a",
        "a@a.a",
        "$",
        "$a ",
        "$a$",
        "\\$",
        "$$a",
        "$$\n",
    ),
    *(
        "\\(",
        "\\[",
        "\\[a\n",
        "\\(a\\) ",
        "[^a]",
        "[^a",
        "[^a]: x\n",
        "<details>",
        "<details>\n",
        "<details><summary>",
        "<sub>",
    ),
    *(
        "</sub>",
        "<sub>a</sub>",
        "<br>",
        "<",
        "&",
        "| a ",
        "|\n",
        "- [ ] ",
        "- [x] a\n",
        "~~a ",
        "`",
        "`a",
        "```",
        "```\n",
        "w",
    ),
    *(
        "*a ",
        "**a",
        "_a",
        "[",
        "[a](",
        "![",
        "![a](b",
        "> ",
        ">",
        "\\",
        "#",
        "1. ",
        "~",
        "~~~\n",
        "(",
        "<a",
        "<!--",
        "\t",
        " ",
    ),
)


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_script_in_any_construct_is_text(construct: str) -> None:
    html = render(construct.replace("{}", SCRIPT))
    assert harmless(html)
    assert "script" not in Seen(html).tags


def read_in_seconds(mark: str, length: int, limit: float) -> None:
    text = mark * (length // len(mark))
    for work in (render, render_growing):
        began = time.process_time()
        work(text)
        assert time.process_time() - began < limit


@pytest.mark.parametrize("mark", REPEATED)
def test_a_mark_repeated_ten_thousand_bytes_long_is_read_at_once(mark: str) -> None:
    read_in_seconds(mark, 10_000, 3)


@pytest.mark.exhaustive
@pytest.mark.parametrize("mark", REPEATED)
def test_a_mark_repeated_over_a_hundred_kilobytes_is_read_in_seconds(mark: str) -> None:
    read_in_seconds(mark, 100_000, 15)
