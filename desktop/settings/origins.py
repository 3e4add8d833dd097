"""API addresses: what is accepted, and the origin a key belongs to. Pure text; knows no file and no network."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

from desktop.errors import Phrase, SettingsInvalid

DEFAULT_PORTS = {"https": 443, "http": 80}


def is_loopback(host: str) -> bool:
    """True for this computer's own names and addresses, written plainly (`127.1` or `0x7f.1` are not)."""
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(p.isascii() and p.isdigit() and int(p) < 256 for p in parts)


def normalise_api_base(text: str, *, name: str = "network.api_base", layer: str = "settings") -> str:
    """The address without a trailing slash and without `/v1`: `https://host[:port][/path]`.

    Accepted is https, and http on loopback. Raises SettingsInvalid.
    """

    def no(problem: Phrase) -> SettingsInvalid:
        return SettingsInvalid(name=name, problem=problem, layer=layer)

    wanted = text.strip()
    if not wanted:
        raise no(Phrase("errors.problem.api_base_empty"))
    if not all(33 <= ord(char) < 127 or ord(char) > 160 for char in wanted) or "\\" in wanted:
        raise no(Phrase("errors.problem.api_base_form"))
    try:
        parts = urlsplit(wanted)
        port = parts.port
        host = _ascii_host(parts)
    except ValueError:
        raise no(Phrase("errors.problem.api_base_form")) from None
    if parts.scheme not in DEFAULT_PORTS or (parts.scheme == "http" and not is_loopback(host)):
        raise no(Phrase("errors.problem.api_base_scheme"))
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment or not host:
        raise no(Phrase("errors.problem.api_base_form"))
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    if ".." in path.split("/") or "%" in path:
        raise no(Phrase("errors.problem.api_base_form"))
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    return f"{parts.scheme}://{shown}{path}"


def origin_of(api_base: str) -> str:
    """`scheme://host[:port]` of an API address: what a key belongs to. Raises SettingsInvalid."""
    parts = urlsplit(normalise_api_base(api_base))
    return f"{parts.scheme}://{parts.netloc}"


def host_of(address: str) -> str:
    """The host of a clean address, with its port, as a sentence names it."""
    return urlsplit(address).netloc


def _ascii_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    host = host if host.isascii() else host.encode("idna").decode("ascii")
    # A host may come to stand in a page's security policy, where ; and ' and * mean something.
    if not re.fullmatch(r"[a-z0-9._-]*|[0-9a-f:.]*(%[a-z0-9]+)?", host):
        raise ValueError(host)
    return host


PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def split_proxy(text: str, *, layer: str = "settings") -> tuple[str, str]:
    """`(address without the password, password or "")` of a proxy address as a person types it.

    `host:port` alone means http. Raises SettingsInvalid for `network.proxy`.
    """

    def no() -> SettingsInvalid:
        return SettingsInvalid(name="network.proxy", problem=Phrase("errors.problem.proxy_form"), layer=layer)

    wanted = text.strip()
    if not wanted:
        return "", ""
    if "://" not in wanted:
        wanted = f"http://{wanted}"
    try:
        parts = urlsplit(wanted)
        port = parts.port
        host = _ascii_host(parts)
    except ValueError:
        raise no() from None
    if parts.scheme not in PROXY_SCHEMES or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise no()
    if not all(33 <= ord(char) < 127 or ord(char) > 160 for char in wanted):
        raise no()
    shown = f"[{host}]" if ":" in host else host
    user = f"{quote(unquote(parts.username), safe='')}@" if parts.username else ""
    return f"{parts.scheme}://{user}{shown}{f':{port}' if port else ''}", unquote(parts.password or "")


def check_proxy(text: str, *, layer: str = "settings") -> str:
    """The proxy address for the settings. A password in it is refused: it lives in the keyring."""
    address, password = split_proxy(text, layer=layer)
    if password:
        problem = Phrase("errors.problem.proxy_password")
        raise SettingsInvalid(name="network.proxy", problem=problem, layer=layer)
    return address
