"""A wheel that the tests make: what pip installs without asking anybody on the network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path


def make_wheel(folder: Path, module: str, text: str) -> Path:
    """`folder`/MODULE-1.0-py3-none-any.whl with one module that holds `text`."""
    about = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": text,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{name},sha256={_digest(content)},{len(content.encode())}" for name, content in files.items()]
    files[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return made


def _digest(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
