"""Addresses that servers and models give: what the built-in view makes a link or a picture of. The page's own module is
run by Node, where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from desktop.common.locations import assets_dir

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")

LINKS = ("https://example.test/a?b=c#d", "http://example.test/", "HTTPS://EXAMPLE.test/", "mailto:a@example.test")
NO_LINKS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "\x01javascript:x",
    "data:text/html,x", "data:image/svg+xml,<svg onload=1>", "file:///etc/passwd", "vscode://x", "blob:http://a/b",
    "https://user:pw@example.test/", "https://user@example.test/", "//example.test/", "/a", "a", "", "https:", "#x",
    " https://example.test/", "ht\ntps://example.test/", "http://[", "x" * 9000, None, 7, {}, ["https://a.test"],
)  # fmt: skip
PICTURES = ("data:image/png;base64,AAAA", "data:image/webp;base64,AA+/==")
NO_PICTURES = (
    *("data:image/svg+xml;base64,AAAA", "data:text/html;base64,AAAA", 'data:image/png;base64,AA" onerror="x'),
    *("https://example.test/a.png", "DATA:image/png;base64,AAAA", "", None, 3, "data:image/png,AA"),
)


def asked(tmp_path: Path, function: str, values: tuple[object, ...]) -> list[object]:
    """What the page's function says of each; what it imports needs a document, and these do not need it."""
    module = (assets_dir() / "pages" / "builtin" / "addresses.js").read_text(encoding="utf-8")
    script = tmp_path / "script.mjs"
    script.write_text(
        re.sub(r"^import .*$", "", module, flags=re.MULTILINE)
        + f"\nconsole.log(JSON.stringify({json.dumps(values)}.map((value) => {function}(value))));\n"
    )
    done = subprocess.run([str(NODE), script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return list(json.loads(done.stdout))


def test_checklist_15_only_web_and_mail_addresses_become_links(tmp_path: Path) -> None:
    assert asked(tmp_path, "linkable", LINKS + NO_LINKS) == [*LINKS, *("" for _ in NO_LINKS)]


def test_checklist_15_only_a_picture_in_itself_is_shown(tmp_path: Path) -> None:
    expected = [True for _ in PICTURES] + [False for _ in NO_PICTURES]
    assert asked(tmp_path, "isPicture", PICTURES + NO_PICTURES) == expected
