"""Errors that keep the app from starting."""

from __future__ import annotations

from desktop.common.errors import AppError


class ProfileBusy(AppError):
    """values: profile."""

    code = "profile_busy"
    retryable = True


class OneViewOnly(AppError):
    """A hosted workflow, or no agent at all: only ChatKit shows it."""

    code = "one_view_only"
