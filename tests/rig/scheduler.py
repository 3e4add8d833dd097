"""pytest-xdist's scheduler for tests that stay together (see together.py). Imported where it is used: tests also run
where pytest-xdist is not installed.
"""

from __future__ import annotations

import json

from xdist.scheduler import LoadScopeScheduling

from tests.rig import together


class Together(LoadScopeScheduling):  # type: ignore[misc]  # it says no types
    """Hands each group to one process, the largest first, then every other test to the next process that is free."""

    _groups: dict[str, str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._groups is None:  # every process has read the tests by now
            self._groups = json.loads(together.file(self.config).read_text(encoding="utf-8"))
        return self._groups.get(nodeid, nodeid)
