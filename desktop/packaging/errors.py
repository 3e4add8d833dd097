"""Errors of packaging, each with a sentence for the maker and an exit code."""

from __future__ import annotations

from typing import ClassVar


class PackagingError(Exception):
    """`message` says what happened, `hint` what to do. `exit_code` is documented in the help (`makers-package`)."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "failed"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WrongUsage(PackagingError):
    exit_code = 2
    code = "usage"


class BrandWrong(PackagingError):
    """The brand file: a name, a value, or the file itself."""

    exit_code = 3
    code = "brand"


class SecretFound(PackagingError):
    exit_code = 4
    code = "secret"


class IconWrong(PackagingError):
    exit_code = 5
    code = "icon"


class AgentWrong(PackagingError):
    """A code agent's file of the brand."""

    exit_code = 6
    code = "agent"


class ToolMissing(PackagingError):
    exit_code = 7
    code = "tool"


class BuildFailed(PackagingError):
    exit_code = 8
    code = "build"


class ProofFailed(PackagingError):
    """What was built does not do what it must, so it is not given out."""

    exit_code = 9
    code = "proof"


class DiskTrouble(PackagingError):
    """No room, no right to write."""

    exit_code = 10
    code = "disk"


class Terminated(KeyboardInterrupt):
    """A signal that asks to end, as Ctrl+C does."""


class Ended(PackagingError):
    """Somebody ended it. The exit code is the shells' own: 130 after Ctrl+C, 143 after SIGTERM."""

    exit_code = 130
    code = "ended"

    def __init__(self) -> None:
        super().__init__("Packaging was ended. Nothing was made.")


ALL = (
    *(PackagingError, WrongUsage, BrandWrong, SecretFound, IconWrong, AgentWrong),
    *(ToolMissing, BuildFailed, ProofFailed, DiskTrouble),
)
