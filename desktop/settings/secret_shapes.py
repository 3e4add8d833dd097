"""What a secret looks like, for where none may stand: a brand file, a server’s plain variables. Knows nothing of ours.

A shape is a guess. What passes may still be a secret; what is refused mostly is one.
"""

from __future__ import annotations

import re

SECRET_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{12,}|(?<![A-Za-z0-9])ek_[A-Za-z0-9_-]{12,}|(?i:bearer\s+[A-Za-z0-9._~+/-]{12,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?<![A-Za-z0-9_])(?:ghp|gho|ghs|github_pat|glpat|xox[abp])[_-][A-Za-z0-9_-]{16,}"
    r"|AKIA[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{30,}|://[^/\s:@\"']+:[^/\s@\"']+@"
    r"|(?i:(?:api[_-]?key|secret|password|token)\s*=\s*[\"'][^\"'\s]{12,}[\"'])"
)
"""Keys and client secrets of OpenAI, bearer tokens, private keys, other services' tokens, an address with a password,
a long value under a telling name."""

TELLING = re.compile(
    r"(?i)(?:^|[^a-z0-9])(?:api[_-]?key|access[_-]?key|key|token|secret|password|passwd|pwd|pat|credentials?|cookie"
    r"|(?:proxy-)?authorization|auth)$"
)
"""A name under which a secret stands: `GITHUB_TOKEN`, `x-api-key`, `Authorization`."""

_JOINED = re.compile(r"(?i)(?:apikey|accesskey|secretkey|token|secret|password|passwd|passphrase)$")

_PLACE = re.compile(r"^(?:~|\.{0,2}/|[A-Za-z]:[\\/])")


def is_telling(name: str) -> bool:
    """Whether a secret stands under such a name, however its words are joined: `exaApiKey`, `authtoken`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(TELLING.search(words)) or bool(_JOINED.search(name))


def is_secret(value: str, name: str = "") -> bool:
    """Whether `value` is shaped like a secret, by itself or as a long word under a telling name (a path is none)."""
    if SECRET_SHAPES.search(value):
        return True
    word = value.strip()
    if not TELLING.search(name) or _PLACE.match(word):
        return False
    return len(word) >= 12 or (len(word) >= 8 and any(char.isdigit() for char in word))
