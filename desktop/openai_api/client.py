"""The client for one API with one key: requests with time limits, limited retries, and readable errors.

The key only goes into the header of requests to the endpoint's own origin. Knows nothing about where keys are stored,
or about sessions and threads.
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
"""Errors worth a retry. Not a timeout: a person who has waited that long should be told. Never quota or other 4xx."""
FIRST_WAIT = 0.5
LONGEST_WAIT = 8.0
"""In seconds: the random wait's ceiling starts at the first value and doubles up to the second."""
PATIENCE = 60.0
"""In seconds: if the service asks for a longer wait, the error is raised at once and says how long."""
LARGEST_ANSWER = 64 * 1024 * 1024
WHOLE_ANSWER = 3.0
"""The whole answer must arrive within this many times the endpoint's time limit."""

T = TypeVar("T")


class RequestOptions(TypedDict, total=False):
    """Options of a request besides its method and path."""

    json: Mapping[str, Any] | None
    params: Mapping[str, str | int | None] | None
    """None values are left out."""
    retries: int | None
    """None for the client's default."""
    on_retry: Callable[[AppError], object] | None
    """Called for each failure that is retried."""
    largest: int | None
    """The largest answer the caller accepts, if less than the client's limit."""


class Requests(Protocol):
    """The part of a client used by sessions and threads."""

    @property
    def host(self) -> str: ...

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]: ...


class AnswerTooLarge(BadAnswer):
    """The answer is larger than the caller accepts. Requesting fewer entries may help."""


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
    """Call `attempt()`, and retry it at most `retries` times after an error in `worth`.

    Waits as long as the service asks (plus up to half a second, so that clients don't all return at once), otherwise a
    random time below a doubling ceiling ("full jitter").
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
    """Thread-safe. Keeps connections alive. Opens nothing before the first request.

    Raises SettingsInvalid if the endpoint's base is neither https nor http on loopback or a private network, and
    PlainUnasked if http there has not been allowed.
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
        """The key's origin, `scheme://host[:port]`."""
        self.clock_skew: float | None = None
        """Seconds by which this computer's clock is ahead of the server's, by the last answer; None before that."""
        self.keyless = False
        """Whether the endpoint needs no key, so requests have none."""
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
        """The host name, for sentences."""
        return self.endpoint.host

    def close(self) -> None:
        """End waiting retries and close the connections. May be called twice and from any thread."""
        self._closing.set()
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    @property
    def root(self) -> Root:
        """The base of all calls. It can be set to another path of the same origin; another origin raises ValueError."""
        return self._root

    @root.setter
    def root(self, root: Root) -> None:
        if origin_of(root.url) != self.origin:
            raise ValueError("not a place of the API's origin")
        self._root = root

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        """Like `read`, but the answer must be a JSON object."""
        answer = self.read(method, path, **options)
        if not isinstance(answer, dict):
            raise BadAnswer("JSON that is no object", host=self.endpoint.host)
        return answer

    def read(self, method: str, path: str, *, events: bool = False, **options: Unpack[RequestOptions]) -> Any:
        """The JSON answer of `path` (below `root`, beginning with `/`).

        `events`: accept an unrequested stream too, and return its first event.
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
        except RuntimeError:  # httpx: another thread has closed the client
            failure = ConnectionLost("the client was closed", host=self.endpoint.host)
        if failure is not None:
            raise failure  # outside `except`: httpx's exception refers to the request, which contains the key
        if events and 200 <= status < 300:
            body = _first_event(body) or body
        return self._understand(status, headers, body, about)

    def _address(self, path: str) -> str:
        """The complete URL. A path that leads to another origin is a defect of ours."""
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
        """The body. Each step already has a limit; this limits the whole, in time and size."""
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
            return json_.loads(body)  # the body may begin with a byte order mark
        except (ValueError, RecursionError):
            pass
        raise BadAnswer(f"{status}, {len(body)} bytes that are not JSON", host=about.host)


def _first_event(body: bytes) -> bytes:
    """The data of a stream's first event; empty if it isn't a stream."""
    lines = body.removeprefix(b"\xef\xbb\xbf").lstrip().splitlines()
    if not lines or not lines[0].startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return b""
    said = (line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:"))
    return next((one for one in said if one.startswith(b"{")), b"")


def _without_query(base: str) -> str:
    return normalise_api_base(base.partition("?")[0])


def _stuck_at_proxy(steps: list[str]) -> bool:
    """Whether a connection was started but the proxy had not opened the tunnel (names from httpcore's trace)."""
    begun = any(step.endswith(".connect_tcp.started") for step in steps)
    through = {"proxy.start_tls.started", "socks.start_tls.started", "socks.setup_socks5_connection.complete"}
    return begun and not through & set(steps)
