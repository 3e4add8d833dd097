"""The programs and libraries packaging needs, and how to install missing ones."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from desktop.packaging.errors import ToolMissing


@dataclass(frozen=True)
class Tool:
    """`program`, `module` or `file` is looked for; `package` is how it is got: Debian's, or in `how`, elsewhere."""

    package: str
    program: str = ""
    module: str = ""
    file: str = ""
    how: str = ""

    @property
    def there(self) -> bool:
        if self.program:
            return shutil.which(self.program) is not None
        if self.file:
            return Path(self.file).is_file()
        try:
            return importlib.util.find_spec(self.module) is not None
        except ModuleNotFoundError:  # the package that a dotted name lies in
            return False


PYTHON = (
    Tool("pyinstaller", module="PyInstaller"),
    Tool("pillow", module="PIL"),
    Tool("resvg-py", module="resvg_py"),
    Tool("tomli-w", module="tomli_w"),
    Tool("cyclonedx-python-lib", module="cyclonedx"),
)
AGENTS = (
    Tool("openai-chatkit", module="chatkit"),
    Tool("openai-agents", module="agents"),
    Tool("openai", module="openai"),
    Tool("markdown-it-py", module="markdown_it"),
    Tool("mdit-py-plugins", module="mdit_py_plugins"),
    Tool("nh3", module="nh3"),
    Tool("latex2mathml", module="latex2mathml"),
    Tool("pygments", module="pygments"),
)
FREEZE_LINUX = (
    Tool("binutils", program="objdump"),
    Tool("libc-bin", program="ldd"),
)
ENGINE_LINUX = (
    Tool("python3-gi", module="gi"),
    Tool("python3-gi-cairo", module="cairo"),
)
"""What the thin app takes of the distribution's Python packages."""
QT = (
    Tool("PySide6 (with Qt WebEngine)", module="PySide6.QtWebEngineWidgets"),
    Tool("qtpy", module="qtpy"),
)
QT_NOTICES = (Tool("libqt6webengine6-data", file="/usr/share/doc/libqt6webengine6-data/copyright"),)
"""Only the list of licences in it is used: everybody who gets Qt WebEngine has to get it as well."""
PROOF_LINUX = (
    Tool("xvfb", program="Xvfb"),
    Tool("dbus", program="dbus-daemon"),
    Tool("gnome-keyring", program="gnome-keyring-daemon"),
)


def verify(system: tuple[Tool, ...], python: tuple[Tool, ...], command: str = "make package") -> None:
    """Raises ToolMissing that names all that is missing at once. `system`: programs; `python`: PyPI's; `command`
    gets it all."""
    absent = [tool for tool in system if not tool.there]
    lacking = [tool.package for tool in absent]
    debian = [tool.package for tool in absent if not tool.how]
    wheels = [tool.package for tool in python if not tool.there]
    if not lacking and not wheels:
        return
    ways = []
    if debian:
        ways.append("sudo apt-get install --no-install-recommends " + " ".join(debian))
    ways += dict.fromkeys(tool.how for tool in absent if tool.how)
    if wheels:
        ways.append("python -m pip install --no-deps --require-hashes --requirement requirements-dev.txt")
    raise ToolMissing(
        f"Packaging needs what is not installed here: {', '.join([*lacking, *wheels])}.",
        f"`{command}` installs it. By hand: " + " ; ".join(ways),
    )
