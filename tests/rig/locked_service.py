"""A Secret Service whose one collection is locked, and a person who answers its prompt as told.

Speaks just enough of the freedesktop Secret Service API 0.2 for keyring and secretstorage to read
one item. Runs as a process of its own: `python -m tests.rig.locked_service after:1.5|dismiss|never|silent`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.rig.processes import Child

SECRET = "sk-from-the-locked-keyring-0123456789"
_BASE = "/org/freedesktop/secrets"
_ITEM = f"{_BASE}/collection/login/1"
_PROMPT = f"{_BASE}/prompt/1"


@contextmanager
def locked_service(answer: str) -> Iterator[dict[str, str]]:
    """The environment for child processes; `answer`: `after:SECONDS`, `dismiss`, `never`;
    `silent`: the service is there and answers nothing at all."""
    from tests.rig.secret_service import session_bus

    root = Path(__file__).resolve().parents[2]
    with session_bus() as environ:
        service = Child(
            [sys.executable, "-m", "tests.rig.locked_service", answer],
            env=environ | {"PYTHONPATH": str(root)},
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert service.stdout is not None
            assert service.line() == "ready\n"
            yield environ
        finally:
            service.terminate()
            service.wait()
            if service.stdout is not None:
                service.stdout.close()


def main(answer: str) -> None:
    from jeepney import DBusAddress, MessageType, new_error, new_method_return, new_signal
    from jeepney.bus_messages import message_bus
    from jeepney.io.blocking import open_dbus_connection

    line: Any = open_dbus_connection()
    line.send_and_get_reply(message_bus.RequestName("org.freedesktop.secrets"))
    print("ready", flush=True)
    locked = True
    due: float | None = None
    while True:
        try:
            message = line.receive(timeout=None if due is None else max(0.0, due - time.monotonic()))
        except TimeoutError:
            due, locked = None, answer == "dismiss"
            prompt = DBusAddress(_PROMPT, interface="org.freedesktop.Secret.Prompt")
            line.send(new_signal(prompt, "Completed", "bv", (locked, ("ao", [_BASE]))))
            continue
        if message.header.message_type is not MessageType.method_call or answer == "silent":
            continue
        member = message.header.fields[3]
        body = message.body
        reply: tuple[str, tuple[Any, ...]] | None
        if member == "Get":
            reply = {"Locked": ("v", (("b", locked),)), "Label": ("v", (("s", "Login"),))}.get(body[1])
        elif member == "Unlock":
            reply = ("aoo", ([] if locked else body[0], _PROMPT if locked else "/"))
        elif member == "Prompt":
            reply = ("", ())
            if answer != "never":
                due = time.monotonic() + float(answer.partition(":")[2] or 0)
        elif member == "OpenSession" and body[0] == "plain":
            reply = ("vo", (("s", ""), f"{_BASE}/session/1"))
        elif member == "SearchItems":
            reply = ("ao", ([_ITEM],))
        elif member == "GetSecret":
            reply = ("(oayays)", ((f"{_BASE}/session/1", b"", SECRET.encode(), "text/plain"),))
        else:
            reply = None
        if reply is None:
            line.send(new_error(message, "org.freedesktop.DBus.Error.NotSupported", "s", ("not here",)))
        else:
            line.send(new_method_return(message, *reply))


if __name__ == "__main__":
    main(sys.argv[1])
