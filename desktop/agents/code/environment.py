"""What a child process finds in its environment: what this one had before it was packaged, less OpenAI's
keys and what misleads Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from desktop.programs import clean_environment

SECRET = re.compile(r"^OPENAI_|^CHATKIT_", re.IGNORECASE)
"""Other services' keys stay: a tool of the file may need the one that the person gave it."""
MISLEADING = {"PYTHONSAFEPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHON_KEYRING_BACKEND"}


def clean(environ: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """`environ` without OpenAI's variables, and those that hold one of `secrets` or what looks like a key of OpenAI."""
    known = [secret for secret in secrets if secret]
    return {
        name: value
        for name, value in clean_environment(environ).items()
        if not SECRET.search(name)
        and name not in MISLEADING
        and not re.search(r"\bsk-[A-Za-z0-9_-]{8,}", value)
        and not any(secret in value for secret in known)
    }
