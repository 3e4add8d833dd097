"""Errors of code agents: their file, their packages, their process."""

from __future__ import annotations

from desktop.common.errors import AgentError


class CodeError(AgentError):
    """values of every child: file (its name)."""


class CodeUnreadable(CodeError):
    """values: problem (a sentence or a `Phrase`)."""

    code = "code_unreadable"


class CodeConsentNeeded(CodeError):
    """values: digest (SHA-256 of what would run, in hex)."""

    code = "code_consent_needed"


class CodeUnfit(CodeError):
    code = "code_unfit"


class CodePackageMissing(CodeError):
    """values: module (what is imported), package (what to install)."""

    code = "code_package_missing"


class CodeFileMissing(CodeError):
    """values: module (what is imported), wanted (the file it means), advice (a `Phrase`: where to put it)."""

    code = "code_file_missing"


class CodeEntryUnclear(CodeError):
    """values: choices (names, with commas)."""

    code = "code_entry_unclear"


class CodeModelGone(CodeError):
    """values: model (as the file names it), host."""

    code = "code_model_gone"


class CodePromptGone(CodeError):
    """values: prompt (its id), host."""

    code = "code_prompt_gone"


class CodeEndless(CodeError):
    """values: problem (a `Phrase`: what it did how often)."""

    code = "code_endless"
    retryable = True


class CodeBroken(CodeError):
    """values: line, problem (Python's own words)."""

    code = "code_broken"


class CodeFailed(CodeError):
    """values: line, problem (Python's own words)."""

    code = "code_failed"
    retryable = True


class CodeInputs(CodeError):
    """values: inputs (names, with commas)."""

    code = "code_inputs"


class CodeGuarded(CodeError):
    code = "code_guarded"


class CodeEnded(CodeError):
    """values: problem (an exit code or a signal)."""

    code = "code_ended"
    retryable = True


class CodeSilent(CodeError):
    code = "code_silent"
    retryable = True


class CodeFlood(CodeError):
    """values: limit (in characters)."""

    code = "code_flood"


class PackagesNotInstalled(CodeError):
    """values: packages, problem (pip's own words, or a `Phrase`)."""

    code = "packages_not_installed"
    retryable = True
