"""What was counted in each system, for the closing lines of a run."""

from __future__ import annotations

import re

CLOSING = re.compile(r"(?m)^=* ?(\d+ (?:passed|failed|skipped|errors?|deselected|xfailed)[^=\n]*?) ?=*$")
SKIPPED = re.compile(r"(?m)^SKIPPED \[(\d+)\] [^:]+:\d+: (.*)$")

counted: dict[str, list[str]] = {}
"""{system: lines in the order in which they came}"""


def count(system: str, line: str) -> None:
    counted.setdefault(system, []).append(line)


def of_pytest(said: str) -> str:
    """pytest's closing line, and why what was skipped was (`-rs`). Raises ValueError where no test ran."""
    closing = CLOSING.findall(said)
    if not closing:
        raise ValueError(f"no closing line of pytest in: {said[-2000:]}")
    why: dict[str, int] = {}
    for number, reason in SKIPPED.findall(said):
        why[reason] = why.get(reason, 0) + int(number)
    reasons = "; ".join(f"{number} {reason}" for reason, number in why.items())
    return str(closing[-1]) + (f" (skipped: {reasons})" if reasons else "")
