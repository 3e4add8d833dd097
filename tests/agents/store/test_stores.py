"""The stores of a profile, as the host opens them."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop.agents.store.stores import open_stores
from desktop.app.context import Context


def test_a_damaged_database_is_said_once_the_agents_have_started(tmp_path: Path) -> None:
    context = Context(argparse.Namespace(data_dir=str(tmp_path)), environ={})
    context.settings_store.update({"agents": [{"kind": "demo", "id": "demo"}], "active_agent": "demo"})
    context.locations.threads.write_bytes(b"this is no database" * 1000)
    host = context.agent_host()
    try:
        assert list(host.notices) == []
        host.call(lambda stores: stores.threads.load_threads(1, None, "desc", host.context("demo")))
        assert [notice.code for notice in host.notices] == ["threads_damaged"]
    finally:
        host.close()
    kept = [path.name for path in context.locations.folder.iterdir() if path.name.startswith("threads.damaged-")]
    assert kept, "the damaged file is kept aside"


def test_stores_in_memory_leave_nothing(tmp_path: Path) -> None:
    stores = open_stores(None, None)
    stores.close()
    assert list(tmp_path.iterdir()) == []
