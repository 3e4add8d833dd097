"""What programs outside the app are started with. Knows nobody who starts one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from desktop.common.locations import is_frozen


def clean_environment(environ: Mapping[str, str] = os.environ, *, frozen: bool | None = None) -> dict[str, str]:
    """The environment for programs outside the app: the packaged app's library path taken out again
    (PyInstaller's bootloader sets it and keeps the one before in `LD_LIBRARY_PATH_ORIG`), and its notes to itself."""
    clean = dict(environ)
    before = clean.pop("LD_LIBRARY_PATH_ORIG", None)
    if is_frozen() if frozen is None else frozen:
        clean = {name: value for name, value in clean.items() if not name.startswith("_PYI_")}
        clean.pop("LD_LIBRARY_PATH", None)
        if before:
            clean["LD_LIBRARY_PATH"] = before
    return clean
