"""API addresses: which are accepted, and the origin a key belongs to. Pure text; knows no file and no network.

http is for this computer, and for others on the person's network once they have allowed it (`needs_yes`). The code that
makes requests ensures that, and that the name really leads into that network (`openai_api.own_network`).
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
    """Whether it is one of this computer's own names or addresses in the usual notation, not `127.1` or `0x7f.1`."""
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
"""Private addresses (RFC 1918, 4193, 4291, 6598)."""
NO_COMPUTER = frozenset({"169.254.169.254", "fd00:ec2::254", "100.100.100.200"})
"""Cloud metadata addresses, which give secrets to any program. No model is there."""
OWN_ENDINGS = (".local", ".lan", ".home.arpa", ".internal", ".localdomain", ".localhost")
"""Top-level domains that are never registered (RFC 6762, 8375, 6761; ICANN for .internal)."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")


def is_own_address(address: str) -> bool:
    """Whether an IP address, as text, is this computer's or on a private network. False for anything else."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(ip, "ipv4_mapped", None) or ip
    if str(plain) in NO_COMPUTER:
        return False
    return plain.is_loopback or any(plain in network for network in OWN_NETWORKS if network.version == plain.version)


def is_own_host(host: str) -> bool:
    """Whether a host looks like one on a private network: a private address in the usual notation, a name without dots
    (`ollama`), or one with a domain that is never registered. What the name resolves to is checked later."""
    if is_loopback(host):
        return True
    if ":" in host or re.fullmatch(r"[0-9.]+|.*\.0x[0-9a-f]*|0x[0-9a-f]*", host):
        mapped = host.startswith("::ffff:")
        plainly = ":" in host or len(host.split(".")) == 4
        return plainly and not mapped and is_own_address(host)
    labels = host.split(".")
    return all(_LABEL.fullmatch(one) for one in labels) and (len(labels) == 1 or host.endswith(OWN_ENDINGS))


def needs_yes(origin: str) -> bool:
    """Whether traffic to `origin` crosses a network unencrypted: http to another computer."""
    parts = urlsplit(origin)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def plain_origin(address: str) -> str:
    """`http://host[:port]` of an address, without port 80, for which permission is stored. Raises ValueError."""
    parts = urlsplit(address.strip())
    host = (parts.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{parts.port}' if parts.port not in (None, 80) else ''}"


def first_plain_problem(origins: Sequence[str]) -> tuple[tuple[str | int, ...], Phrase] | None:
    """The first problem with the addresses that may use http, and its location in the settings."""
    for index, address in enumerate(origins):
        try:
            normalise_api_base(address)
        except SettingsInvalid as error:
            problem = error.values["problem"]
            return ("network", "plain_origins", index), problem if isinstance(problem, Phrase) else Phrase("")
    return None


def with_scheme(text: str) -> str:
    """A typed address with a scheme. A bare host means http on this computer and private networks, otherwise https.
    Raises ValueError if it isn't an address."""
    if "://" in text:
        return text
    if text.count(":") > 1 and "[" not in text and is_own_address(text):
        text = f"[{text}]"
    host = (urlsplit(f"//{text}").hostname or "").rstrip(".")
    return f"{'http' if is_own_host(host) else 'https'}://{text}"


def normalise_api_base(text: str, *, name: str = "network.api_base", layer: str = "settings") -> str:
    """The address without a trailing slash and `/v1`: `https://host[:port][/path]`.

    Accepts https, and http on loopback and private networks (`is_own_host`). Raises SettingsInvalid.
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
    """`scheme://host[:port]` of an API address: what a key belongs to. Raises SettingsInvalid."""
    try:
        parts = urlsplit(api_base.strip())
        whole = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        whole = api_base  # an invalid address is refused as such
    return normalise_api_base(whole)


def host_of(address: str) -> str:
    """The host of a valid address with its port, for sentences."""
    return urlsplit(address).netloc


def _ascii_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    host = host if host.isascii() else host.encode("idna").decode("ascii")
    # A host may end up in a page's CSP, where ; and ' and * have a meaning.
    if not re.fullmatch(r"[a-z0-9._-]*|[0-9a-f:.]*(%[a-z0-9]+)?", host):
        raise ValueError(host)
    return host


PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def split_proxy(text: str, *, layer: str = "settings") -> tuple[str, str]:
    """`(address without the password, password or "")` of a typed proxy address.

    A bare `host:port` means http. Raises SettingsInvalid for `network.proxy`.
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
    """The proxy address for the settings. Refuses a password, which belongs in the keyring."""
    address, password = split_proxy(text, layer=layer)
    if password:
        problem = Phrase("problems.proxy_password")
        raise SettingsInvalid(name="network.proxy", problem=problem, layer=layer)
    return address
