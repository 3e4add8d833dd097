"""Imports a key from the environment or a starter app's `.env` file. It is kept here; the page never gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.common.page import Method, NoParams
from desktop.keys.errors import KeyMissing
from desktop.pages.common.services import Services
from desktop.settings.origins import host_of

ENV_KEY = "OPENAI_API_KEY"


@dataclass(frozen=True)
class Pending:
    """An imported key that the page never gets."""

    key: str = field(repr=False)
    api_base: str = ""
    """The API it belongs to, according to the same file; empty for the current one."""


class Imports:
    """One for each showing of the page. `pending`: the key to check, until it is saved or dropped."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.pending: Pending | None = None

    @property
    def methods(self) -> Mapping[str, Method]:
        return {
            "setup.import_env_key": Method(NoParams, self._import_env_key),
            "setup.import_dotenv": Method(NoParams, self._import_dotenv),
            "setup.drop_key": Method(NoParams, lambda _: self.drop()),
        }

    def drop(self) -> None:
        """It was saved, or the person typed another key."""
        self.pending = None

    @property
    def in_environment(self) -> str:
        """The name of the environment variable with a key; empty if there is none."""
        return ENV_KEY if self._env_key() else ""

    def _env_key(self) -> str:
        return self._services.environ.get(ENV_KEY, "").strip()

    def _import_env_key(self, _: NoParams) -> dict[str, Any]:
        """Use the environment's key for the check. Only after a person's click."""
        key = self._env_key()
        if not key:
            raise KeyMissing(origin=host_of(self._services.settings.current.network.api_base), field="key")
        self.pending = Pending(key)
        return {"name": ENV_KEY}

    def _import_dotenv(self, _: NoParams) -> dict[str, Any] | None:
        """Read a starter app's `.env`. The key is kept here; ids go to the page. None if no file was chosen."""
        from desktop.settings.dotenv import read_starter

        texts = self._services.texts
        chosen = self._services.app.pick_file(
            texts.get("setup.import_dotenv_title"),
            (texts.get("setup.import_dotenv_kind"), texts.get("setup.import_any_kind")),
        )
        if not chosen:
            return None
        starter = read_starter(Path(chosen))
        ignored = list(starter.ignored)
        settings = self._services.settings
        base = starter.api_base
        if base == settings.current.network.api_base:
            base = ""
        key = starter.key
        if base and (
            settings.is_fixed("network.api_base")
            or settings.layer_of("network.api_base") in ("command_line", "environment")
        ):
            # The key belongs to the file's address. If the address can't be used, neither can the key.
            ignored += ["CHATKIT_API_BASE", *([ENV_KEY] if key else [])]
            base, key = "", ""
        name = Path(chosen).name
        if key:
            self.pending = Pending(key, base)
        return {
            "key": bool(key),
            "workflow": starter.workflow_id,
            "version": starter.version,
            "file": name,
            "api_host": host_of(base) if base and key else "",
            "found": [
                label
                for label, value in (
                    (ENV_KEY, key),
                    ("CHATKIT_WORKFLOW_ID", starter.workflow_id),
                    ("CHATKIT_API_BASE", base),
                )
                if value
            ],
            "ignored": ignored[:50],
        }
