"""Checklist point 29: chats survive a kill at any point. `python -m tests.agents.killing` kills more often."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
KILLS = 60


def test_checklist_29_killed_at_random_moments_nothing_acknowledged_is_lost_and_the_database_is_sound() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.agents.killing", "--rounds", str(KILLS)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=500,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == [], result
    assert result["kills"] == KILLS
    assert result["acknowledged"] > 0
