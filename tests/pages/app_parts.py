"""A small application around a page: real settings, keys, keeper, client, and an application that takes notes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from desktop.agents.from_settings import SettingsSources
from desktop.agents.host import AgentHost
from desktop.app.diagnostics import Counters
from desktop.chats.drafts import Drafts
from desktop.common.errors import AppError
from desktop.common.locations import Locations
from desktop.common.page import Page
from desktop.common.texts import Catalogue
from desktop.keys import Keys, MemoryStore
from desktop.openai_api.client import ApiClient, Endpoint
from desktop.openai_api.keeper import SessionKeeper
from desktop.pages.common.services import Services
from desktop.settings.brand import Brand
from desktop.settings.file import SettingsFile
from desktop.settings.layers import SettingsStore
from desktop.settings.state import State

SENTINEL = "sk-Xq7vPlanted-never-to-be-seen-0123456789"

Asking = tuple[str, tuple[Any, ...]]


class Application:
    """Notes what it is asked for; `file` is what the file dialog answers, `builtin` which view shows the chat."""

    def __init__(self) -> None:
        self.asked: list[Asking] = []
        self.file: str | None = None
        self.builtin = False
        self._changed = threading.Condition()

    def shows_builtin(self) -> bool:
        return self.builtin

    def __getattr__(self, name: str) -> Any:
        def note(*args: Any, **named: Any) -> str | None:
            with self._changed:
                self.asked.append((name, (*args, *named.values())))
                self._changed.notify_all()
            return self.file if name in ("pick_file", "pick_folder") else None

        return note

    def wait(self, until: Callable[[list[Asking]], bool], limit: float = 30) -> list[Asking]:
        """For what another thread asks."""
        with self._changed:
            assert self._changed.wait_for(lambda: until(self.asked), limit), self.asked
            return list(self.asked)

    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


class Keyring(MemoryStore):
    """A keyring that lasts; `trouble` is raised by every call, `refuses` by writing alone."""

    name = "Secret Service"
    persistent = True

    def __init__(self, trouble: AppError | None = None, refuses: AppError | None = None) -> None:
        super().__init__()
        self.trouble = trouble
        self.refuses = refuses
        self.log: list[str] = []

    def get(self, entry: str) -> str | None:
        self._fail()
        return super().get(entry)

    def set(self, entry: str, secret: str) -> None:
        self._fail()
        if self.refuses:
            raise self.refuses
        self.log.append("set")
        super().set(entry, secret)

    def delete(self, entry: str) -> None:
        self._fail()
        self.log.append("delete")
        super().delete(entry)

    def _fail(self) -> None:
        if self.trouble:
            raise self.trouble


class House:
    """Everything a page is given. `base` is the API; without it the default one, which tests never reach."""

    def __init__(
        self,
        folder: Path,
        *,
        base: str = "",
        brand: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        command_line: Mapping[str, Any] | None = None,
        keyring: MemoryStore | None = None,
        language: str = "en",
    ) -> None:
        self.locations = Locations(folder / "profiles" / "default")
        self.brand = Brand.model_validate(brand or {})
        self.app = Application()
        self.keyring = keyring or Keyring()
        state = State(self.locations.state)
        self.keys = Keys("default", "test", self.keyring, remembers=state)
        self.settings = SettingsStore(
            SettingsFile(self.locations.settings, 1), self.brand, environ=environ, command_line=command_line
        )
        if base:
            self.settings.update({"network.api_base": base})
        self._clients: list[ApiClient] = []
        counters = Counters()
        self.texts = Catalogue(language)
        self.keeper = SessionKeeper(self.settings, self.keys, self.make_client, counters)
        self.agents = AgentHost(SettingsSources(self.settings, self.keys), self.texts, counters=counters)
        self.services = Services(
            brand=self.brand,
            profile="default",
            locations=self.locations,
            texts=self.texts,
            settings=self.settings,
            state=state,
            drafts=Drafts(self.locations.drafts),
            keys=self.keys,
            keeper=self.keeper,
            agents=self.agents,
            counters=counters,
            app=cast(Any, self.app),
            make_client=self.make_client,
            diagnostics=lambda: "versions and counters",
            component_url="",
            environ=dict(environ or {}),
        )

    def make_client(self, base: str, key: str) -> ApiClient:
        client = ApiClient(
            Endpoint(base, timeout=10, plain=self.settings.current.network.allows(base)),
            key,
            sleep=lambda _seconds: None,
            random=lambda: 0.0,
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        self.keeper.close()
        self.agents.close()
        for client in self._clients:
            client.close()

    def on_disk(self) -> str:
        """The settings file, empty where there is none."""
        path = self.locations.settings
        return path.read_text(encoding="utf-8") if path.exists() else ""


class Asked:
    """Calls a page's methods as the bridge does, and keeps everything that crossed."""

    def __init__(self, page: Page, texts: Catalogue) -> None:
        self.page = page
        self._texts = texts
        self.crossed: list[str] = []

    def __call__(self, method: str, **params: Any) -> Any:
        """The value; raises the AppError after writing down what the page would have been told."""
        asked = self.page.methods[method]
        try:
            value = asked.call(asked.params.model_validate(params))
        except AppError as error:
            self.crossed.append(json.dumps(error.describe(self._texts)))
            raise
        self.crossed.append(json.dumps(value))
        return value

    def found(self, secret: str) -> bool:
        return any(secret in text for text in self.crossed)
