"""One API, one key: requests with time limits, bounded retries and errors a person can read.

The key goes into the header of requests to the endpoint's own origin and nowhere else. Knows nothing of
where keys are kept, nor what sessions and threads are.
"""

from __future__ import annotations

import json as json_
import random as random_
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack
from urllib.parse import urlsplit

from desktop import __version__
from desktop.common.errors import AppError
from desktop.openai_api import errors_map, own_network
from desktop.openai_api.errors import (
    BadAnswer,
    CaptivePortal,
    ConnectionLost,
    ConnectionRefused,
    KeyRejected,
    NameNotFound,
    RateLimited,
    ServiceDown,
    TimedOut,
)
from desktop.openai_api.transport import Endpoint, build
from desktop.settings.endpoint_addresses import Root
from desktop.settings.origins import normalise_api_base, origin_of

if TYPE_CHECKING:
    import httpx

__all__ = ["ApiClient", "Endpoint", "RequestOptions", "Requests", "with_retries"]

BETA = "chatkit_beta=v1"
USER_AGENT = f"chatkit-desktop/{__version__}"
WORTH_RETRYING = (RateLimited, ServiceDown, ConnectionRefused, ConnectionLost, NameNotFound)
"""Not a time-out: whoever waited the whole limit once should hear so. Never quota or another 4xx."""
FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0
"""Seconds: the ceiling of the random wait starts at the first and doubles up to the second."""
PATIENCE = 60.0
"""Seconds: where the service asks for a longer wait than this, the error is raised at once and says how long."""
LARGEST_ANSWER = 64 * 1024 * 1024
WHOLE_ANSWER = 3.0
"""The whole answer has to be there within this many times the endpoint's time limit."""

T = TypeVar("T")


class RequestOptions(TypedDict, total=False):
    """What a request may say besides its method and path."""

    json: Mapping[str, Any] | None
    params: Mapping[str, str | int | None] | None
    """Those that are None are left out."""
    retries: int | None
    """None: as many as the client makes."""
    on_retry: Callable[[AppError], object] | None
    """Hears of each failure that is tried again."""
    largest: int | None
    """How many bytes the caller takes, where that is less than the client does."""


class Requests(Protocol):
    """What sessions and threads need of a client."""

    @property
    def host(self) -> str: ...

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]: ...


class AnswerTooLarge(BadAnswer):
    """The answer is longer than the caller takes; fewer entries at once may be short enough."""


def with_retries(
    attempt: Callable[[], T],
    *,
    retries: int,
    sleep: Callable[[float], object],
    random: Callable[[], float] = random_.random,
    patience: float = PATIENCE,
    worth: tuple[type[AppError], ...] = WORTH_RETRYING,
    on_retry: Callable[[AppError], object] | None = None,
) -> T:
    """`attempt()`, again at most `retries` times after an error of `worth`.

    Waits as long as the service asked for (plus up to half a second, so that many clients do not come back
    at one moment), else a random time under a doubling ceiling ("full jitter").
    """
    for count in range(retries + 1):
        try:
            return attempt()
        except worth as error:
            asked: float | None = getattr(error, "retry_after", None)
            if count == retries or (asked is not None and asked > patience):
                raise
            ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2**count)
            if on_retry is not None:
                on_retry(error)
            wait = random() * ceiling if asked is None else asked + random() * FIRST_WAIT
        sleep(wait)
    raise AssertionError("unreachable")


class ApiClient:
    """Thread-safe; connections are kept alive; nothing is opened before the first request.

    Raises SettingsInvalid where the endpoint's base is neither https nor http on loopback or in the own network, and
    PlainUnasked where it is the latter and nobody has said yes.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        key: str,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_.random,
        retries: int = 3,
        patience: float = PATIENCE,
    ) -> None:
        own_network.check(endpoint)
        self.endpoint = endpoint
        self.origin = origin_of(endpoint.base)
        """What the key belongs to: `scheme://host[:port]`."""
        self.clock_skew: float | None = None
        """Seconds this machine's clock is ahead of the server's by the last answer; None before one."""
        self.keyless = False
        """True for an endpoint that asks for no key: requests go without one."""
        self._root = Root(f"{_without_query(endpoint.base)}/v1")
        self._key = key
        self._transport = transport
        self._closing = threading.Event()
        self._sleep = self._closing.wait if sleep is None else sleep
        self._clock = clock
        self._monotonic = monotonic
        self._random = random
        self._retries = retries
        self._patience = patience
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._proxy = ""

    def __repr__(self) -> str:
        return f"<ApiClient {self.origin}>"

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def host(self) -> str:
        """The host name, as sentences name it."""
        return self.endpoint.host

    def close(self) -> None:
        """Ends waiting retries and closes the connections. May be called twice and from any thread."""
        self._closing.set()
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    @property
    def root(self) -> Root:
        """Where the calls are made. Another place of the same origin may be set; one elsewhere raises ValueError."""
        return self._root

    @root.setter
    def root(self, root: Root) -> None:
        if origin_of(root.url) != self.origin:
            raise ValueError("not a place of the API's origin")
        self._root = root

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        """As `read`, where the answer has to be a JSON object."""
        answer = self.read(method, path, **options)
        if not isinstance(answer, dict):
            raise BadAnswer("JSON that is no object", host=self.endpoint.host)
        return answer

    def read(self, method: str, path: str, *, events: bool = False, **options: Unpack[RequestOptions]) -> Any:
        """The JSON that `path` (under `root`, beginning with `/`) answers with.

        `events`: a stream that nobody asked for is an answer too, and its first event is given.
        Raises ApiError, NetworkError, FileUnreadable (the CA file).
        """
        json, params, largest = options.get("json"), options.get("params"), options.get("largest")
        retries = options.get("retries")
        return with_retries(
            lambda: self._once(method, path, json, params, largest, events=events),
            retries=self._retries if retries is None else retries,
            sleep=self._sleep,
            random=self._random,
            patience=self._patience,
            on_retry=options.get("on_retry"),
        )

    # --- one attempt ---------------------------------------------------------------------------

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._closing.is_set():
                raise ConnectionLost("the client is closed", host=self.endpoint.host)
            if self._http is None:
                self._http, self._proxy = build(self.endpoint, self._transport)
            return self._http

    def _once(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None,
        params: Mapping[str, str | int | None] | None,
        largest: int | None,
        *,
        events: bool,
    ) -> Any:
        import httpx

        http = self._client()
        about = self._about(path, json)
        if not self.keyless and not (self._key and self._key.isascii() and self._key.isprintable()):
            raise KeyRejected("the key has characters that no key has", status=0)
        steps: list[str] = []
        failure: AppError | None = None
        status, headers, body, reading = 0, httpx.Headers(), b"", False
        try:
            request = http.build_request(
                method,
                self._address(path),
                content=None if json is None else json_.dumps(json).encode(),
                params={**self._root.params, **{n: value for n, value in (params or {}).items() if value is not None}},
                headers={
                    **({} if self.keyless else self._root.key_headers(self._key)),
                    "OpenAI-Beta": BETA,
                    "User-Agent": USER_AGENT,
                    "Accept": "application/json",
                    **({} if json is None else {"Content-Type": "application/json"}),
                },
            )
            if self._proxy:
                request.extensions = {**request.extensions, "trace": lambda name, _info: steps.append(name)}
            response = http.send(request, stream=True)
            try:
                reading = True
                status, headers = response.status_code, response.headers
                body = self._read(response, min(largest or LARGEST_ANSWER, LARGEST_ANSWER))
            finally:
                response.close()
        except httpx.HTTPError as error:
            failure = errors_map.of_exception(
                error, about, reading=reading, at_proxy=not reading and _stuck_at_proxy(steps)
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            failure = errors_map.of_name(error, about)
        except RuntimeError:  # httpx: the client was closed by another thread meanwhile
            failure = ConnectionLost("the client was closed", host=self.endpoint.host)
        if failure is not None:
            raise failure  # outside of `except`: httpx's exception holds the request, and that holds the key
        if events and 200 <= status < 300:
            body = _first_event(body) or body
        return self._understand(status, headers, body, about)

    def _address(self, path: str) -> str:
        """The whole URL; a path that would lead to another origin is a defect of ours."""
        address = f"{self._root.url}{path}"
        parts = urlsplit(address)
        if not path.startswith("/") or f"{parts.scheme}://{parts.netloc}" != self.origin or ".." in path:
            raise ValueError(f"not a path of the API: {path!r}")
        return address

    def _about(self, path: str, json: Mapping[str, Any] | None) -> errors_map.About:
        workflow = json.get("workflow") if json else None
        segments = path.split("/")
        return errors_map.About(
            host=self.endpoint.host,
            path=path,
            workflow=str(workflow.get("id", "")) if isinstance(workflow, Mapping) else "",
            thread=segments[3] if segments[1:3] == ["chatkit", "threads"] and len(segments) > 3 else "",
            proxy=self._proxy,
            seconds=self.endpoint.timeout,
            secrets=(self._key, self.endpoint.proxy_password),
        )

    def _read(self, response: httpx.Response, largest: int) -> bytes:
        """The body. Each step has its limit already; this bounds the whole, in time and in size."""
        end = self._monotonic() + WHOLE_ANSWER * self.endpoint.timeout
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > largest:
                raise AnswerTooLarge(f"more than {largest} bytes", host=self.endpoint.host)
            if self._monotonic() > end:
                seconds = round(WHOLE_ANSWER * self.endpoint.timeout)
                raise TimedOut("the answer does not end", host=self.endpoint.host, seconds=seconds)
        return bytes(body)

    def _understand(self, status: int, headers: Mapping[str, str], body: bytes, about: errors_map.About) -> Any:
        now = self._clock()
        skew = errors_map.clock_skew(headers, now)
        if skew is not None:
            self.clock_skew = skew
        if not 200 <= status < 300:
            raise errors_map.of_answer(status, headers, body, about, now)
        if errors_map.is_html(headers, body):
            raise CaptivePortal(f"{status} with a web page", host=about.host)
        try:
            return json_.loads(body)  # bytes may begin with a mark of their order (BOM)
        except (ValueError, RecursionError):
            pass
        raise BadAnswer(f"{status}, {len(body)} bytes that are not JSON", host=about.host)


def _first_event(body: bytes) -> bytes:
    """What the first event of a stream says; empty: it is no stream."""
    lines = body.removeprefix(b"\xef\xbb\xbf").lstrip().splitlines()
    if not lines or not lines[0].startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return b""
    said = (line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:"))
    return next((one for one in said if one.startswith(b"{")), b"")


def _without_query(base: str) -> str:
    return normalise_api_base(base.partition("?")[0])


def _stuck_at_proxy(steps: list[str]) -> bool:
    """Whether a connection was begun and the proxy had not opened the way (names of httpcore's trace)."""
    begun = any(step.endswith(".connect_tcp.started") for step in steps)
    through = {"proxy.start_tls.started", "socks.start_tls.started", "socks.setup_socks5_connection.complete"}
    return begun and not through & set(steps)
