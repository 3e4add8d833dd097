"""Three hundred answers as models write them, made from parts by a fixed seed: the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

COUNT = 300

WORDS = (
    *(
        "the",
        "function",
        "returns",
        "a",
        "list",
        "of",
        "values",
        "and",
        "keeps",
        "its",
        "order",
        "while",
        "each",
        "line",
    ),
    *("that", "was", "read", "is", "compared", "with", "one", "before", "so", "nothing", "lost", "when", "server"),
    *("answers", "late", "or", "file", "has", "changed", "in", "between", "which", "happens", "often"),
)
INLINE = (
    *(
        "**bold words**",
        "*soft words*",
        "`code()`",
        "~~old~~",
        "[a link](https://example.com/a_b)",
        "https://example.com/c?d=e",
    ),
    *(
        "$E = mc^2$",
        r"\(a_i + b_i\)",
        "$\\frac{a}{b}$",
        "H<sub>2</sub>O",
        "x<sup>2</sup>",
        "<kbd>Ctrl</kbd>+<kbd>C</kbd>",
    ),
    *(
        "costs $5",
        "between $10 and $20",
        "5 * 3 * 2",
        "snake_case_name",
        "a < b && c > d",
        "“quoted”",
        "naïve 🌱",
        "me@example.com",
    ),
    *("**bold with `code` inside**", "***both***", "1\\. escaped", "&copy; 2026", "e.g. *this*"),
)
CODE = {
    "python": 'def add(a: int, b: int) -> int:\n    """Adds $a$ and **b**."""\n    return a + b  # done\n',
    "js": "const a = `x ${b}`;\nfor (const c of d) {\n  console.log(c); // **no**\n}\n",
    "bash": "cd ~/x && ls -la | grep '$HOME' # all\n",
    "diff": "@@ -1,2 +1,2 @@\n same\n-old\n+new\n",
    "json": '{"a": [1, 2.5, null], "b": "c"}\n',
    "sql": "SELECT a, COUNT(*) FROM t WHERE b = 'c' GROUP BY a;\n",
    "": "plain text\n\n  indented | and | piped\n",
    "klingon": "nuqneH $$\n",
    "html": '<div class="a"><details>x</details></div>\n',
}
FORMULAS = (
    "$$\nx = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n$$",
    "\\[\n\\begin{aligned}\na &= b \\\\\n- c &= d\n\\end{aligned}\n\\]",
    "$$\\int_0^1 x\\,dx = \\tfrac12$$",
    "\\[ \\sum_{k=1}^n k = \\frac{n(n+1)}{2} \\]",
)


def sentence(random: Random) -> str:
    words = [random.choice(WORDS) for _ in range(random.randint(4, 10))]
    for _ in range(random.randint(0, 2)):
        words.insert(random.randint(0, len(words)), random.choice(INLINE))
    return " ".join(words).capitalize() + random.choice((".", ".", ":", "?"))


def paragraph(random: Random) -> str:
    return random.choice((" ", " ", "\n")).join(sentence(random) for _ in range(random.randint(1, 2)))


def items(random: Random) -> str:
    mark = random.choice(("- ", "* ", "1. ", "- [ ] ", "- [x] "))
    return "\n".join(
        f"{mark}{sentence(random)}"
        + (f"\n{' ' * (3 if mark == '1. ' else 2)}- deeper" if random.random() < 0.2 else "")
        for _ in range(random.randint(2, 3))
    )


def code(random: Random) -> str:
    language = random.choice(list(CODE))
    fence = random.choice(("```", "```", "~~~~"))
    return f"{fence}{language}\n{CODE[language]}{fence}"


def table(random: Random) -> str:
    rows = "\n".join(f"| {random.choice(WORDS)} | {random.choice(INLINE)} |" for _ in range(2))
    return f"| Name | What it is |\n|:-----|{random.choice(('---', ':-:', '--:'))}|\n{rows}"


def details(random: Random) -> str:
    summary = f"<summary>{random.choice(WORDS)} more</summary>"
    return f"<details>\n{summary}\n\n{paragraph(random)}\n\n{code(random)}\n\n</details>"


def noted(random: Random) -> str:
    return f"{paragraph(random)}[^1]\n\n[^1]: {sentence(random)}"


BLOCKS: tuple[Callable[[Random], str], ...] = (
    *(paragraph, paragraph, paragraph, items, items, code, code, table, details, noted),
    lambda random: f"{'#' * random.randint(1, 4)} {sentence(random)}",
    lambda random: "\n".join(f"> {sentence(random)}" for _ in range(2)),
    lambda random: random.choice(FORMULAS),
    lambda random: f"{sentence(random)}\n{random.choice(FORMULAS)}",
    lambda random: f"- {sentence(random)}\n\n  {code(random)}".replace("\n", "\n  ").replace("\n  \n", "\n\n"),
    lambda random: "---",
    lambda random: f"See [the page][p].\n\n[p]: https://example.com/{random.choice(WORDS)}",
)


def answers() -> list[str]:
    random = Random(12)
    made: dict[str, None] = {}
    while len(made) < COUNT:
        made["\n\n".join(random.choice(BLOCKS)(random) for _ in range(random.randint(1, 4)))] = None
    return list(made)
