"""Reads and saves keys and other secrets, by profile and origin. The only access to them in the app.

Calls run on their own thread. A keyring that hangs costs the caller `limit` seconds and raises an error; it may only
take longer while the person is asked to unlock it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

from desktop.common import logs
from desktop.common.errors import AppError
from desktop.keys.errors import (
    KeyringDenied,
    KeyringInsecure,
    KeyringLocked,
    KeyringMissing,
    KeyringSlow,
    KeyStoreError,
)
from desktop.keys.stores import KeyringStore, KeyStore, MemoryStore
from desktop.settings.origins import origin_of

PROXY_SECRET = "proxy"  # noqa: S105 - the entry's name, not a secret

Where = Literal["keyring", "session", "nowhere"]
T = TypeVar("T")


@dataclass(frozen=True)
class KeyStatus:
    """What is known about a key, without the key. `problem`: why the keyring could not be read."""

    present: bool
    where: Where
    store_name: str
    problem: AppError | None = None


class Known(Protocol):
    """Remembers between starts which origins have a key (`settings.state.State`)."""

    def key_known(self, origin: str) -> bool: ...
    def set_key_known(self, origin: str, known: bool) -> None: ...


LOAD_LIMIT = 20.0
"""Additional seconds for importing the keyring's libraries: on a slow disk that takes longer than the keyring
itself."""


class Keys:
    """The secrets of one profile. Also the only owner of what is known about its keys: `known` is up to date whoever
    saves, removes or reads one. Thread-safe.

    `limit`: seconds for a call. `unlock_limit`: seconds the person has to answer an unlock prompt; `on_waiting` is then
    called on a worker thread. `store`: for tests, and for profiles that keep nothing; by default this computer's
    keyring.
    """

    def __init__(
        self,
        profile: str,
        service: str,
        store: KeyStore | None = None,
        *,
        limit: float = 3.0,
        unlock_limit: float = 120.0,
        on_waiting: Callable[[], object] | None = None,
        frozen: bool = False,
        environ: Mapping[str, str] = os.environ,
        remembers: Known | None = None,
    ) -> None:
        """`remembers`: stores what is known beyond this process."""
        self._remembers = remembers
        self._profile = profile
        self._limit = limit
        self._unlock_limit = unlock_limit
        self.on_waiting = on_waiting
        self._session = MemoryStore()
        self.store: KeyStore = store or KeyringStore(service, frozen=frozen, environ=environ, unlock_limit=unlock_limit)
        self._load: Callable[[], None] = lambda: None
        if isinstance(self.store, KeyringStore):
            self.store.waiting = self._person_is_asked
            self._load = self.store.load
        self._lock = threading.Lock()
        self._reads: dict[str, _Call[str | None]] = {}
        self._unusable: KeyStoreError | None = None
        self._asking: list[_Call[Any]] = []

    # --- keys ---------------------------------------------------------------------------------

    def preload(self, origin: str) -> None:
        """Start reading the key on a thread. The next `read` of this origin waits for it."""
        self._start_read(self._key_entry(origin))

    def read(self, origin: str) -> str | None:
        """The key of `origin`, or None. Raises KeyStoreError if the keyring can't be read."""
        entry = self._key_entry(origin)
        found = self._get(entry)
        if self._session.get(entry) is None:
            self._note(origin, found is not None)
        return found

    def known(self, origin: str, within: float = 0.0) -> bool:
        """Whether there is a key for `origin`. If unknown, ask the keyring, for at most `within` seconds."""
        entry = self._key_entry(origin)
        if self._session.get(entry) is not None:
            return True
        if self._remembers is not None and self._remembers.key_known(origin_of(origin)):
            return True
        if within <= 0:
            return False
        call = self._start_read(entry)
        try:
            found = call.wait(within, within, load_limit=0) is not None
        except AppError:
            return False  # it hangs or is missing; reading the key will report that
        self._note(origin, found)
        return found

    def save(self, origin: str, key: str, keep: Literal["keyring", "session"] = "keyring") -> None:
        """Save the normalised key, and read it back to make sure. Raises KeyStoreError."""
        self._set(self._key_entry(origin), key, keep)
        self._note(origin, keep == "keyring")

    def remove(self, origin: str) -> None:
        """Delete the key, and read again to make sure. A missing key is fine. Raises KeyStoreError."""
        try:
            self._delete(self._key_entry(origin))
        except (KeyringMissing, KeyringInsecure):
            self._note(origin, known=False)  # without a keyring, no key is stored
            raise
        self._note(origin, known=False)

    def status(self, origin: str) -> KeyStatus:
        """Whether there is a key, and where. Never raises. If this session has a key, the keyring is not asked; whether
        it is usable is remembered from the last time."""
        told = self._status(self._key_entry(origin))
        if told.problem is None and told.where != "session":
            self._note(origin, told.present)
        return told

    def _status(self, entry: str) -> KeyStatus:
        if self._session.get(entry) is not None:
            return KeyStatus(True, "session", self.store.name, self._unusable)
        try:
            present = self._get(entry) is not None
        except KeyStoreError as problem:
            return KeyStatus(False, "nowhere", self.store.name, problem)
        where: Where = ("keyring" if self.store.persistent else "session") if present else "nowhere"
        return KeyStatus(present, where, self.store.name)

    # --- other secrets (a proxy's password) ---------------------------------------------------

    def secret(self, name: str) -> str | None:
        """The secret `name`, or None. Raises KeyStoreError."""
        return self._get(self._secret_entry(name))

    def save_secret(self, name: str, value: str, keep: Literal["keyring", "session"] = "keyring") -> None:
        """Like `save`."""
        self._set(self._secret_entry(name), value, keep)

    def renew_secret(self, name: str, value: str) -> None:
        """Replace a secret where it is stored. Does nothing if it was removed. Raises KeyStoreError."""
        entry = self._secret_entry(name)
        if self._session.get(entry) is not None:
            self._set(entry, value, "session")
        elif self._get(entry) is not None:
            self._set(entry, value, "keyring")

    def secret_status(self, name: str) -> KeyStatus:
        """Like `status`."""
        return self._status(self._secret_entry(name))

    def remove_secret(self, name: str) -> None:
        """Like `remove`."""
        self._delete(self._secret_entry(name))

    def proxy_password(self, proxy: str) -> str:
        """The password for `proxy`, the address in the settings; empty if there is none. The keyring is only asked for
        an address with a user name. Raises KeyStoreError if it exists but can't be read."""
        if "@" not in proxy:
            return ""
        try:
            return self.secret(PROXY_SECRET) or ""
        except (KeyringMissing, KeyringInsecure):
            return ""  # without a keyring, no password is stored

    @property
    def waiting(self) -> bool:
        """Whether the person is being asked to unlock the keyring."""
        with self._lock:
            self._asking = [call for call in self._asking if call.running]
            return bool(self._asking)

    # --- how ----------------------------------------------------------------------------------

    def _note(self, origin: str, known: bool) -> None:
        if self._remembers is not None:
            self._remembers.set_key_known(origin_of(origin), known and self.store.persistent)

    def _key_entry(self, origin: str) -> str:
        return f"{self._profile}|{origin_of(origin)}"

    def _secret_entry(self, name: str) -> str:
        return f"{self._profile}|secret|{name}"

    def _get(self, entry: str) -> str | None:
        kept = self._session.get(entry)
        if kept is None:
            call = self._start_read(entry)
            try:
                kept = self._wait(call)
            finally:
                # The next call waits for a hanging read again instead of starting another one.
                if not call.running:
                    self._forget_read(entry, call)
        if kept:
            logs.add_secret(kept)
        return kept

    def _set(self, entry: str, secret: str, keep: Literal["keyring", "session"]) -> None:
        logs.add_secret(secret)
        self._forget_read(entry)
        if keep == "session":
            self._session.set(entry, secret)
            return

        def write() -> None:
            self.store.set(entry, secret)
            if self.store.get(entry) != secret:
                raise KeyringDenied("a fresh read gave something else")

        try:
            self._wait(self._start(write))
        finally:
            self._forget_read(entry)
        self._session.delete(entry)

    def _delete(self, entry: str) -> None:
        in_session = self._session.get(entry) is not None
        self._session.delete(entry)
        self._forget_read(entry)

        def delete() -> None:
            self.store.delete(entry)
            if self.store.get(entry) is not None:
                raise KeyringDenied("a fresh read still found it")

        try:
            self._wait(self._start(delete))
        except (KeyringMissing, KeyringInsecure):
            if not in_session:
                raise
        finally:
            self._forget_read(entry)

    def _start(self, action: Callable[[], T]) -> _Call[T]:
        call = _Call(action, self._load)
        call.start()
        return call

    def _start_read(self, entry: str) -> _Call[str | None]:
        with self._lock:
            call = self._reads.get(entry)
            if call is None:
                call = self._reads[entry] = _Call(lambda: self.store.get(entry), self._load)
                call.start()
            return call

    def _forget_read(self, entry: str, only: _Call[str | None] | None = None) -> None:
        with self._lock:
            if only is None or self._reads.get(entry) is only:
                self._reads.pop(entry, None)

    def _wait(self, call: _Call[T]) -> T:
        try:
            result = call.wait(self._limit, self._unlock_limit)
        except (KeyringMissing, KeyringInsecure) as error:
            self._unusable = error
            raise
        self._unusable = None
        return result

    def _person_is_asked(self) -> None:
        """Called by the store on a call's thread: from now on, the person's limit applies."""
        call = threading.current_thread()
        if isinstance(call, _Call):
            call.person_is_asked()
            with self._lock:
                self._asking.append(call)
        if self.on_waiting is not None:
            self.on_waiting()


class _Call(threading.Thread, Generic[T]):
    """One call of a store on its own daemon thread, so that a hanging call never delays the exit."""

    def __init__(self, action: Callable[[], T], load: Callable[[], None]) -> None:
        super().__init__(name="keyring", daemon=True)
        self._action = action
        self._load = load
        self._loaded: float | None = None
        """When its imports were done. From then on, it waits for the keyring."""
        self._news = threading.Condition()
        self._done = False
        self._asked = False
        self._result: Any = None
        self._error: Exception | None = None

    @property
    def running(self) -> bool:
        return not self._done

    def run(self) -> None:
        result, failed = None, None
        try:
            self._load()
            with self._news:
                self._loaded = time.monotonic()
                self._news.notify_all()
            result = self._action()
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            failed = error
        with self._news:
            self._result, self._error, self._done = result, failed, True
            self._news.notify_all()

    def person_is_asked(self) -> None:
        with self._news:
            self._asked = True
            self._news.notify_all()

    def wait(self, limit: float, unlock_limit: float, *, load_limit: float = LOAD_LIMIT) -> T:
        """The result. Raises whatever the call raised, KeyringSlow after `limit`, KeyringLocked after `unlock_limit`.
        Additionally waits for a pending import, for at most `load_limit` seconds."""
        asked = time.monotonic()
        with self._news:
            while not self._done:
                late = asked + load_limit
                began = min(late, time.monotonic()) if self._loaded is None else max(asked, min(late, self._loaded))
                left = began + (unlock_limit if self._asked else limit) - time.monotonic()
                if left <= 0:
                    raise KeyringLocked("not answered") if self._asked else KeyringSlow(seconds=f"{limit:g}")
                self._news.wait(left)
            if self._error is not None:
                raise self._error
            return cast(T, self._result)
