"""What Windows is given. So far nothing beyond the frozen folder that `pyinstaller build.spec` makes there."""

from __future__ import annotations

from desktop.packaging.formats import Format

FORMATS: dict[str, Format] = {}
