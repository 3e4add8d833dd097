"""An exported chat in a browser: nothing runs, nothing is asked for, axe-core finds nothing, paper holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desktop.chats.export.as_html import as_html
from desktop.chats.types import Item
from desktop.common.texts import Catalogue
from desktop.window.engines import has_qt
from tests.chats.export.test_exporting import HOSTILE, chat_of, hostile_items
from tests.rig.display import Display
from tests.rig.driver import ROOT
from tests.window.conftest import missing

pytestmark = pytest.mark.window

MARKDOWN = """# A big heading

Some **bold** words, `code`, a [link](https://example.test/a) and

> a quote

| left | right |
|:-----|------:|
| 1    | 2     |

1. one
2. two

```python
print("a line that is much too long for the column and has to be broken somewhere" * 3)
```
"""


def items() -> list[dict[str, Any]]:
    task = {"type": "custom", "title": "Looking", "content": "into the sources"}
    note = {"type": "annotation", "source": {"type": "url", "url": "https://example.test/b", "title": "Example"}}
    said = [{"type": "input_text", "text": "Hello 👋\n\nשלום עולם, مرحبا بالعالم"}]
    return [
        {"type": "user_message", "content": said, "quoted_text": "what was said before",
         "attachments": [{"id": "atc_1", "name": "dot.png"}, {"id": "atc_2", "name": "plan.pdf"}]},
        {"type": "workflow", "workflow": {"tasks": [task, {"type": "web_search", "queries": ["a", "b"]}]}},
        {"type": "assistant_message", "content": [{"text": MARKDOWN, "annotations": [note]}]},
        {"type": "widget", "widget": {"type": "Card", "children": [{"type": "Text", "value": "Sunny, 21 °C"}]}},
        {"type": "client_tool_call", "name": "switch_theme", "arguments": {"theme": "dark"}, "output": {"ok": True}},
        {"type": "structured_input", "inputs": [{"question": "Which?", "answer": "This"}]},
        *(item for text in HOSTILE for item in hostile_items(text)),
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_export_is_calm_in_a_browser(screen: Display, tmp_path: Path, scheme: str) -> None:
    if not has_qt():
        missing("the engine qt is not installed")
    chat, made = chat_of(items(), "What <b>we</b> said & did")
    made = [Item(one.id, one.kind, chat.created_at, one.raw) for one in made]
    picture = (ROOT / "assets" / "icons" / "app-64.png").read_bytes()
    text = "".join(as_html(chat, made, Catalogue("en"), "en", lambda one: picture if one == "atc_1" else None))
    file = tmp_path / "chat.html"
    file.write_text(text, encoding="utf-8")
    shown = Path(os.environ.get("EXPORT_PICTURES", tmp_path)) / f"export-{scheme}.png"
    done = subprocess.run(
        [sys.executable, "-m", "tests.rig.viewer", str(file), scheme, str(shown)],
        cwd=ROOT,
        env=screen.environment(),
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["violations"] == []
    assert told["title"] == "What <b>we</b> said & did"
    assert told["csp"] == [], "what is refused should not be there to begin with"
    assert [one for one in told["requests"] if one != file.as_uri()] == []
    assert told["pages"] >= 1
