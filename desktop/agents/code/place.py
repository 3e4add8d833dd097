"""Where a profile keeps what code agents need on the disk: consents and packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from desktop.agents.code import consent
from desktop.agents.code.process import Start

STOP = 2.0
"""Seconds between asking a run to stop and killing its process."""


@dataclass(frozen=True)
class Place:
    """The files of a profile's code agents."""

    consents: consent.Consents
    packages: Path | None = None
    """The folder of packages installed for them (`packages.folder`)."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stop: float = STOP
    start: Start = subprocess.Popen
    """What starts their processes (POSIX)."""
