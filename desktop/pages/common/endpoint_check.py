"""Checks an endpoint, its key and a model by real calls, and saves them only then.

Used by the setup page and the agents page. A key goes only to the key store and to the endpoint of its own origin,
never into a return value, an error or a repr. Imports none of the SDKs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from desktop.agents.models.errors import EndpointBusy, EndpointDown, EndpointError, EndpointRefused
from desktop.agents.models.names import for_chat
from desktop.common.errors import AppError, Described, Phrase
from desktop.keys.errors import KeyMissing
from desktop.openai_api import model_lists
from desktop.openai_api.errors import (
    ApiError,
    BadAnswer,
    CaptivePortal,
    ConnectionRefused,
    KeyRejected,
    KeyRestricted,
    NetworkError,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    ServiceDown,
    TlsToPlain,
)
from desktop.openai_api.errors_map import error_text, scrub
from desktop.openai_api.model_lists import Listed
from desktop.pages.common.check_run import CheckRuns, Closes, FieldError, Keep
from desktop.pages.common.http_question import settle
from desktop.settings import roster
from desktop.settings.agents import OPENAI_ENDPOINT, AssistantAgent, Endpoint
from desktop.settings.endpoint_addresses import Root, candidates, kept, normalise_endpoint
from desktop.settings.errors import AgentNotSet, SettingsInvalid
from desktop.settings.origins import is_loopback, is_own_host, normalise_api_base, origin_of

if TYPE_CHECKING:
    from desktop.common.errors import Catalogue
    from desktop.keys import Keys
    from desktop.openai_api.client import ApiClient
    from desktop.settings.layers import SettingsStore
    from desktop.settings.model import Settings

Api = Literal["responses", "chat_completions"]

RETRIES = 1
"""A person is waiting: retry once, then say what is wrong."""
MOST_MODELS = 500
"""The most models to choose from: a gateway may offer thousands, and a name can always be typed."""
MOST_READ = 10_000
MOST_PAGES = 50
"""The most pages read of a list."""
MOST_CHOICES = 20
"""Models an assistant offers in the composer besides its own."""
PULL = "ollama pull llama3.2"
"""How to get a model on the kind of server that most often has none."""
SHORTEST_ANSWER = 16
"""Tokens of the shortest answer OpenAI's Responses API allows (400 for less)."""

PATHS: dict[Api, str] = {"responses": "/responses", "chat_completions": "/chat/completions"}


@dataclass(frozen=True)
class EndpointDraft:
    """The endpoint to check, in its final form."""

    endpoint: Endpoint
    """With the id OPENAI_ENDPOINT, the built-in one, whose address is `network.api_base`."""
    key: str = field(repr=False)
    """If empty, none is sent."""
    new_key: bool
    """Whether the key was typed or imported and has to be saved. Otherwise it is the stored one."""
    model: str = ""
    """Checked too. If empty, only the endpoint is checked."""
    agent: AssistantAgent | None = None
    """Saved with the endpoint and made the active agent."""


@dataclass(frozen=True)
class Proved:
    """The endpoint's models, newest first if it reports their age; () if it has no list."""

    models: tuple[str, ...] = ()
    whole: bool | None = None
    """Whether its address is complete (`Endpoint.whole`)."""


class Place(NamedTuple):
    """An address where the API may be."""

    whole: bool
    root: Root


@dataclass(frozen=True)
class Found:
    """What was found there: all its models, and those to choose from. `listed` is None if it has no list."""

    place: Place
    listed: tuple[Listed, ...] | None
    shown: tuple[str, ...] = ()
    said: str = ""
    """The server's words when it refused the list."""

    def has(self, model: str) -> bool:
        """Whether a model is listed under its name, or under a common short form."""
        names = {one.id for one in self.listed or ()}
        return model in names or f"{model}:latest" in names or any(one.endswith(f"/{model}") for one in names)


class NoModelYet(FieldError):
    """The server answers but has no model. It may be saved, and a model added later."""


class EndpointCheck(CheckRuns[EndpointDraft, Proved]):
    """One check at a time. `forget` drops what was made with the previous key. `models`: the last list, for the
    page."""

    unanswered = (NetworkError, NoModelYet)

    def __init__(
        self,
        keys: Keys,
        settings: SettingsStore,
        make_client: Callable[[str, str], ApiClient],
        *,
        forget: Callable[[], object] = lambda: None,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        super().__init__(background)
        self._keys = keys
        self._settings = settings
        self._make_client = make_client
        self._forget = forget
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
        plain: bool = False,
    ) -> EndpointDraft:
        """What was typed, in its final form. Asks only the key store.

        `address` None: OpenAI's built-in endpoint, at `api_base` if given. `known`: the endpoint to change. Otherwise
        the one with the same address is changed, or a new one made. An empty `key` means the stored key of that origin,
        if any. `plain`: the person has just allowed http there. Raises FieldError (address), PlainUnasked, KeyShape,
        KeyMissing (only for OpenAI), KeyStoreError.
        """
        from desktop.keys import normalise_key

        settings = self._settings.current
        ours = normalise_api_base(api_base) if api_base else settings.network.api_base
        base, whole = (ours, None) if address is None else clean_address(address)
        settle(self._settings, base, plain)
        origin = origin_of(base)
        typed = normalise_key(key, origin) if key.strip() else ""
        sent = typed or self._stored(origin, needed=address is None)
        if address is None:
            endpoint = Endpoint(id=OPENAI_ENDPOINT, base_url=base, api="responses", needs_key=True)
            return EndpointDraft(endpoint, sent, bool(typed), model.strip())
        same = known or next((one for one in settings.endpoints if one.base_url == base and one.api == api), None)
        if whole is None and same is not None and same.base_url == base:
            whole = same.whole
        endpoint = Endpoint(
            id=same.id if same else roster.endpoint_id(base, settings),
            name=name.strip()[:60] or (same.name if same else ""),
            base_url=base,
            whole=whole,
            api=api,
            needs_key=bool(sent),
        )
        return EndpointDraft(endpoint, sent, bool(typed), model.strip())

    def _stored(self, origin: str, *, needed: bool) -> str:
        from desktop.keys.errors import KeyStoreError

        try:
            stored = self._keys.read(origin)
        except KeyStoreError:
            if needed:
                raise
            return ""  # a model on this computer works without a keyring
        if needed and not stored:
            raise KeyMissing(origin=origin, field="key")
        return stored or ""

    # --- asking ----------------------------------------------------------------------------------

    def prove(self, draft: EndpointDraft, uses: Callable[[Closes], object] = lambda _client: None) -> Proved:
        """Ask for the list of models. Without one, or to find out which protocol the endpoint speaks, make a call.

        Raises FieldError (address, key, api, model), EndpointError, ApiError, NetworkError.
        """
        client = self._client(draft)
        uses(client)
        try:
            found = self._find(client, draft)
            self.models = found.shown
            host = client.host
            if draft.model:
                found = replace(found, place=self._check_model(client, draft, found))
            elif found.listed is None:
                unlisted = FieldError("model", Phrase("forms.endpoint.no_list", {"host": host}))
                unlisted.said = found.said
                raise unlisted
            elif draft.endpoint.id != OPENAI_ENDPOINT and not found.listed:
                raise NoModelYet("model", Phrase("forms.endpoint.no_model_yet", {"host": host, "command": PULL}))
            elif draft.endpoint.id != OPENAI_ENDPOINT:
                self._try(client, replace(draft, model=found.shown[0]), whole=False)
        finally:
            client.close()
        return Proved(found.shown, kept(draft.endpoint.base_url, found.place.whole))

    def models_of(self, endpoint_id: str) -> tuple[Listed, ...]:
        """All models of an endpoint in the settings that can chat; () if it has no list. Raises AgentNotSet, and like
        `draft` and `prove`."""
        known = roster.find(self._settings.current.endpoints, endpoint_id)
        if endpoint_id == OPENAI_ENDPOINT:
            draft = self.draft(key="")
        elif known is None:
            raise AgentNotSet()
        else:
            draft = self.draft(key="", address=known.base_url, api=known.api, known=known)
        client = self._client(draft)
        try:
            found = self._find(client, draft)
        finally:
            client.close()
        shown = set(shown_of(found.listed or (), MOST_READ))
        return tuple(one for one in found.listed or () if one.id in shown)

    def _client(self, draft: EndpointDraft) -> ApiClient:
        """A client for the first address where the API may be."""
        client = self._make_client(origin_of(draft.endpoint.base_url), draft.key)
        client.keyless = not draft.key
        client.root = places(draft)[0].root
        return client

    def _find(self, client: ApiClient, draft: EndpointDraft) -> Found:
        """The address with a list of models, or else the likeliest one, without a list. Raises like `prove`."""
        refusals: list[AppError] = []
        words: list[str] = []
        unlisted: Place | None = None
        for place in places(draft):
            client.root = place.root
            try:
                listed = self._list(client, draft, words)
            except (FieldError, EndpointError) as error:  # it answers, but not as an API does: try the next address
                refusals.append(error)
                continue
            if listed is not None:
                return Found(place, listed, shown_of(listed))
            unlisted = unlisted or place
        # A rejected key is rejected at every address. "Not found" says least.
        refusals.sort(key=lambda error: error.field != "key" if isinstance(error, FieldError) else False)
        worst = refusals[0] if refusals else None
        if worst is not None and not (isinstance(worst, FieldError) and worst.field == "address"):
            raise worst
        if worst is not None and unlisted is None and not draft.model:
            raise tried(worst, draft)
        return Found(unlisted or places(draft)[0], None, said=next(filter(None, words), ""))

    def _list(self, client: ApiClient, draft: EndpointDraft, words: list[str]) -> tuple[Listed, ...] | None:
        """The models, newest first if it reports their age; None if it has no list. If the server refuses this key the
        list, its words are added to `words`."""
        try:
            answer = client.read("GET", "/models", retries=RETRIES)
        except (KeyRestricted, RequestRejected) as error:
            # A key may be allowed to use models but not to list them, and a gateway may have no list.
            if error.status in (400, 403, 404, 405, 410, 422, 501):
                words.append(error.words)
                return None
            raise explained(error, draft) from None
        except ServiceDown as error:
            if error.status == 501:
                return None
            raise explained(error, draft) from None
        except (ApiError, NetworkError) as error:
            raise explained(error, draft) from None
        found = model_lists.read(answer)
        if found is None:
            if isinstance(answer, dict) and _refusal(answer):
                return None
            raise explained(BadAnswer("no list of models", host=client.host), draft)
        known = {one.id: one for one in found}
        for _ in range(MOST_PAGES):
            more = model_lists.further(answer)
            if more is None or len(known) >= MOST_READ:
                break
            try:
                answer = client.read("GET", "/models", params=dict(more), retries=RETRIES)
            except (ApiError, NetworkError):
                break  # enough to choose from, and a name can be typed
            before = len(known)
            for one in model_lists.read(answer) or ():
                known.setdefault(one.id, one)
            if len(known) == before:
                break
        return tuple(sorted(known.values(), key=lambda one: (-one.created, one.id.lower())))

    def _check_model(self, client: ApiClient, draft: EndpointDraft, found: Found) -> Place:
        """The address where the model answers. Raises like `prove`."""
        missing = FieldError(
            "model", Phrase("forms.endpoint.model_missing", {"model": draft.model, "host": client.host})
        )
        ours = draft.endpoint.id == OPENAI_ENDPOINT
        if found.listed:
            if found.has(draft.model):
                if not ours:  # OpenAI's list is reliable, and an answer would be billed
                    self._try(client, draft, whole=False)
                return found.place
            if ours:
                raise missing
            # Azure lists models but answers by deployment name, and gateways accept names they don't list.
            try:
                self._try(client, draft, whole=True)
            except EndpointRefused:
                raise missing from None
            return found.place
        if found.listed is not None:
            self._try(client, draft, whole=True)
            return found.place
        refusal: FieldError | None = None
        for place in sorted(places(draft), key=lambda place: place != found.place):
            client.root = place.root
            try:
                self._try(client, draft, whole=True)
            except FieldError as error:
                if error.field not in ("api", "address"):
                    raise
                refusal = refusal or error
                continue
            return place
        raise tried(refusal or missing, draft)

    def _try(self, client: ApiClient, draft: EndpointDraft, *, whole: bool) -> None:
        """Make a call. `whole`: a real question with the shortest possible answer. Otherwise a call without a question,
        which costs nothing and is refused by every server that speaks the protocol."""
        api = draft.endpoint.api
        body: dict[str, object] = {"model": draft.model}
        if whole and api == "responses":
            body |= {"input": "Hi", "max_output_tokens": SHORTEST_ANSWER, "store": False}
        elif whole:
            body |= {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": SHORTEST_ANSWER}
        try:
            answer = client.read("POST", PATHS[api], json=body, retries=0, events=True)
        except RequestRejected as error:
            if error.status in (404, 405, 501) and "model" not in error.detail.lower():
                raise FieldError("api", _other(api, client.host)) from None
            if error.status == 404:
                missing = Phrase("forms.endpoint.model_missing", {"model": draft.model, "host": client.host})
                raise FieldError("model", missing) from None
            if whole:
                raise explained(error, draft) from None
        except ServiceDown as error:
            if error.status == 501:
                raise FieldError("api", _other(api, client.host)) from None
            if whole:
                raise explained(error, draft) from None
            # Some servers answer 500 without a question (llama.cpp). Their list has shown that they work.
        except (ApiError, NetworkError) as error:
            raise explained(error, draft) from None
        else:
            refusal = _refusal(answer) if isinstance(answer, dict) else ""
            if "nexpected endpoint" in refusal:  # LM Studio answers 200 for every path
                raise FieldError("api", _other(api, client.host))
            if whole and refusal:
                problem = scrub(refusal, (draft.key,))
                raise EndpointRefused(problem, host=client.host, status=200, problem=problem)

    # --- saving ----------------------------------------------------------------------------------

    def save(self, draft: EndpointDraft, proof: Proved | None, keep: Keep) -> None:
        """Save the key, then the endpoint and the agent together. Raises KeyStoreError, SettingsError. The key comes
        first: if the keyring refuses it, nothing has been written."""
        if draft.new_key:
            origin = origin_of(draft.endpoint.base_url)
            self._keys.save(origin, draft.key, keep=keep)
        built_in = draft.endpoint.id == OPENAI_ENDPOINT

        endpoint, agent = draft.endpoint, draft.agent
        if proof is not None and not built_in:
            endpoint = endpoint.model_copy(update={"whole": proof.whole})
            if agent is not None:
                # Offer the models found in the composer, but keep a person's own choice.
                found = proof.models if not agent.models or agent.model in agent.models else ()
                others = [one for one in dict.fromkeys((*found, *agent.models)) if one != agent.model]
                agent = agent.model_copy(update={"models": others[:MOST_CHOICES]})

        def changes(settings: Settings) -> dict[str, object]:
            made: dict[str, object] = {}
            if built_in and draft.endpoint.base_url != settings.network.api_base:
                made["network.api_base"] = draft.endpoint.base_url
            if not built_in and endpoint not in settings.endpoints:
                made["endpoints"] = roster.put(settings.endpoints, endpoint)
            if agent is not None:
                if agent not in settings.agents:
                    made["agents"] = roster.put(settings.agents, agent)
                if settings.active_agent != agent.id:
                    made["active_agent"] = agent.id
            return made

        if changes(self._settings.current):
            self._settings.change(changes)
        self._forget()


class NotRunning(ConnectionRefused):
    """A refused connection on this computer: the server is not running; the network is not to blame."""

    def describe(self, texts: Catalogue) -> Described:
        """Describe that cause."""
        words = texts.get("forms.endpoint.not_running", **self.values), texts.get("forms.endpoint.not_running_hint")
        return {**super().describe(texts), "message": words[0], "hint": words[1]}


def clean_address(text: str) -> tuple[str, bool | None]:
    """The address of an endpoint as stored in the settings, and whether it is complete (`Endpoint.whole`). A bare
    `localhost:11434` means http, any other bare host https.

    Raises FieldError for `address`.
    """
    if not text.strip().strip("\"'`<>"):
        raise FieldError("address", Phrase("forms.endpoint.address_empty"))
    try:
        return normalise_endpoint(text, name="address")
    except SettingsInvalid as error:
        raise FieldError("address", error.values["problem"]) from None


def places(draft: EndpointDraft) -> tuple[Place, ...]:
    """Addresses where a draft's API may be, the likeliest first."""
    endpoint = draft.endpoint
    whole = False if endpoint.id == OPENAI_ENDPOINT else endpoint.whole
    return tuple(Place(*one) for one in candidates(endpoint.base_url, whole))


def shown_of(listed: tuple[Listed, ...], most: int = MOST_MODELS) -> tuple[str, ...]:
    """The names to choose from: models that can chat, or all if none seems to."""
    able = [one.id for one in listed if one.chats] or [one.id for one in listed]
    return tuple(for_chat(able))[:most]


def tried(error: AppError, draft: EndpointDraft) -> AppError:
    """The error, with the addresses tried if there were more than the one typed."""
    at = places(draft)
    if len(at) < 2 or not isinstance(error, FieldError):
        return error
    named = Phrase(
        "forms.endpoint.tried", {"problem": error.values["problem"], "one": at[0].root.url, "two": at[1].root.url}
    )
    told = FieldError(error.field or "address", named)
    told.said = error.said
    return told


def explained(error: AppError, draft: EndpointDraft) -> AppError:
    """The API client's error, reworded for an endpoint that may not be OpenAI's."""
    host = urlsplit(draft.endpoint.base_url).hostname or draft.endpoint.base_url
    if draft.endpoint.id == OPENAI_ENDPOINT:
        return error
    if isinstance(error, TlsToPlain) and is_own_host(host):
        return TlsToPlain(f"http{draft.endpoint.base_url[5:]}", field="address", host=host)
    if isinstance(error, ConnectionRefused) and is_loopback(host):
        return NotRunning(error.detail, host=urlsplit(draft.endpoint.base_url).netloc)
    if isinstance(error, (BadAnswer, CaptivePortal)):
        return FieldError("address", Phrase("forms.endpoint.unfit", {"host": host}))
    if isinstance(error, (KeyRejected, KeyRestricted)):
        wanted = FieldError(
            "key", Phrase(f"forms.endpoint.{'key_rejected' if draft.key else 'key_wanted'}", {"host": host})
        )
        wanted.said = error.words
        return wanted
    if isinstance(error, (RateLimited, QuotaExceeded)):
        return EndpointBusy(error.detail, host=host)
    if isinstance(error, ServiceDown):
        down = EndpointDown(error.detail, host=host, status=error.status)
        down.said = error.said
        return down
    if isinstance(error, RequestRejected):
        problem = error.values.get("problem", error.status)
        return EndpointRefused(error.detail, host=host, status=error.status, problem=problem)
    return error


def _other(api: Api, host: str) -> Phrase:
    """The error for an endpoint that speaks the other protocol, or neither."""
    if api == "responses":
        return Phrase("forms.endpoint.no_responses", {"host": host})
    return Phrase("forms.endpoint.no_chat_completions", {"host": host})


def _refusal(answer: dict[str, Any]) -> str:
    """The error inside a 200 answer; empty for none."""
    return error_text(answer) if answer.get("error") else ""
