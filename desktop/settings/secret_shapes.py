"""Recognises secrets where none is allowed: in a brand file, or in a server’s plain variables. Knows nothing of ours.

It guesses by form. What passes may still be a secret; what is refused usually is one.
"""

from __future__ import annotations

import re

_TOKENS = (
    # as documented by those who issue them; the list follows gitleaks' rules (MIT)
    r"(?:gh[oprsu]|github_pat|glpat|gldt|glrt|glptt|xox[abeprs]|xapp)[_-][A-Za-z0-9_-]{16,}",
    r"(?:[spr]k|whsec)_(?:live_|test_|prod_)?[A-Za-z0-9]{24,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"api_org_[A-Za-z0-9]{30,}",
    r"(?:gsk|nvapi|tvly|pcsk|r8|xai|csk|fw|sbp|ntn|figd|npm|hvs|lin_api|dckr_pat)[_-](?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{30,}",
    r"(?:lsv2_[ps][tk]|sb_secret|sntry[su]|shp(?:at|ss|ca|pa)|do[por]_v1|rubygems|gl(?:c|sa))[_-][A-Za-z0-9_-]{30,}",
    r"(?:SK|AC)[0-9a-f]{32}(?![0-9A-Za-z])",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])",
    r"AIza[A-Za-z0-9_-]{30,}",
    r"(?:GOCSPX-|ya29\.)[A-Za-z0-9_-]{20,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,}",
    r"dapi[a-f0-9]{32}",
    r"AGE-SECRET-KEY-1[0-9A-Z]{40,}",
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",
    r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}",
)
"""Other services than OpenAI: GitHub, GitLab, Slack, Stripe, Hugging Face, Groq and similar, PyPI, AWS, Google,
SendGrid, any JSON Web Token, Databricks, age, Telegram, Discord."""

SECRET_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{12,}|(?<![A-Za-z0-9])ek_[A-Za-z0-9_-]{12,}|(?i:bearer\s+[A-Za-z0-9._~+/-]{12,})"
    r"|-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-"
    r"|(?i:authorization[\"']?\s{0,9}[:=]\s{0,9}[\"']?basic\s+[A-Za-z0-9+/]{12,})"
    rf"|(?<![A-Za-z0-9_])(?:{'|'.join(_TOKENS)})"
    r"|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}"
    r"|(?i:(?:account|shared ?access)key\s?=\s?[A-Za-z0-9+/]{30,})"
    r"|://[^/\s:@\"']+:[^/\s@\"']+@"
    r"|(?i:(?:api[_-]?key|secret|password|token)\s*=\s*[\"'][^\"'\s]{12,}[\"'])"
)
"""OpenAI's keys and client secrets, bearer tokens, private keys, other services' tokens, an address with a password, a
long value with a telling name."""

TELLING = re.compile(
    r"(?i)(?:^|[^a-z0-9])(?:api[_-]?key|access[_-]?key|key|token|secret|password|passwd|pwd|pat|credentials?|cookie"
    r"|(?:proxy-)?authorization|auth)$"
)
"""Names of secrets: `GITHUB_TOKEN`, `x-api-key`, `Authorization`."""

_JOINED = re.compile(r"(?i)(?:apikey|accesskey|secretkey|token|secret|password|passwd|passphrase)$")

_PLACE = re.compile(r"^(?:~|\.{0,2}/|[A-Za-z]:[\\/])")


def is_telling(name: str) -> bool:
    """Whether such a name means a secret, however its words are joined: `exaApiKey`, `authtoken`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(TELLING.search(words)) or bool(_JOINED.search(name))


def is_secret(value: str, name: str = "") -> bool:
    """Whether `value` looks like a secret, by itself or as a long word with a telling name (but not a path)."""
    if SECRET_SHAPES.search(value):
        return True
    word = value.strip()
    if not TELLING.search(name) or _PLACE.match(word):
        return False
    return len(word) >= 12 or (len(word) >= 8 and any(char.isdigit() for char in word))
