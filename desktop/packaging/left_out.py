"""What is installed where an app is built, and does not go along into it: told to PyInstaller by `build.spec`, and to
the trial of agents' files, which must not lean on it."""

from __future__ import annotations

LIBRARIES = (
    *("tkinter", "setuptools", "pkg_resources"),
    *(
        "mypy",
        "hypothesis",
        "pytest",
        "_pytest",
        "OpenSSL",
        "toml",
        "IPython",
        "numpy",
        "PIL",
        "yaml",
        "dotenv",
        "email_validator",
    ),
    # httpx's own command line, its HTTP/2, anyio's other event loop
    *("click", "rich", "h2", "brotli", "brotlicffi", "zstandard", "trio", "uvloop"),
    # servers and clients of the agent stack that an agent inside the app never starts
    *("uvicorn", "sqlalchemy", "websockets", "redis", "docker", "litellm", "temporalio"),
)
"""Looked for by optional corners of libraries we use; none is needed to run."""

OF_PYTHON = frozenset(
    {
        "antigravity",
        "distutils",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "nis",
        "test",
        "this",
        "tkinter",
        "turtle",
        "turtledemo",
    }
)
"""Of Python's own library; the rest of it goes along where agents do."""

ENDS_WHO_IMPORTS = ("mcp.cli",)
"""Packages that end the process that imports them: without typer, which nobody needs here, `mcp.cli` calls sys.exit. On
Windows PyInstaller imports every package that goes along, one after another, and fails where its process is gone."""
