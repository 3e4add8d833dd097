"""A maker with a folder: a brand file, a picture, an agent."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from PIL import Image, ImageDraw

from desktop.packaging import command, formats, tools
from desktop.packaging.errors import PackagingError
from desktop.packaging.plan import PLATFORM, Plan, read_brand, version_of

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<rect width="64" height="64" fill="#115533"/><circle cx="32" cy="32" r="20" fill="#ddffdd"/></svg>'
)
GREEN = (17, 85, 51)
EPOCH = 1_750_000_000


def lacking() -> str:
    """Why nothing can be packaged here; empty where it can."""
    if PLATFORM != "linux":
        return "the whole way is tried on Linux; elsewhere the release workflow goes it"
    try:
        found = formats.chosen("")
        system = {tool for form in found for tool in form.tools}
        tools.verify((*system, *tools.ENGINE_LINUX), (*tools.PYTHON, *tools.AGENTS))
    except PackagingError as error:
        return error.message
    return "" if found else "there is nothing to make on this system yet"


can_package = pytest.mark.skipif(bool(lacking()), reason=lacking() or "-")


class Maker:
    """The files of one brand, and what the packager says to them."""

    svg = SVG

    def __init__(self, folder: Path, **app: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "brand.toml"
        self.values: dict[str, dict[str, Any]] = {
            "app": {
                "name": "Ask Fern",
                "id": "ask-fern",
                "version": "1.4.0",
                "publisher": "Fern and Moss",
                "contact": "hello@fern.example.com",
                "homepage": "https://fern.example.com",
                "summary": "Ask about ferns",
                "icon": "fern.png",
                **app,
            }
        }
        self.picture(512)
        self.write()

    def write(self) -> None:
        self.file.write_text(tomli_w.dumps(self.values), encoding="utf-8")

    def set(self, part: str, **values: Any) -> None:
        """Change a table of the brand file."""
        self.values.setdefault(part, {}).update(values)
        self.write()

    def picture(self, width: int, height: int = 0, name: str = "fern.png") -> Path:
        image = Image.new("RGBA", (width, height or width), (0, 0, 0, 0))
        ImageDraw.Draw(image).rectangle((0, 0, width, height or width), fill=(*GREEN, 255))
        image.save(self.folder / name, "PNG")
        return self.folder / name

    def agent(self, text: str = "") -> Path:
        """A code agent of two files, and the brand that names it."""
        folder = self.folder / "agents"
        folder.mkdir(exist_ok=True)
        (folder / "words.py").write_text('NAME = "Fern"\n')
        path = folder / "fern.py"
        path.write_text(
            text
            or "from agents import Agent\nfrom words import NAME\n\nagent = Agent(name=NAME, instructions='Answer.')\n"
        )
        self.set("settings", agents=[{"kind": "code", "id": "fern", "file": "agents/fern.py"}])
        return path

    def plan(self, work: Path | None = None) -> Plan:
        brand = read_brand(self.file)
        work = work or self.folder / "work"
        return Plan(brand, self.file, version_of(brand, self.folder), EPOCH, ("deb",), self.folder / "out", work)

    def run(self, *words: str) -> tuple[int, dict[str, Any], str]:
        """The command with `--json`: exit code, its object, what stood on standard error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command.main(["--brand", str(self.file), "--out", str(self.folder / "out"), "--json", *words])
        assert out.getvalue().count("\n") == 1, out.getvalue()
        return code, json.loads(out.getvalue()), err.getvalue()

    def code(self) -> int:
        """What `--check` ends with."""
        return self.run("--check")[0]
