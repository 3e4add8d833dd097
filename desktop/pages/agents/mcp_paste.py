"""Turns servers written for other programs into our form: which values are secret, and which are missing.

No secret goes back to the page: those found in the text are held here until the server is saved.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.common.errors import Phrase
from desktop.pages.agents.mcp_dialects import Written, written
from desktop.settings.mcp import McpServer, reference
from desktop.settings.mcp_secrets import address_taken, taken_out
from desktop.settings.secret_shapes import is_secret, is_telling

LONGEST_NAME = 60
LARGEST_FILE = 64 * 1024
"""The largest file of variables, in bytes."""

_PLACEHOLDER = re.compile(
    r"(?i)^(?:<.*>|\$?\{.*\}|\[.*\]|\.{3}|…|x{3,}|\*{3,}|your[-_ ].*|.*[-_ ]here|insert[-_ ].*)?$"
)
"""Placeholders used in examples instead of a secret."""
_REFERENCE = re.compile(
    r"\$\{\{\s*(?:secrets|inputs)\.(?P<expression>[\w.-]+)\s*\}\}"
    r"|\$\{(?P<kind>env|input|secret|config|command):(?P<named>[^}:]{1,100})(?::-?[^}]*)?\}"
    r"|\$\{(?P<plain>[A-Za-z_]\w{0,99})(?::-(?P<default>[^}]*))?\}"
    r"|%(?P<windows>[A-Za-z_]\w{1,60})%"
    r"|(?:(?<=[\s=:\"'])|^)\$(?P<bare>[A-Z_][A-Z0-9_]{1,60})\b"
)
"""`${{ secrets.X }}`, `${env:X}`, `${input:x}`, `${X}`, `${X:-default}`, `%X%`, `$X`."""
OURS = re.compile(r"(?i)openai|chatkit|secret|token|passw|key|auth|cred")
"""Names of variables whose value is always asked for."""
_HOME = {"HOME", "userHome", "USERPROFILE"}


@dataclass
class Pasted:
    """A server of the block, with the values known so far."""

    form: dict[str, Any]
    """An `McpForm` with empty secret values."""
    held: dict[str, str] = field(default_factory=dict, repr=False)
    """The secret values found in the block, by name."""
    asks: list[dict[str, Any]] = field(default_factory=list)
    """`[{id, label, secret}]`: values the block leaves open."""
    notes: list[Phrase] = field(default_factory=list)
    """Notes on what was and was not imported."""


def read_block(text: str) -> list[dict[str, Any]]:
    """`[{at, name, transport, variables, headers}]`, with `{name, secret, take}` for each row.

    `at`: the path of keys to the server in the block. `take`: whether the value is more than a placeholder. Raises
    FieldError for `block`.
    """
    return [shape_of(one) for one in written(text)]


def shape_of(one: Written) -> dict[str, Any]:
    """What the page shows about a server of the block before one is chosen."""
    return {
        "at": one.at,
        "name": one.name[:LONGEST_NAME],
        "transport": one.transport,
        "variables": [_row(name, value) for name, value in one.env.items()],
        "headers": [_row(name, value) for name, value in one.headers.items()],
    }


def _row(name: str, text: str) -> dict[str, Any]:
    bare = re.sub(r"(?i)^(?:bearer|basic)\s+", "", text.strip())
    open_ = bool(_PLACEHOLDER.fullmatch(bare))
    secret = is_secret(text, name) or (open_ and is_telling(name))
    return {"name": name, "secret": secret, "take": not (secret and open_)}


def filled(one: Written, answers: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Pasted:
    """The form for a server. `answers`: the person's values for what was asked. Reads the block's file of variables,
    and no other file."""
    return _Filling(one, answers, environ).made()


class _Filling:
    """Fills in the form once."""

    def __init__(self, one: Written, answers: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._one = one
        self._answers = answers
        self._environ = environ
        self._made = Pasted({})
        self._asked: dict[str, dict[str, Any]] = {}

    def made(self) -> Pasted:
        one, made = self._one, self._made
        if one.off:
            made.notes.append(Phrase("agents.mcp.paste_off"))
        if one.always:
            made.notes.append(Phrase("agents.mcp.paste_always"))
        variables = self._rows({**self._file(), **one.env}, "variables")
        headers = self._rows(one.headers, "headers")
        args = [self._home(self._put(word, word)) for word in one.args]
        url = self._put(one.url, "url")
        secrets = variables if one.transport == "stdio" else headers
        used = [row["name"] for row in secrets] + list(made.held)
        given = McpServer.model_construct(
            id="new", transport="stdio", args=args, secrets=used, env={}, headers={}, command="", url=""
        )
        if one.transport == "stdio":
            out = taken_out(given)
            args, taken = out.server.args, out.values
        else:
            url, taken = address_taken(url, used)
        made.held |= taken
        known = {row["name"] for row in secrets}
        secrets += [{"name": name, "value": "", "secret": True} for name in made.held if name not in known]
        made.form = {
            "name": one.name[:LONGEST_NAME],
            "transport": one.transport,
            "command": "" if is_secret(one.command) else self._home(self._put(one.command, "command")),
            "args": "\n".join(args),
            "folder": self._home(self._put(one.folder, "folder")),
            "url": url,
            "variables": variables,
            "headers": headers,
        }
        made.asks = list(self._asked.values())
        return made

    def _rows(self, values: Mapping[str, str], kind: str) -> list[dict[str, Any]]:
        """Rows of the form. A secret value is held back, and its row stays empty."""
        rows: list[dict[str, Any]] = []
        for name, text in values.items():
            shape = _row(name, text)
            bare = re.sub(r"(?i)^(bearer|basic|token)\s+", "", text.strip())
            whole = _REFERENCE.fullmatch(bare)
            if whole and not self._known(whole):
                # The person enters it in the row itself.
                secret = is_telling(name) or self._hides(whole) or name.lower() == "authorization"
                rows.append({"name": name, "value": "", "secret": secret})
                continue
            value = self._put(text, name, held=False)
            secret = shape["secret"] or is_secret(value, name) or (is_telling(name) and len(value) >= 6)
            secret = secret or (whole is not None and self._hides(whole))
            rest = re.sub(r"(?i)^(?:bearer|basic|token)\s+", "", value.strip())
            if secret and rest and not _PLACEHOLDER.fullmatch(rest):
                self._made.held[name] = value
            rows.append({"name": name, "value": "" if secret else self._home(value), "secret": secret})
        return rows

    def _hides(self, found: re.Match[str]) -> bool:
        name = _name_of(found)
        hidden = found["kind"] == "input" and self._one.inputs.get(name, "").startswith("*")
        return hidden or bool(found["expression"]) or found["kind"] == "secret" or is_telling(name)

    def _known(self, found: re.Match[str]) -> str | None:
        """The value of a reference, if known."""
        name = _name_of(found)
        if self._answers.get(name):
            return self._answers[name]
        if name in _HOME:
            return self._environ.get("HOME") or os.path.expanduser("~")
        given = self._environ.get(name, "")
        # Never fill in this computer's secrets: the block, and the server, may be a stranger's.
        plain = given and not self._hides(found) and not is_secret(given, name) and not OURS.search(name)
        if found["kind"] in (None, "env") and not found["expression"] and plain:
            return given
        if name in ("pathSeparator", "/"):
            return os.sep
        return found["default"]

    def _put(self, text: str, _where: str, *, held: bool = True) -> str:
        """Replace references by their values. Unknown ones are asked for, and stay as they are until then."""

        def value(found: re.Match[str]) -> str:
            name = _name_of(found)
            known = self._known(found)
            if known is None:
                if found["windows"] or (found["bare"] and not is_telling(name)):
                    return found[0]
                label = self._one.inputs.get(name, name).removeprefix("*")
                self._asked.setdefault(name, {"id": name, "label": label, "secret": self._hides(found)})
                return found[0]
            if held and self._hides(found):
                safe = re.sub(r"\W", "_", name)
                self._made.held[safe] = known
                return reference(safe)
            return known

        return _REFERENCE.sub(value, text)

    def _home(self, text: str) -> str:
        return str(Path(text).expanduser()) if text.startswith("~/") else text

    def _file(self) -> dict[str, str]:
        """The variables in `envFile`. A note says whether they were found."""
        name = self._one.env_file
        if not name:
            return {}
        path = self._home(self._put(name, "envFile"))
        try:
            if not os.path.isabs(path) or os.path.getsize(path) > LARGEST_FILE:
                raise OSError
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):
            self._made.notes.append(Phrase("agents.mcp.paste_env_file", {"path": path[:200]}))
            return {}
        self._made.notes.append(Phrase("agents.mcp.paste_env_read", {"path": path[:200]}))
        return dict(_variables(text))


def _name_of(found: re.Match[str]) -> str:
    return next(found[name] for name in ("expression", "named", "plain", "windows", "bare") if found[name]).strip()


def _variables(text: str) -> list[tuple[str, str]]:
    """The variables of a `.env` file."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines()[:500]:
        pair = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$", line)
        if pair and not line.lstrip().startswith("#"):
            value = pair[2]
            quoted = re.fullmatch(r"([\"'])(.*)\1", value)
            found.append((pair[1], quoted[2] if quoted else re.sub(r"(?<!\s)\s+#.*$", "", value)))
    return found
