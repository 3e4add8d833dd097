"""Errors of the settings and the brand file."""

from __future__ import annotations

from desktop.common.errors import AppError, Phrase


class SettingsError(AppError):
    pass


class SettingsInvalid(SettingsError):
    """A value that can't be used. `name`: the dotted setting. `problem`: a sentence (or a `Phrase`). `layer`: where the
    value came from (`settings.layers.Layer`)."""

    code = "settings_invalid"

    def __init__(
        self,
        detail: str = "",
        *,
        name: str = "",
        problem: object = "",
        layer: str = "settings",
        field: str | None = None,
        **values: object,
    ) -> None:
        plain = ".".join(part for part in name.split(".") if not part.isdigit())
        super().__init__(
            detail or f"{name} ({layer})",
            field=field or name or None,
            name=name,
            problem=problem,
            title=Phrase(f"settings_names.{plain}", fallback=name),
            where=Phrase(f"problems.layer.{layer}"),
            **values,
        )
        self.name = name
        self.layer = layer


class SettingsDamaged(SettingsError):
    """values: kept (the name under which the damaged file was kept)."""

    code = "settings_damaged"


class SettingsNewer(SettingsError):
    """values: version (of the file), known (newest version this app reads)."""

    code = "settings_newer"


class SettingsUnwritable(SettingsError):
    """values: path."""

    code = "settings_unwritable"
    retryable = True


class BrandInvalid(SettingsError):
    """values: name, problem (a sentence or a `Phrase`)."""

    code = "brand_invalid"


class AgentNotSet(AppError):
    code = "agent_not_set"
