"""Which keyring of this computer to use, and how a locked one is opened. Imports keyring only when asked.

Only the five keyrings that come with an operating system or desktop are trusted. Whatever the
environment or a configuration file names beside them (nothing, a plain file, a chain with one in
it, one that only bears the name of a trusted one) is refused. A packaged app reads neither: it
chooses by platform.
"""

from __future__ import annotations

import inspect
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from desktop.common.locations import command_name
from desktop.keys.errors import (
    KeyringDenied,
    KeyringInsecure,
    KeyringLocked,
    KeyringMissing,
    KeyringUnreached,
    KeyStoreError,
)

TRUSTED = {
    "keyring.backends.SecretService.Keyring": "Secret Service",
    "keyring.backends.libsecret.Keyring": "Secret Service",
    "keyring.backends.kwallet.DBusKeyring": "KWallet",
    "keyring.backends.macOS.Keyring": "Keychain",
    "keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager",
}
"""The keyrings we trust, and what people call them."""

_BY_PLATFORM = {
    "win32": ("keyring.backends.Windows.WinVaultKeyring",),
    "darwin": ("keyring.backends.macOS.Keyring",),
}
_ON_DESKTOPS = ("keyring.backends.SecretService.Keyring", "keyring.backends.kwallet.DBusKeyring")


def full_name(backend: Any) -> str:
    """`module.Class` of a keyring."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def usual_name(platform: str = sys.platform) -> str:
    """What people call the keyring of this platform."""
    return TRUSTED[_BY_PLATFORM.get(platform, _ON_DESKTOPS)[0]]


def choose(*, frozen: bool, environ: Mapping[str, str], platform: str = sys.platform) -> Any:
    """The keyring to use. May take long (D-Bus): call it from a worker thread.

    Raises KeyringMissing, KeyringInsecure.
    """
    if not frozen:
        named = _named(environ)
        if named is not None:
            return trusted(named)
    reasons: list[str] = []
    for name in _BY_PLATFORM.get(platform, _ON_DESKTOPS):
        try:
            backend = _load(name)
        except Exception as error:  # noqa: BLE001 - "not usable here" has no class of its own in keyring
            reasons.append(f"{name.split('.')[2]}: {type(error).__name__}: {str(error)[:160]}")
            continue
        if frozen:
            _without_environment(backend, environ)
        return backend
    if platform.startswith("linux") and not has_session_bus(environ):
        raise KeyringUnreached("; ".join(reasons), command=f"dbus-run-session -- {command_name()}")
    raise KeyringMissing("; ".join(reasons))


def has_session_bus(environ: Mapping[str, str]) -> bool:
    """Whether the bus that keyrings of Linux desktops are asked over takes a connection. Of its addresses, those of
    sockets on this computer are tried; another kind is taken at its word."""
    address = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    for one in filter(None, address.split(";")):
        kind, _, rest = one.partition(":")
        values = dict(part.partition("=")[::2] for part in rest.split(","))
        if kind != "unix" or not values.keys() & {"path", "abstract"}:
            return True
        place = unquote(values["path"]) if "path" in values else "\0" + unquote(values["abstract"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(2)
            try:
                sock.connect(place)
            except OSError:
                continue
            return True
    return False


def _named(environ: Mapping[str, str]) -> Any | None:
    """The keyring that a person running from source has named for all Python programs, or None."""
    from keyring import core

    try:
        if "PYTHON_KEYRING_BACKEND" in environ:
            return core.load_keyring(environ["PYTHON_KEYRING_BACKEND"])
        return core.load_config()
    except Exception as error:
        raise KeyringMissing(f"{type(error).__name__}: {str(error)[:160]}") from error


def load(platform: str = sys.platform) -> None:
    """Import what speaks with the usual keyring of this platform; whoever asks one says what is missing."""
    for name in ("keyring.core", _BY_PLATFORM.get(platform, _ON_DESKTOPS)[0].rpartition(".")[0]):
        with suppress(Exception):
            import_module(name)


def _load(name: str) -> Any:
    module, _, cls = name.rpartition(".")
    __import__(module)
    backend_class = getattr(sys.modules[module], cls)
    backend_class.priority  # noqa: B018 - raises where the keyring can't be used here
    return backend_class()


def trusted(backend: Any) -> Any:
    """`backend` itself, or the first of a chain in which every one is trusted.

    Raises KeyringMissing for keyring's "there is none", KeyringInsecure for everything else.
    """
    members = list(_members(backend))
    for member in members:
        if full_name(member) not in TRUSTED or not _genuine(member):
            if type(member).__module__ == "keyring.backends.fail":
                raise KeyringMissing(full_name(member))
            raise KeyringInsecure(full_name(member), backend=type(member).__module__)
    if not members:
        raise KeyringMissing(full_name(backend))
    return members[0]


def _genuine(backend: Any) -> bool:
    """Whether it is what its name says: keyring's own class, made of keyring's own code. A name can be claimed."""
    import keyring

    kind = type(backend)
    try:
        home = os.path.realpath(os.path.dirname(keyring.__file__)) + os.sep
        module = sys.modules[kind.__module__]
        files = [module.__file__ or "", *(_file(getattr(kind, name)) for name in _TOUCH_SECRETS)]
        known = getattr(module, kind.__qualname__, None) is kind and not set(vars(backend)) & set(_TOUCH_SECRETS)
        return known and all(os.path.realpath(file).startswith(home) for file in files)
    except (KeyError, AttributeError, TypeError):
        return False


_TOUCH_SECRETS = ("get_password", "set_password", "delete_password", "get_credential")


def _file(function: Any) -> str:
    """Where the code of a method lies."""
    return str(inspect.unwrap(function).__code__.co_filename)


def _members(backend: Any) -> Iterator[Any]:
    if type(backend).__module__ == "keyring.backends.chainer":  # it is not used itself, its members are
        for member in backend.backends:
            yield from _members(member)
    else:
        yield backend


def _without_environment(backend: Any, environ: Mapping[str, str]) -> None:
    """Takes back what `KEYRING_PROPERTY_…` variables have set (keyring 25 reads them while building a backend)."""
    for name in list(vars(backend)):
        if f"KEYRING_PROPERTY_{name.upper()}" in environ:
            delattr(backend, name)


def open_secret_service(backend: Any, waiting: Callable[[], None], limit: float, *, make: bool) -> bool:
    """Opens the collection that `backend` uses. False: there is none yet, so nothing is kept in it.

    Where it is locked, `waiting` is called and the person is asked, for at most `limit` seconds.
    `make`: a collection is about to be made, which asks the person too. Raises KeyringDenied (the
    question was dismissed), KeyringLocked (not answered), KeyringMissing.
    """
    import secretstorage
    from secretstorage.exceptions import ItemNotFoundException

    with closing(secretstorage.dbus_init()) as connection:
        try:
            path = getattr(backend, "preferred_collection", None)
            collection = secretstorage.Collection(connection, path) if path else secretstorage.Collection(connection)
        except ItemNotFoundException:
            if make:
                waiting()
            return False
        if not collection.is_locked():
            return True
        waiting()
        try:
            dismissed = collection.unlock(timeout=limit)
        except TimeoutError as error:
            raise KeyringLocked(repr(error)) from error
        if dismissed:
            raise KeyringDenied("dismissed")
        if collection.is_locked():
            raise KeyringLocked("still locked")
        return True


def explained(error: Exception, backend: Any) -> Exception:
    """What a keyring's exception means for a person. Its text is not repeated: it may hold anything."""
    if isinstance(error, KeyStoreError):
        return error
    names = {cls.__name__ for cls in type(error).__mro__}
    detail = f"{full_name(backend)}: {type(error).__name__}" if backend is not None else type(error).__name__
    dbus = str(getattr(error, "name", ""))
    if names & {"PromptDismissedException"}:
        return KeyringDenied(detail)
    if names & {"NoKeyringError", "InitError", "SecretServiceNotAvailableException", "ConnectionError"}:
        return KeyringMissing(detail)
    if names & {"KeyringLocked", "LockedException"} or dbus.endswith("IsLocked"):
        on_mac = backend is not None and "macOS" in full_name(backend)
        return KeyringDenied(detail) if on_mac else KeyringLocked(detail)
    return KeyringDenied(f"{detail} {dbus}".strip())
