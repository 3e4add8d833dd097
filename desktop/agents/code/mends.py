"""Fixes mistakes Agent Builder makes in its exports when a file is parsed. No other mistakes.

The file that is shown, hashed and approved is unchanged. Every line keeps its number.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import sys
import tokenize

from desktop.agents.code import fstrings

EMPTY = re.compile(r"expected an indented block after '(?:if|elif|else|while)' statement on line (\d+)")
MOST = 50
"""The most empty branches in one file."""


def parse(content: bytes, name: str = "<unknown>") -> ast.Module:
    """Like `ast.parse`, but also accepts Agent Builder's exports."""
    try:
        tree = ast.parse(content, name)
    except SyntaxError:
        tree = _parsed(importlib.util.decode_source(content), name)
    return _Results().visit(tree) if b"build_guardrail_fail_output" in content else tree


def _parsed(text: str, name: str) -> ast.Module:
    if sys.version_info < (3, 12):
        text = fstrings.plain(text) or text
    for _ in range(MOST):
        try:
            return ast.parse(text, name)
        except IndentationError as error:
            empty = EMPTY.search(error.msg)
            if empty is None:
                raise
            text = _with_pass(text, int(empty[1]))
    return ast.parse(text, name)


def _with_pass(text: str, line: int) -> str:
    """Agent Builder exports a branch without a node without a body. Add one to its header on `line`."""
    lines = text.splitlines(keepends=True)
    colon = None
    for token in tokenize.generate_tokens(io.StringIO("".join(lines[line - 1 :]).lstrip()).readline):
        if token.type == tokenize.NEWLINE:
            break
        if token.type == tokenize.OP and token.string == ":":
            colon = token.end
    if colon is None:
        return text
    row = line - 1 + colon[0] - 1
    indent = len(lines[row]) - len(lines[row].lstrip()) if colon[0] == 1 else 0
    place = indent + colon[1]
    lines[row] = f"{lines[row][:place]} pass{lines[row][place:]}"
    return "".join(lines)


class _Results(ast.NodeTransformer):
    """The exported helper for guardrails reads the results of all kinds, even those not set up. Their result is None,
    so `None.info` ended every run."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == "build_guardrail_fail_output":
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name in ("_tripwire", "_info"):
                    _Absent().visit(inner)
        return node


class _Absent(ast.NodeTransformer):
    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        words = [node.value, ast.Constant(node.attr), ast.Constant(None)]
        call = ast.Call(ast.Name("getattr", ast.Load()), words, [])
        return ast.fix_missing_locations(ast.copy_location(call, node))
