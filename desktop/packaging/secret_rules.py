"""What gives a secret away in a file that is handed out: its file's name, a name it stands under, base64 around it.

Pure. The shapes of keys themselves are the settings' (`secret_shapes`). No pattern here looks back over what it has
read: the files are anybody's.
"""

from __future__ import annotations

import ast
import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import PurePath

from desktop.settings.secret_shapes import SECRET_SHAPES

EXAMPLES = (".example", ".sample", ".template", ".dist", ".pub")
"""What shows the form of a file without its values; it is read like any other."""
NAMES = re.compile(
    r"\.env(?:\..*|rc)?|.*\.env|[._]netrc|\.npmrc|\.yarnrc(?:\.yml)?|\.pypirc|\.pgpass|pgpass\.conf|\.my\.cnf|\.htpasswd"
    r"|\.git-credentials|\.dockercfg|\.s3cfg|\.boto|\.vault-token|\.terraformrc|kubeconfig|.*\.kubeconfig"
    r"|\.?credentials?(?:\.(?:json|ya?ml|toml|ini|txt|csv|db|xml))?|client_secrets?.*\.json|service[_-]?account.*\.json"
    r"|(?:application_default_credentials|token|tokens)\.json|\.?secrets?\.(?:json|ya?ml|toml|ini|txt|env)"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?.*|.*\.(?:p12|pfx|jks|keystore|kdbx?|ppk|key|p8|ovpn|tfvars|tfstate|gpg|keychain)"
    r"|\.?(?:bash|zsh|python|psql|mysql|sqlite|node_repl|irb|fish)_history|secring\..*"
)
"""Files that are there to hold secrets, in small letters."""
FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".git", ".docker", ".kube", ".azure", ".config", ".password-store"})
"""Folders of programs that keep their keys there."""

CODE = (".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".java", ".go", ".rs", ".c", ".h", ".cpp", ".rb")

_TELLS = (
    r"(?:api|access|private|secret|auth|account|encryption|signing|master|service|app|client|session)[_.-]?(?:key|secret|token)"
    r"|secret[_.-]?access[_.-]?key|secrets?|token|pass(?:word|wd|phrase|code)?|pwd|credentials?"
    r"|auth|connection[_.-]?string|webhook[_.-]?url|dsn"
)
ASSIGNED = re.compile(
    rf"(?im)^[ \t]{{0,40}}(?:[-#;*/>]{{1,3}}[ \t]{{0,9}})?(?:(?:export|set|setx|env|arg|const|let|var)[ \t]{{1,9}})?"
    rf"(?:[^\s=\"']{{1,200}}[:/])?[\"']?(?P<name>(?:[a-z0-9]{{0,40}}[_.-]){{0,8}}(?:[a-z0-9]{{0,20}})??(?:{_TELLS})"
    r"(?:[_.-]?(?:prod|production|dev|staging|test|live|main|value|b64|base64|[0-9]{1,2}))?)[\"']?"
    r"[ \t]{0,9}(?P<how>=>|:=|=|:)[ \t]{0,9}(?P<value>[^\r\n]{1,4000})"
)
"""A value under a telling name, at the beginning of a line: .env, shells, YAML, INI, properties, comments."""
WRITTEN_IN = re.compile(
    r"(?i)--(?:[a-z0-9]{1,20}-){0,4}(?:token|secret|password|api-?key)[ =][\"']?(?=[^\s\"'<{$]*[0-9])[^\s\"'<{$]{12,}"
    r"|x-api-key[\"']?\s{0,3}[:=,]\s{0,3}[\"']?(?=[^\s\"'<{$]*[0-9])[^\s\"'<{$]{12,}"
    r"|<(?:[a-z]{0,20}(?:password|secret|token|apikey))>(?![<{$])[^<>\s]{8,200}</"
    r"|[\"'](?:[a-z0-9]{1,20}_){0,4}token[\"']\s{0,9}:\s{0,9}[\"'](?=[^\"'\s<{$]*[0-9])[^\"'\s<{$]{12,}[\"']"
)
"""On a command line, in a header, in XML, in JSON on one line."""
_VALUE = re.compile(r"[rbuf]?(?:\"([^\"\r\n]*)\"|'([^'\r\n]*)'|([^\s\"',;#]+))[ \t]*[,;]?[ \t]*(?:#.*|//.*)?")
_HOLE = re.compile(
    r"(?i)[<{$%]|\.\.\.|…|\*{3}|x{4}|^(?:your|my|the|some|any|none|null|true|false|yes|no|change|replace|example|dummy"
    r"|placeholder|sample|todo|insert|enter|put|fake|test|mock|env|os|process|config|settings|self|file|vault|env_file"
    r"|ssm|secretsmanager|arn|projects|optional|required|string|redacted|hidden|disabled|enabled|given)(?:[^a-z0-9].*)?$"
    r"|(?:your|example|placeholder|change).?(?:key|token|secret|password|me|here)"
)
"""What stands in a secret's place."""
_PLACE = re.compile(r"(?:https?://|~|\.{0,2}/|[A-Za-z]:[\\/])")
_NAMED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
MOST_RUNS = 20_000
"""Runs of base64 in a file that are opened; more make a picture, not a text."""
LONGEST_RUN = 64 * 1024


def holds_secrets(path: PurePath) -> bool:
    """Whether a file of this name, below the brand's folder, is there to hold secrets."""
    name = path.name.lower()
    if name.endswith(EXAMPLES):
        return False
    return NAMES.fullmatch(name) is not None or bool({part.lower() for part in path.parts[:-1]} & FOLDERS)


def places(text: str, name: str = "") -> Iterator[int]:
    """Where in `text` something like a secret begins. `name`: of the file; code is read as code."""
    for match in SECRET_SHAPES.finditer(text):
        yield match.start()
    for match in WRITTEN_IN.finditer(text):
        yield match.start()
    code = name.lower().endswith(CODE)
    for match in ASSIGNED.finditer(text):
        if _given_away(match, code=code and not match[0].lstrip().startswith(("#", "//", "*", "/*"))):
            yield match.start()
    for count, match in enumerate(_BASE64.finditer(text)):
        if count >= MOST_RUNS:
            break
        opened = _opened(match[0][:LONGEST_RUN])
        if opened and (SECRET_SHAPES.search(opened) or any(_given_away(one) for one in ASSIGNED.finditer(opened))):
            yield match.start()
    if name.lower().endswith(".py"):
        yield from _in_literals(text)


def _in_literals(text: str) -> Iterator[int]:
    """In the texts that stand in Python code: a whole .env may be one of them."""
    try:
        tree = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return
    lines = text.split("\n")
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(node, ast.Constant) or not isinstance(value, str) or "\n" not in value:
            continue
        if any(_given_away(match) for match in ASSIGNED.finditer(value)):
            yield sum(len(line) + 1 for line in lines[: node.lineno - 1])


def _given_away(match: re.Match[str], *, code: bool = False) -> bool:
    found = _VALUE.match(match["value"])
    if found is None:
        return False
    quoted = found[1] if found[1] is not None else found[2]
    value = quoted if quoted is not None else found[3] or ""
    whole = found.end() == len(match["value"].rstrip())
    if len(value) < 8 or not whole or any(char.isspace() for char in value):
        return False
    if _HOLE.search(value) or _PLACE.match(value) or not value.isascii() or "(" in value or "[" in value:
        return False
    digits, upper = any(c.isdigit() for c in value), any(c.isupper() for c in value) and any(c.islower() for c in value)
    if quoted is None and _NAMED.fullmatch(value) and (code or "." in value or not (digits or upper)):
        # A name: of a variable in code, of a word elsewhere; only an environment's own spelling makes it a value.
        return not code and "." not in value and match["how"] == "=" and match["name"].isupper() and len(value) >= 12
    if value.replace(".", "").replace("-", "").isdigit():
        return "pass" in match["name"].lower() and not code
    if quoted is not None:
        return len(value) >= 12 or digits
    return digits or upper or len(value) >= 16


def _opened(run: str) -> str:
    """What base64 holds, if that is a text."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4))
        return data.decode("ascii") if data else ""
    except (binascii.Error, ValueError):
        return ""
