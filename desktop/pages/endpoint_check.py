"""Checking an endpoint, its key and a model by real calls, and only then keeping them: shape, ask, save.

First launch ("Chat with my key", "Another model") and the page for agents go this way. A key leaves it towards the
key store and the endpoint of its own origin, and never in a value, an error or a repr. Imports none of the SDKs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from desktop.agents.models import for_chat
from desktop.errors import (
    ApiError,
    AppError,
    BadAnswer,
    CaptivePortal,
    ConnectionRefused,
    Described,
    EndpointBusy,
    EndpointDown,
    EndpointRefused,
    KeyMissing,
    KeyRejected,
    KeyRestricted,
    NetworkError,
    Phrase,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    ServiceDown,
    SettingsInvalid,
)
from desktop.pages.check_run import CheckRuns, Closes, FieldError, Keep
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, Endpoint
from desktop.settings.origins import is_loopback, normalise_api_base, origin_of

if TYPE_CHECKING:
    from desktop.errors import Catalogue
    from desktop.keys import Keys
    from desktop.openai_api.client import ApiClient
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings

Api = Literal["responses", "chat_completions"]

RETRIES = 1
"""A person is waiting: one more try, then say what is wrong."""
MOST_MODELS = 500
"""Of a list; a gateway may offer thousands, and a name can always be typed."""
SHORTEST_ANSWER = 16
"""Tokens of the smallest answer that OpenAI's Responses lets one ask for (400 below it)."""

PATHS: dict[Api, str] = {"responses": "/responses", "chat_completions": "/chat/completions"}


@dataclass(frozen=True)
class EndpointDraft:
    """What is to be checked, in its final shape."""

    endpoint: Endpoint
    """`id` OPENAI_ENDPOINT: the built-in one, whose address is `network.api_base`."""
    key: str = field(repr=False)
    """Empty: none is sent."""
    new_key: bool
    """Whether the key was typed or imported, and is to be saved; else it is the stored one."""
    model: str = ""
    """Checked too; empty: the endpoint alone is checked."""
    agent: AssistantAgent | None = None
    """Saved with the endpoint and made the one that opens."""


@dataclass(frozen=True)
class Proved:
    """What the endpoint said: its models, the newest first where it says how old they are; () where it has no list."""

    models: tuple[str, ...] = ()


class EndpointCheck(CheckRuns[EndpointDraft, Proved]):
    """One check at a time. `forget` drops what was made with the key before; `kept` is told the origin of a saved key
    and whether it outlives the app. `models` is the list that came last, for a page to choose from."""

    def __init__(
        self,
        keys: Keys,
        settings: SettingsStore,
        make_client: Callable[[str, str], ApiClient],
        *,
        forget: Callable[[], object] = lambda: None,
        kept: Callable[[str, bool], object] = lambda _origin, _lasts: None,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(background)
        self._keys = keys
        self._settings = settings
        self._make_client = make_client
        self._forget = forget
        self._kept = kept
        self.models: tuple[str, ...] = ()

    # --- drafts ----------------------------------------------------------------------------------

    def draft(
        self,
        *,
        key: str,
        address: str | None = None,
        api_base: str = "",
        api: Api = "chat_completions",
        known: Endpoint | None = None,
        name: str = "",
        model: str = "",
    ) -> EndpointDraft:
        """What was typed, in its final shape; nothing is asked of anybody but the key store.

        `address` None: OpenAI's built-in endpoint, at `api_base` where that is given. `known`: the endpoint that is
        changed, else one of the same address is, else a new one is made. An empty `key` means the stored one of that
        origin, and none where there is none. Raises FieldError (address), KeyShape, KeyMissing (OpenAI alone),
        KeyStoreError.
        """
        from desktop.keys import normalise_key

        settings = self._settings.current
        ours = normalise_api_base(api_base) if api_base else settings.network.api_base
        base = ours if address is None else clean_address(address)
        origin = origin_of(base)
        typed = normalise_key(key, origin) if key.strip() else ""
        sent = typed or self._stored(origin, needed=address is None)
        if address is None:
            endpoint = Endpoint(id=OPENAI_ENDPOINT, base_url=base, api="responses", needs_key=True)
            return EndpointDraft(endpoint, sent, bool(typed), model.strip())
        same = known or next((one for one in settings.endpoints if one.base_url == base and one.api == api), None)
        endpoint = Endpoint(
            id=same.id if same else roster.endpoint_id(base, settings),
            name=name.strip()[:60] or (same.name if same else ""),
            base_url=base,
            api=api,
            needs_key=bool(sent),
        )
        return EndpointDraft(endpoint, sent, bool(typed), model.strip())

    def _stored(self, origin: str, *, needed: bool) -> str:
        from desktop.errors import KeyStoreError

        try:
            stored = self._keys.read(origin)
        except KeyStoreError:
            if needed:
                raise
            return ""  # a model on this computer needs no keyring
        if needed and not stored:
            raise KeyMissing(origin=origin, field="key")
        return stored or ""

    # --- asking ----------------------------------------------------------------------------------

    def prove(self, draft: EndpointDraft, uses: Callable[[Closes], object] = lambda _client: None) -> Proved:
        """Asks for the list of models, and where there is none, or to see which protocol it speaks, makes a call.

        Raises FieldError (address, key, api, model), EndpointError, ApiError, NetworkError.
        """
        client = self._make_client(draft.endpoint.base_url, draft.key)
        client.keyless = not draft.key
        uses(client)
        try:
            models, listed = self._list(client, draft)
            self.models = models
            if draft.model:
                self._check_model(client, draft, models)
            elif not listed:
                raise FieldError("model", Phrase("endpoint.no_list", {"host": client.host}))
            elif draft.endpoint.id != OPENAI_ENDPOINT and models:
                self._try(client, replace(draft, model=models[0]), whole=False)
        finally:
            client.close()
        return Proved(models)

    def list_models(self, draft: EndpointDraft) -> tuple[str, ...]:
        """The models to choose from; () where there is no list of them. Raises as `prove`."""
        client = self._make_client(draft.endpoint.base_url, draft.key)
        client.keyless = not draft.key
        try:
            return self._list(client, draft)[0]
        finally:
            client.close()

    def _list(self, client: ApiClient, draft: EndpointDraft) -> tuple[tuple[str, ...], bool]:
        """The models, and whether the endpoint has a list of them at all."""
        try:
            answer = client.request("GET", "/models", retries=RETRIES)
        except (KeyRestricted, RequestRejected) as error:
            # A key may be kept from the list and not from the models; a gateway may have no list.
            if error.status in (400, 403, 404, 405, 501):
                return (), False
            raise explained(error, draft) from None
        except (ApiError, NetworkError) as error:
            raise explained(error, draft) from None
        data = answer.get("data")
        if not isinstance(data, list):
            if _refusal(answer):
                return (), False
            raise explained(BadAnswer("no list of models", host=client.host), draft)
        found = [one for one in data if isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"]]
        ids = dict.fromkeys(str(one["id"])[:200] for one in sorted(found, key=_age))
        return tuple(for_chat(list(ids)))[:MOST_MODELS], True

    def _check_model(self, client: ApiClient, draft: EndpointDraft, models: tuple[str, ...]) -> None:
        if models and draft.model not in models and f"{draft.model}:latest" not in models:
            raise FieldError("model", Phrase("endpoint.model_missing", {"model": draft.model, "host": client.host}))
        if models and draft.endpoint.id == OPENAI_ENDPOINT:
            return  # its list is the truth, and an answer would be billed
        self._try(client, draft, whole=not models)

    def _try(self, client: ApiClient, draft: EndpointDraft, *, whole: bool) -> None:
        """A call of the protocol. `whole`: a real question with the shortest answer; else one without its question,
        which every server refuses where it speaks the protocol, and which costs nothing."""
        api = draft.endpoint.api
        body: dict[str, object] = {"model": draft.model}
        if whole and api == "responses":
            body |= {"input": "Hi", "max_output_tokens": SHORTEST_ANSWER, "store": False}
        elif whole:
            body |= {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": SHORTEST_ANSWER}
        try:
            answer = client.request("POST", PATHS[api], body, retries=0)
        except RequestRejected as error:
            if error.status in (404, 405, 501) and "model" not in error.detail.lower():
                raise FieldError("api", _other(api, client.host)) from None
            if error.status == 404:
                missing = Phrase("endpoint.model_missing", {"model": draft.model, "host": client.host})
                raise FieldError("model", missing) from None
            if whole:
                raise explained(error, draft) from None
        except ServiceDown as error:
            if whole:
                raise explained(error, draft) from None
            # Some servers answer 500 where the question is missing (llama.cpp); the list has shown that they work.
        except (ApiError, NetworkError) as error:
            raise explained(error, draft) from None
        else:
            if "nexpected endpoint" in _refusal(answer):  # LM Studio: 200 for every path
                raise FieldError("api", _other(api, client.host))

    # --- saving ----------------------------------------------------------------------------------

    def save(self, draft: EndpointDraft, proof: Proved | None, keep: Keep) -> None:
        """Keeps the key, then the endpoint and the agent, all or nothing of these two. Raises KeyStoreError,
        SettingsError. The key goes first: where the keyring refuses it, nothing has been written."""
        if draft.new_key:
            origin = origin_of(draft.endpoint.base_url)
            self._keys.save(origin, draft.key, keep=keep)
            self._kept(origin, keep == "keyring" and self._keys.store.persistent)
        built_in = draft.endpoint.id == OPENAI_ENDPOINT

        def changes(settings: Settings) -> dict[str, object]:
            made: dict[str, object] = {}
            if built_in and draft.endpoint.base_url != settings.network.api_base:
                made["network.api_base"] = draft.endpoint.base_url
            if not built_in and draft.endpoint not in settings.endpoints:
                made["endpoints"] = roster.put(settings.endpoints, draft.endpoint)
            if draft.agent is not None:
                if draft.agent not in settings.agents:
                    made["agents"] = roster.put(settings.agents, draft.agent)
                if settings.active_agent != draft.agent.id:
                    made["active_agent"] = draft.agent.id
            return made

        if changes(self._settings.current):
            self._settings.change(changes)
        self._forget()


class NotRunning(ConnectionRefused):
    """On this computer a refused connection has one cause, and it is not the network."""

    def describe(self, texts: Catalogue) -> Described:
        """In the words of this cause."""
        words = texts.get("endpoint.not_running", **self.values), texts.get("endpoint.not_running_hint")
        return {**super().describe(texts), "message": words[0], "hint": words[1]}


def clean_address(text: str) -> str:
    """The address of an endpoint as the settings keep it. `localhost:11434` alone means http, a host alone https.

    Raises FieldError for `address`.
    """
    wanted = text.strip().strip("\"'`<>")
    if not wanted:
        raise FieldError("address", Phrase("endpoint.address_empty"))
    if "://" not in wanted:
        host = urlsplit(f"//{wanted}").hostname or ""
        wanted = f"{'http' if is_loopback(host) else 'https'}://{wanted}"
    # People copy the whole address of a call.
    wanted = re.sub(r"/(chat/completions|responses|models|completions)/?$", "", wanted)
    try:
        return normalise_api_base(wanted, name="address")
    except SettingsInvalid as error:
        raise FieldError("address", error.values["problem"]) from None


def explained(error: AppError, draft: EndpointDraft) -> AppError:
    """The error of the API client as it is said of an endpoint that need not be OpenAI's."""
    host = urlsplit(draft.endpoint.base_url).hostname or draft.endpoint.base_url
    if draft.endpoint.id == OPENAI_ENDPOINT:
        return error
    if isinstance(error, ConnectionRefused) and is_loopback(host):
        return NotRunning(error.detail, host=urlsplit(draft.endpoint.base_url).netloc)
    if isinstance(error, (BadAnswer, CaptivePortal)):
        return FieldError("address", Phrase("endpoint.unfit", {"host": host}))
    if isinstance(error, (KeyRejected, KeyRestricted)):
        if not draft.key:
            return FieldError("key", Phrase("endpoint.key_wanted", {"host": host}))
        return FieldError("key", Phrase("endpoint.key_rejected", {"host": host}))
    if isinstance(error, (RateLimited, QuotaExceeded)):
        return EndpointBusy(error.detail, host=host)
    if isinstance(error, ServiceDown):
        return EndpointDown(error.detail, host=host, status=error.status)
    if isinstance(error, RequestRejected):
        problem = error.values.get("problem", error.status)
        return EndpointRefused(error.detail, host=host, status=error.status, problem=problem)
    return error


def _other(api: Api, host: str) -> Phrase:
    """That the endpoint speaks the other protocol, or neither."""
    if api == "responses":
        return Phrase("endpoint.no_responses", {"host": host})
    return Phrase("endpoint.no_chat_completions", {"host": host})


def _refusal(answer: dict[str, Any]) -> str:
    """The error that a 200 holds; empty: none."""
    from desktop.openai_api.errors_map import error_text

    return error_text(answer) if answer.get("error") else ""


def _age(one: dict[str, Any]) -> tuple[int, str]:
    created = one.get("created")
    return (-created if isinstance(created, int) else 0, str(one["id"]).lower())
