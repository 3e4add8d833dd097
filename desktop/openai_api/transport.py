"""How requests leave the computer: certificates, proxy, time limits, keep-alive.

Knows nothing about keys, JSON or the requests. `bounded` handles the answers. httpx is imported when the first client
is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from desktop.common.errors import FileUnreadable
from desktop.openai_api import own_network
from desktop.openai_api.bounded import guarded, guarded_async
from desktop.openai_api.errors import ProxyFailed
from desktop.openai_api.heads import limited
from desktop.settings.origins import is_loopback, needs_yes

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")

CONNECT_LIMIT = 10.0
"""The longest wait for a connection, in seconds; shorter if the endpoint's own limit is."""


@dataclass(frozen=True)
class Endpoint:
    """Where the API is and how to get there.

    `base` has no `/v1`; `proxy` has no password (`http://user@host:port`), empty means the system's;
    `timeout` is in seconds, for each step of a request.
    """

    base: str
    proxy: str = ""
    proxy_password: str = field(default="", repr=False)
    ca_file: str = ""
    timeout: float = 20.0
    public: bool = False
    """Whether it must be on the internet, because somebody there has named it."""
    plain: bool = False
    """Whether http on the person's network is allowed."""

    @property
    def host(self) -> str:
        """The host name, for sentences."""
        return urlsplit(self.base).hostname or self.base


@dataclass(frozen=True)
class Proxy:
    """A proxy ready for use. `label`: for people, without user and password."""

    url: str
    label: str
    user: str = ""
    password: str = field(default="", repr=False)


def parse_proxy(text: str, password: str = "") -> Proxy:
    """`text` as a Proxy. A scheme left out means http; `socks://`, which desktops write, means socks5.
    `password` fills in where `text` has a user and no password. Raises ProxyFailed on anything else."""
    whole = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ProxyFailed("the proxy address can't be read", host="", proxy="") from None
    scheme = {"socks": "socks5"}.get(parts.scheme, parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    label = f"{scheme}://{shown}{f':{port}' if port else ''}"
    if not host or scheme not in ("http", "https", "socks5", "socks5h"):
        raise ProxyFailed(f"a proxy of kind {scheme!r} is not supported", host=host, proxy=label)
    return Proxy(
        url=label,
        label=label,
        user=unquote(parts.username or ""),
        password=unquote(parts.password) if parts.password is not None else password if parts.username else "",
    )


def choose_proxy(endpoint: Endpoint) -> Proxy | None:
    """The proxy for `endpoint`: from the settings, or else the environment's or the system's (with their exceptions).

    Like in browsers, a loopback address is reached directly unless the settings name a proxy. http on a private network
    is always direct: the name is checked here, and a proxy could read along.
    """
    if needs_yes(endpoint.base):
        return None
    if endpoint.proxy:
        return parse_proxy(endpoint.proxy, endpoint.proxy_password)
    parts = urlsplit(endpoint.base)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    from urllib.request import getproxies, proxy_bypass

    known = getproxies()
    chosen = known.get(parts.scheme) or known.get("all") or known.get("socks")
    if not chosen or proxy_bypass(host if parts.port is None else f"{host}:{parts.port}"):
        return None
    return parse_proxy(chosen)


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """A TLS context that always verifies, with the system's certificates plus `ca_file` (PEM). Raises FileUnreadable.

    The context is built here because httpx would otherwise read SSL_CERT_FILE itself and fail on a
    missing file (httpx 0.28, `create_ssl_context`). On Windows and macOS truststore asks the system itself; under wine
    an authority that nobody knows passes there, because wine's policy for TLS looks for no unfinished chain.
    """
    import ssl

    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one: no certificate in the file
            problem = error.strerror or str(error)
            raise FileUnreadable(problem, field="network.ca_file", path=ca_file, problem=problem) from None
    return context


def build(endpoint: Endpoint, transport: httpx.BaseTransport | None = None) -> tuple[httpx.Client, str]:
    """A client for `endpoint` and the label of its proxy (empty: none). Follows no redirect, keeps no cookie.

    `transport` replaces the network in tests. Raises FileUnreadable, ProxyFailed and PlainUnasked.
    """
    import httpx

    if transport is not None:
        return httpx.Client(transport=guarded(httpx, transport), **_manners(endpoint)), ""
    way, label = _through(endpoint, httpx.HTTPTransport)
    return httpx.Client(transport=guarded(httpx, way), **_manners(endpoint)), label


def build_async(endpoint: Endpoint) -> tuple[httpx.AsyncClient, str]:
    """Like `build`, for an event loop."""
    import httpx

    way, label = _through(endpoint, httpx.AsyncHTTPTransport)
    return httpx.AsyncClient(transport=guarded_async(httpx, way), **_manners(endpoint)), label


def _manners(endpoint: Endpoint) -> dict[str, Any]:
    """The options of every client."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx

    return {
        "timeout": httpx.Timeout(endpoint.timeout, connect=min(endpoint.timeout, CONNECT_LIMIT)),
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=())),
        "trust_env": False,
        "follow_redirects": False,
    }


def _through(endpoint: Endpoint, kind: Callable[..., T]) -> tuple[T, str]:
    import httpx

    inside = own_network.check(endpoint)
    context = tls_context(endpoint.ca_file)
    proxy = choose_proxy(endpoint)
    through = None
    try:
        if proxy is not None:
            through = httpx.Proxy(
                proxy.url,
                auth=(proxy.user, proxy.password) if proxy.user or proxy.password else None,
                ssl_context=context if proxy.url.startswith("https:") else None,
            )
        limits = httpx.Limits(max_connections=10, max_keepalive_connections=5, keepalive_expiry=30.0)
        way = limited(kind(verify=context, proxy=through, limits=limits, trust_env=False))
        if inside:
            way = own_network.confined(httpx, way)
        elif endpoint.public and proxy is None:  # with a proxy, names are resolved there
            way = own_network.abroad(httpx, way)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        label = proxy.label if proxy else ""
        raise ProxyFailed(type(error).__name__, host=endpoint.host, proxy=label) from None
    return way, proxy.label if proxy else ""
