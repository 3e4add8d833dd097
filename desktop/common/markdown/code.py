"""Code in its language's colours: Pygments finds the words, the page's style sheet says what colour a kind has."""

from __future__ import annotations

import re
import time
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 20_000
"""Characters of code that are coloured; more stays plain, as nobody may wait for it."""
LONGEST_LINE = 1_000
"""Characters of a line. Longer ones are data or an attack on a lexer's patterns."""

BUDGET = 0.4
"""Seconds of a processor that a block may take, some ten times what 20,000 characters of ordinary code do. Well-chosen
signs keep some lexers busy for minutes, a little at each word; what comes after the budget stays plain."""

# Pygments' name of a language and how else models call it. What is not here stays plain: Pygments
# has five hundred, and these alone were tried with hostile code (tests/common/markdown/test_code.py).
LANGUAGES = {
    "bash": "sh shell zsh ksh",
    "batch": "bat cmd",
    "c": "h",
    "clojure": "clj",
    "cmake": "",
    "console": "shell-session terminal",
    "cpp": "c++ cc hpp cxx",
    "csharp": "c# cs",
    "css": "",
    "dart": "",
    "diff": "patch udiff",
    "docker": "dockerfile",
    "elixir": "ex exs",
    "erlang": "erl",
    "fsharp": "f# fs",
    "go": "golang",
    "graphql": "gql",
    "groovy": "gradle",
    "haskell": "hs",
    "html": "xhtml vue svelte",
    "ini": "cfg conf properties dosini",
    "java": "",
    "javascript": "js mjs cjs jsx node",
    "json": "jsonc json5 jsonl ndjson",
    "julia": "jl",
    "kotlin": "kt kts",
    "lua": "",
    "make": "makefile mk",
    "matlab": "octave",
    "nginx": "",
    "objective-c": "objectivec objc",
    "ocaml": "ml",
    "perl": "pl",
    "php": "",
    "powershell": "ps1 pwsh posh",
    "protobuf": "proto",
    "pycon": "python-console",
    "python": "py py3 python3 sage",
    "r": "rscript splus",
    "ruby": "rb",
    "rust": "rs",
    "scala": "",
    "scss": "sass",
    "sql": "postgresql postgres mysql sqlite plsql tsql",
    "swift": "",
    "terraform": "tf hcl",
    "tex": "latex",
    "toml": "",
    "typescript": "ts tsx",
    "vb.net": "vb vbnet",
    "xml": "svg xsl rss plist",
    "yaml": "yml",
}

# Of a token's kinds the first that stands here, the narrowest first.
_KINDS = {
    "Comment.Preproc": "meta",
    "Comment": "comment",
    "Keyword.Type": "type",
    "Keyword.Constant": "number",
    "Keyword": "keyword",
    "Literal.Number": "number",
    "Literal.String.Escape": "number",
    "Literal.String.Interpol": "number",
    "Literal.String": "string",
    "Name.Attribute": "name",
    "Name.Builtin": "name",
    "Name.Class": "type",
    "Name.Decorator": "meta",
    "Name.Exception": "type",
    "Name.Function": "name",
    "Name.Namespace": "type",
    "Name.Tag": "keyword",
    "Name.Variable": "name",
    "Operator.Word": "keyword",
    "Generic.Deleted": "deleted",
    "Generic.Inserted": "inserted",
    "Generic.Heading": "comment",
    "Generic.Subheading": "meta",
    "Generic.Prompt": "comment",
}
CLASSES = frozenset(f"code-{kind}" for kind in _KINDS.values())
_LINES = {"deleted", "inserted"}


def code_html(content: str, language: str) -> str:
    """The code as HTML text, with a span around every word that has a kind. A language that nobody knows, code over the
    limits and code that its lexer fails on stay as they are."""
    if len(content) > MOST or _LONG.search(content) or not (lexer := _lexer(language.lower())):
        return escape(content)
    try:
        pieces = list(_pieces(lexer, content))
    except Exception:  # noqa: BLE001  # a lexer's own defect, of whatever kind, costs the colours and nothing else
        return escape(content)
    if "".join(text for _, text in pieces) != content:  # some lexers lose what they do not expect
        return escape(content)
    return "".join(
        f'<span class="code-{kind}">{escape(text)}</span>' if kind else escape(text) for kind, text in pieces
    )


# Over a long run of spaces and empty lines some patterns look again from each of them, in one step that no budget ends.
_LONG = re.compile(rf"[^\n]{{{LONGEST_LINE}}}|\s{{300}}")


def _pieces(lexer: Any, content: str) -> Iterator[tuple[str, str]]:
    """Kinds and texts: neighbours of one kind are one piece, and each line of a comparison is one with its end."""
    last, held = "", ""
    until = time.thread_time() + BUDGET
    for at, token, found in lexer.get_tokens_unprocessed(content):
        kind, text = _kind(str(token)), found
        if time.thread_time() > until:
            yield last, held
            yield "", content[at:]
            return
        if last in _LINES and text.startswith("\n"):
            yield last, f"{held}\n"
            last, held, text = "", "", text[1:]
        if kind != last:
            if held:
                yield last, held
            last, held = kind, ""
        held += text
    if held:
        yield last, held


@cache
def _kind(token: str) -> str:
    name = token.removeprefix("Token.")
    while name:
        if name in _KINDS:
            return _KINDS[name]
        name = name.rpartition(".")[0]
    return ""


@cache
def _names() -> dict[str, str]:
    return {alias: name for name, others in LANGUAGES.items() for alias in (name, *others.split())}


@cache
def _lexer(language: str) -> Any:
    name = _names().get(language)
    if name is None:
        return None
    from pygments.lexers import get_lexer_by_name

    # Snippets of PHP mostly come without their opening mark.
    return get_lexer_by_name(name, **({"startinline": True} if name == "php" else {}))
