"""The only place with paths: where the app's own files and a profile's data live."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def is_frozen() -> bool:
    """True in a packaged app (PyInstaller sets `sys.frozen`)."""
    return bool(getattr(sys, "frozen", False))


CONSOLE = "-console"
"""What is behind the app's name in that of its twin for terminals: on Windows a program has a console or has none."""


def command_name() -> str:
    """What is typed to start the app; a packaged app has its maker's name for it."""
    if not is_frozen():
        return "chatkit-desktop"
    name = Path(sys.executable).stem
    return f"{name.removesuffix(CONSOLE)}{CONSOLE}" if sys.platform == "win32" else name


def assets_dir() -> Path:
    """The folder of pages, texts, icons and the brand file: beside `desktop/` in a checkout,
    inside the package in a wheel, beside the executable's libraries in a packaged app."""
    if is_frozen():
        return Path(getattr(sys, "_MEIPASS", Path(sys.executable).parent)) / "assets"
    package = Path(__file__).resolve().parents[1]
    inside = package / "_assets"
    return inside if inside.is_dir() else package.parent / "assets"


@dataclass(frozen=True)
class Locations:
    """Every path of one profile. All of it lies below `folder`, so deleting that deletes the lot."""

    folder: Path

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def drafts(self) -> Path:
        return self.folder / "drafts.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "chatkit-desktop.log"

    @property
    def icon(self) -> Path:
        """A maker's picture as windows take it, drawn when the app is shown from source with `--brand`."""
        return self.folder / "icon.png"

    @property
    def web(self) -> Path:
        """The engine's own storage (local storage of the component's frame, caches)."""
        return self.folder / "web"

    @property
    def archive(self) -> Path:
        """The folder of hosted chats as files: what earlier versions wrote, and what is exported there."""
        return self.folder / "archive"

    @property
    def copies(self) -> Path:
        """The database of archived hosted chats, apart from the app's own."""
        return self.folder / "archive.sqlite"

    @property
    def threads(self) -> Path:
        """The database of in-app agents' threads."""
        return self.folder / "threads.sqlite"

    @property
    def attachments(self) -> Path:
        return self.folder / "attachments"

    @property
    def code(self) -> Path:
        """Sources that were pasted, one folder an agent."""
        return self.folder / "code"

    @property
    def instance(self) -> Path:
        return self.folder / "instance"


def data_root(app_id: str) -> Path:
    """The folder that holds all profiles of one brand, by the platform's convention."""
    import platformdirs

    return Path(platformdirs.user_data_dir(app_id, appauthor=False, roaming=False))


def documents_dir() -> Path:
    """Where the person keeps documents, by the platform's convention."""
    import platformdirs

    return Path(platformdirs.user_documents_dir())


def locations(app_id: str, profile: str, data_dir: Path | None = None) -> Locations:
    """The paths of `profile`. `data_dir` (from --data-dir) takes the place of the platform's folder."""
    root = Path(os.path.abspath(data_dir)) if data_dir else data_root(app_id)
    return Locations(root / "profiles" / profile)
