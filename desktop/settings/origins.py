"""API addresses: what is accepted, and the origin a key belongs to. Pure text; knows no file and no network.

http is for this computer, and for computers of the own network once somebody has said yes to it (`needs_yes`): whoever
asks there sees to that, and that the name leads into the own network (`openai_api.own_network`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import SplitResult, quote, unquote, urlsplit

from desktop.common.errors import Phrase
from desktop.settings.errors import SettingsInvalid

DEFAULT_PORTS = {"https": 443, "http": 80}


def is_loopback(host: str) -> bool:
    """True for this computer's own names and addresses, written plainly (`127.1` or `0x7f.1` are not)."""
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(p.isascii() and p.isdigit() and int(p) < 256 for p in parts)


OWN_NETWORKS = tuple(
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # shared address space (RFC 6598): overlay networks
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
"""Addresses that nobody on the internet has (RFC 1918, 4193, 4291, 6598)."""
NO_COMPUTER = frozenset({"169.254.169.254", "fd00:ec2::254", "100.100.100.200"})
"""Where clouds answer every program with its secrets: no model is there."""
OWN_ENDINGS = (".local", ".lan", ".home.arpa", ".internal", ".localdomain", ".localhost")
"""Endings of names that are never registered (RFC 6762, 8375, 6761; ICANN for .internal)."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")


def is_own_address(address: str) -> bool:
    """Whether an IP address, as text, is this computer's or one of the own network. What is none is not."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(ip, "ipv4_mapped", None) or ip
    if str(plain) in NO_COMPUTER:
        return False
    return plain.is_loopback or any(plain in network for network in OWN_NETWORKS if network.version == plain.version)


def is_own_host(host: str) -> bool:
    """True for hosts that are in the own network by what they are called: private addresses written plainly, names of
    one part (`ollama`), and names with an ending that is never registered. What a name leads to is seen later."""
    if is_loopback(host):
        return True
    if ":" in host or re.fullmatch(r"[0-9.]+|.*\.0x[0-9a-f]*|0x[0-9a-f]*", host):
        mapped = host.startswith("::ffff:")
        plainly = ":" in host or len(host.split(".")) == 4
        return plainly and not mapped and is_own_address(host)
    labels = host.split(".")
    return all(_LABEL.fullmatch(one) for one in labels) and (len(labels) == 1 or host.endswith(OWN_ENDINGS))


def needs_yes(origin: str) -> bool:
    """Whether what goes to `origin` travels unencrypted through a network: http to another computer."""
    parts = urlsplit(origin)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def plain_origin(address: str) -> str:
    """`http://host[:port]` of any address, without a port of 80: what a yes is kept for. Raises ValueError."""
    parts = urlsplit(address.strip())
    host = (parts.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{parts.port}' if parts.port not in (None, 80) else ''}"


def first_plain_problem(origins: Sequence[str]) -> tuple[tuple[str | int, ...], Phrase] | None:
    """What is wrong with the addresses that may be reached over http, and its place in the settings."""
    for index, address in enumerate(origins):
        try:
            normalise_api_base(address)
        except SettingsInvalid as error:
            problem = error.values["problem"]
            return ("network", "plain_origins", index), problem if isinstance(problem, Phrase) else Phrase("")
    return None


def with_scheme(text: str) -> str:
    """An address as it is typed, with the scheme that a host alone means: http here and in the own network, else
    https. Raises ValueError for what is no address."""
    if "://" in text:
        return text
    if text.count(":") > 1 and "[" not in text and is_own_address(text):
        text = f"[{text}]"
    host = (urlsplit(f"//{text}").hostname or "").rstrip(".")
    return f"{'http' if is_own_host(host) else 'https'}://{text}"


def normalise_api_base(text: str, *, name: str = "network.api_base", layer: str = "settings") -> str:
    """The address without a trailing slash and without `/v1`: `https://host[:port][/path]`.

    Accepted is https, and http on loopback and in the own network (`is_own_host`). Raises SettingsInvalid.
    """

    def no(problem: Phrase) -> SettingsInvalid:
        return SettingsInvalid(name=name, problem=problem, layer=layer)

    wanted = text.strip()
    if not wanted:
        raise no(Phrase("problems.api_base_empty"))
    if not all(33 <= ord(char) < 127 or ord(char) > 160 for char in wanted) or "\\" in wanted:
        raise no(Phrase("problems.api_base_form"))
    try:
        parts = urlsplit(wanted)
        port = parts.port
        host = _ascii_host(parts)
    except ValueError:
        raise no(Phrase("problems.api_base_form")) from None
    if parts.scheme not in DEFAULT_PORTS or (parts.scheme == "http" and not is_own_host(host)):
        raise no(Phrase("problems.api_base_scheme"))
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment or not host:
        raise no(Phrase("problems.api_base_form"))
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    if ".." in path.split("/") or "%" in path:
        raise no(Phrase("problems.api_base_form"))
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    return f"{parts.scheme}://{shown}{path}"


def origin_of(api_base: str) -> str:
    """`scheme://host[:port]` of an API address, whatever its path and query: what a key belongs to. Raises
    SettingsInvalid."""
    try:
        parts = urlsplit(api_base.strip())
        whole = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        whole = api_base  # and it is refused for what it is
    return normalise_api_base(whole)


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
        return SettingsInvalid(name="network.proxy", problem=Phrase("problems.proxy_form"), layer=layer)

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
        problem = Phrase("problems.proxy_password")
        raise SettingsInvalid(name="network.proxy", problem=problem, layer=layer)
    return address
