"""Chooses this computer's keyring, and opens a locked one. Imports `keyring` only when used.

Only the five keyrings that come with an operating system or desktop are trusted. Any other one named by the environment
or a configuration file is refused: the null keyring, a plain file, a chain that contains one, or one that only has the
name of a trusted one. A packaged app reads neither, and chooses by platform.
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
"""The trusted keyrings, and their names for people."""

_BY_PLATFORM = {
    "win32": ("keyring.backends.Windows.WinVaultKeyring",),
    "darwin": ("keyring.backends.macOS.Keyring",),
}
_ON_DESKTOPS = ("keyring.backends.SecretService.Keyring", "keyring.backends.kwallet.DBusKeyring")


def full_name(backend: Any) -> str:
    """`module.Class` of a keyring."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def usual_name(platform: str = sys.platform) -> str:
    """The name of this platform's keyring, for people."""
    return TRUSTED[_BY_PLATFORM.get(platform, _ON_DESKTOPS)[0]]


def choose(*, frozen: bool, environ: Mapping[str, str], platform: str = sys.platform) -> Any:
    """The keyring to use. May take a while (D-Bus): call it on a worker thread.

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
    """Whether the session bus, which keyrings of Linux desktops use, accepts a connection. Only sockets on this
    computer are tried; other kinds of address are assumed to work."""
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
    """The keyring a person running from source has configured for all Python programs, or None."""
    from keyring import core

    try:
        if "PYTHON_KEYRING_BACKEND" in environ:
            return core.load_keyring(environ["PYTHON_KEYRING_BACKEND"])
        return core.load_config()
    except Exception as error:
        raise KeyringMissing(f"{type(error).__name__}: {str(error)[:160]}") from error


def load(platform: str = sys.platform) -> None:
    """Import the libraries of this platform's usual keyring. Using the keyring reports what is missing."""
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
    """`backend` itself, or the first of a chain of trusted ones.

    Raises KeyringMissing for keyring's "no backend", KeyringInsecure for anything else.
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
    """Whether it really is keyring's own class with keyring's own code. A name can be faked."""
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
    """The file with the code of a method."""
    return str(inspect.unwrap(function).__code__.co_filename)


def _members(backend: Any) -> Iterator[Any]:
    if type(backend).__module__ == "keyring.backends.chainer":  # the chain itself is not used, only its members
        for member in backend.backends:
            yield from _members(member)
    else:
        yield backend


def _without_environment(backend: Any, environ: Mapping[str, str]) -> None:
    """Undo what `KEYRING_PROPERTY_…` variables have set. keyring 25 reads them when it builds a backend."""
    for name in list(vars(backend)):
        if f"KEYRING_PROPERTY_{name.upper()}" in environ:
            delattr(backend, name)


def open_secret_service(backend: Any, waiting: Callable[[], None], limit: float, *, make: bool) -> bool:
    """Open the collection used by `backend`. False if there is none yet, so nothing is stored.

    If it is locked, `waiting` is called and the person is asked, for at most `limit` seconds. `make`: a collection is
    about to be created, which also asks the person. Raises KeyringDenied (the question was dismissed), KeyringLocked
    (not answered), KeyringMissing.
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
    """The error that explains a keyring's exception. Its text is not repeated, since it may contain anything."""
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
