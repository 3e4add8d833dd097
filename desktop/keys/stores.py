"""The two places for a secret: the operating system's keyring, and this process's memory.

Calls block as long as the keyring does. `access.Keys` runs them on threads with a limit.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from desktop.common.errors import Phrase
from desktop.keys import system
from desktop.keys.errors import KeyShape, KeyStoreError

T = TypeVar("T")

WINDOWS_LIMIT = 2560
"""The largest entry in the Windows Credential Manager, in bytes of UTF-16."""

DELETIONS = 20
"""The most duplicates of an entry to delete. In the Secret Service, other programs can create them."""


class KeyStore(Protocol):
    """A place for secrets. `get`, `set` and `delete` raise KeyStoreError. Deleting a missing entry is fine."""

    @property
    def name(self) -> str:
        """Its name for people."""

    @property
    def persistent(self) -> bool:
        """Whether it outlives the process."""

    def get(self, entry: str) -> str | None: ...
    def set(self, entry: str, secret: str) -> None: ...
    def delete(self, entry: str) -> None: ...


class MemoryStore:
    """Secrets in memory, lost when the process ends."""

    name = "memory"
    persistent = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[str, str] = {}

    def get(self, entry: str) -> str | None:
        with self._lock:
            return self._secrets.get(entry)

    def set(self, entry: str, secret: str) -> None:
        with self._lock:
            self._secrets[entry] = secret

    def delete(self, entry: str) -> None:
        with self._lock:
            self._secrets.pop(entry, None)


class KeyringStore:
    """The operating system's keyring. Entries are stored under `service`.

    `choose` finds the keyring at the first call (default: `system.choose`); its result is trusted. `waiting` is called
    on the calling thread whenever the person is about to be asked to unlock the keyring; they have `unlock_limit`
    seconds. `load` imports the keyring's libraries without using it (default: `system.load`).
    """

    persistent = True

    def __init__(
        self,
        service: str,
        *,
        choose: Callable[[], Any] | None = None,
        frozen: bool = False,
        environ: Mapping[str, str] = os.environ,
        platform: str = sys.platform,
        unlock_limit: float = 120.0,
        waiting: Callable[[], None] = lambda: None,
        load: Callable[[], None] | None = None,
    ) -> None:
        self.service = service
        self.waiting = waiting
        self._platform = platform
        self.load = load or (lambda: system.load(platform))
        self._choose = choose or (lambda: system.choose(frozen=frozen, environ=environ, platform=platform))
        self._unlock_limit = unlock_limit
        self._backend: Any = None
        self._turn = threading.Condition()
        self._busy = self._asked = False

    @property
    def name(self) -> str:
        if self._backend is None:
            return system.usual_name(self._platform)
        return system.TRUSTED.get(system.full_name(self._backend), type(self._backend).__name__)

    def get(self, entry: str) -> str | None:
        return self._do(lambda backend: self._read(backend, entry))

    def set(self, entry: str, secret: str) -> None:
        if self._platform == "win32" and len(secret.encode("utf-16-le", "surrogatepass")) > WINDOWS_LIMIT:
            raise KeyShape(problem=Phrase("problems.key.windows_limit"), field="key")

        def write(backend: Any) -> None:
            self._open(backend, make=True)
            backend.set_password(self.service, entry, secret)

        self._do(write)

    def delete(self, entry: str) -> None:
        def delete(backend: Any) -> None:
            for _ in range(DELETIONS):
                if self._read(backend, entry) is None:
                    return
                backend.delete_password(self.service, entry)

        self._do(delete)

    def _read(self, backend: Any, entry: str) -> str | None:
        if not self._open(backend, make=False):
            return None
        found = backend.get_password(self.service, entry)
        return None if found is None else str(found)

    def _open(self, backend: Any, *, make: bool) -> bool:
        if system.full_name(backend) != "keyring.backends.SecretService.Keyring":
            return True
        told = False
        with self._turn:
            while self._busy:
                # Another call is opening it. If that one is asking the person, the answer counts for this one too. If
                # the keyring is just silent, this call's own limit applies.
                if self._asked and not told:
                    told = True
                    self.waiting()
                self._turn.wait()
            self._busy = True
        try:
            return system.open_secret_service(backend, self._ask, self._unlock_limit, make=make)
        finally:
            with self._turn:
                self._busy = self._asked = False
                self._turn.notify_all()

    def _ask(self) -> None:
        """The person is about to be asked, for this call and all others waiting."""
        with self._turn:
            self._asked = True
            self._turn.notify_all()
        self.waiting()

    def _do(self, action: Callable[[Any], T]) -> T:
        try:
            if self._backend is None:
                self._backend = self._choose()
            return action(self._backend)
        except KeyStoreError:
            raise
        except Exception as error:
            raise system.explained(error, self._backend) from error
