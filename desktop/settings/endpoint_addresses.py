"""Addresses of model endpoints: what is accepted, and where the API's calls are below one. Pure text.

OpenAI's API, and most others with its protocol, are at `/v1`. Some have another path (`/v1beta/openai`,
`/api/paas/v4`), and some need a query with every call (Azure's `?api-version=`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from desktop.common.errors import Phrase
from desktop.settings.errors import SettingsInvalid
from desktop.settings.origins import normalise_api_base, with_scheme
from desktop.settings.secret_shapes import TELLING, is_secret

CALLS = re.compile(r"/(?:chat/completions|completions|responses|models|embeddings)$", re.IGNORECASE)
"""Paths of calls that people copy along with the address."""
_WHOLE = re.compile(r"/v\d+[a-z0-9.-]*(?:/|$)|/deployments/")
"""Paths that show that an address is complete."""
_ESCAPED = re.compile(r"%(?:2e|2f|5c|00|0a|0d)", re.IGNORECASE)
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".azure-api.net")


class HasAddress(Protocol):
    """The part of `agents.Endpoint` used here."""

    @property
    def base_url(self) -> str: ...
    @property
    def whole(self) -> bool | None: ...


@dataclass(frozen=True)
class Root:
    """Where an API's calls are: `url`, to which `/models` is appended, and the query for every call."""

    url: str
    params: dict[str, str] = field(default_factory=dict)

    @property
    def azure(self) -> bool:
        """Whether the key goes into `api-key`: for Azure's hosts, and addresses with an `api-version`."""
        host = urlsplit(self.url).hostname or ""
        return host.endswith(_AZURE) or "api-version" in self.params

    def key_headers(self, key: str) -> dict[str, str]:
        """The headers for a key. Azure reads `api-key`, and ignores a key in Authorization."""
        return {"Authorization": f"Bearer {key}", **({"api-key": key} if self.azure else {})}


def normalise_endpoint(text: str, *, name: str = "base_url", layer: str = "settings") -> tuple[str, bool | None]:
    """The address as stored, without `/v1` and the path of a call, and whether it is complete: False if it was typed
    with `/v1`, otherwise None (to be tried).

    A query is kept. Raises SettingsInvalid, also for a key or a password in the address.
    """

    def no(key: str, **values: str) -> SettingsInvalid:
        return SettingsInvalid(name=name, problem=Phrase(f"problems.{key}", values), layer=layer)

    wanted = text.strip().strip("\"'`<>").strip()
    if not wanted:
        raise no("api_base_empty")
    try:
        wanted = with_scheme(wanted)
        parts = urlsplit(wanted)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise no("endpoint_form") from None
    if "@" in parts.netloc:
        raise no("endpoint_user")
    for word, value in query:
        if TELLING.search(word) or is_secret(value, word) or word.lower() in ("code", "sig", "signature"):
            raise no("endpoint_key", name=word[:60])
    if is_secret(wanted):
        raise no("endpoint_key", name="…")
    try:
        origin = normalise_api_base(f"{parts.scheme}://{parts.netloc}", name=name, layer=layer)
    except SettingsInvalid as error:
        if error.values["problem"] == Phrase("problems.api_base_form"):
            raise no("endpoint_form") from None
        raise
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    if not (path == "/models" and "api-version" in dict(query)):  # Azure AI Foundry: /models is part of the API's path
        path = CALLS.sub("", path)
    shown = f"{path}?{parts.query}"
    unfit = not all(33 <= ord(char) < 127 for char in shown) or "\\" in shown or _ESCAPED.search(path)
    if unfit or parts.fragment or any(step in (".", "..") for step in path.split("/")):
        raise no("endpoint_form")
    whole: bool | None = None
    if path.lower().endswith("/v1"):
        whole, path = False, path[:-3]
    return f"{origin}{path}{'?' + urlencode(query) if query else ''}", whole


def looks_whole(base_url: str) -> bool:
    """Whether to omit `/v1` if nothing else is known: for a path with a version, or an address with a query."""
    parts = urlsplit(base_url)
    return bool(parts.query) or bool(_WHOLE.search(parts.path.rstrip("/")))


def candidates(base_url: str, whole: bool | None) -> tuple[tuple[bool, Root], ...]:
    """Where the API may be, the likelier place first, each with its value of `whole`. An address with a path is tried
    as typed, then with `/v1`; a bare host the other way round."""
    if whole is not None:
        return ((whole, _root(base_url, whole)),)
    first = bool(urlsplit(base_url).path.strip("/") or urlsplit(base_url).query)
    return tuple((one, _root(base_url, one)) for one in (first, not first))


def roots(endpoint: HasAddress) -> tuple[Root, ...]:
    """Like `candidates`, for an endpoint in the settings, where an address that does not look complete has always meant
    `/v1`. Raises SettingsInvalid."""
    base, typed = normalise_endpoint(endpoint.base_url)
    whole = typed if endpoint.whole is None else endpoint.whole
    if whole is not None:
        return (_root(base, whole),)
    first = looks_whole(base)
    return tuple(_root(base, one) for one in (first, not first))


def first_problem(endpoints: Sequence[HasAddress]) -> tuple[tuple[str | int, ...], Phrase] | None:
    """The first problem with an endpoint's address in the settings, and its location."""
    for index, endpoint in enumerate(endpoints):
        try:
            normalise_endpoint(endpoint.base_url)
        except SettingsInvalid as error:
            problem = error.values["problem"]
            assert isinstance(problem, Phrase)  # noqa: S101 - that is what it raises
            return ("endpoints", index, "base_url"), problem
    return None


def kept(base_url: str, whole: bool) -> bool | None:
    """The value to store for a place that was found; None if it is the one assumed anyway."""
    return None if whole == looks_whole(base_url) else whole


def _root(base_url: str, whole: bool) -> Root:
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    return Root(f"{parts.scheme}://{parts.netloc}{path}{'' if whole else '/v1'}", dict(parse_qsl(parts.query)))
