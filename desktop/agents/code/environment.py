"""The environment of a child process: this one's before packaging, without OpenAI's keys, a proxy's password, and
anything that misleads Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from desktop.common.programs import clean_environment

if TYPE_CHECKING:
    from desktop.openai_api.transport import Endpoint as Route

SECRET = re.compile(r"^OPENAI_|^CHATKIT_", re.IGNORECASE)
"""Keys of other services stay: a tool in the file may need one."""
MISLEADING = {"PYTHONSAFEPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHON_KEYRING_BACKEND"}


PROXY = re.compile(r"^[a-z]+_proxy$", re.IGNORECASE)
USER = re.compile(r"^([a-z0-9+.-]+://)?[^/]*@", re.IGNORECASE)
"""The beginning of a proxy's address: `scheme://user:password@`."""


def clean(environ: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """`environ` without OpenAI's variables, and without those that contain one of `secrets` or what looks like an
    OpenAI key. A proxy's address loses its user: model clients get the password over the pipe."""
    known = [secret for secret in secrets if secret]
    plain = {
        name: USER.sub(r"\1", value) if PROXY.match(name) else value
        for name, value in clean_environment(environ).items()
    }
    return {
        name: value
        for name, value in plain.items()
        if not SECRET.search(name)
        and name not in MISLEADING
        and not re.search(r"\bsk-[A-Za-z0-9_-]{8,}", value)
        and not any(secret in value for secret in known)
    }


def with_proxy(route: Route) -> Route:
    """`route` with the proxy from this process's environment if the settings name none and it needs a password, which
    the child's environment no longer has."""
    from desktop.openai_api.transport import choose_proxy

    proxy = None if route.proxy else choose_proxy(route)
    if proxy is None or not proxy.user:
        return route
    scheme, _, host = proxy.url.partition("://")
    return replace(route, proxy=f"{scheme}://{quote(proxy.user, safe='')}@{host}", proxy_password=proxy.password)
