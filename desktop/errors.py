"""Every failure the app can explain, as one tree; each leaf has a code and a sentence in `assets/texts/*/errors.json`.

AppError
├── UsageError                      what was typed can't be understood          exit 2
├── BridgeError                     a page asked for something it may not have
│   ├── UnknownMethod
│   ├── BadParams
│   ├── CallTooLarge
│   ├── TooManyCalls
│   └── PageGone
├── SettingsError                   the settings file or a value in it
│   ├── SettingsInvalid
│   ├── SettingsDamaged
│   ├── SettingsNewer
│   ├── SettingsUnwritable
│   ├── PlainUnasked                http in the own network, and nobody has said yes
│   └── BrandInvalid
├── KeyStoreError                   where the key lives
│   ├── KeyMissing
│   ├── KeyShape
│   ├── KeyringMissing
│   │   └── KeyringUnreached        no session bus to ask it over
│   ├── KeyringInsecure
│   ├── KeyringLocked
│   ├── KeyringDenied
│   └── KeyringSlow
├── ApiError                        OpenAI answered, and the answer is no
│   ├── KeyRejected                 401
│   ├── KeyRestricted               403
│   ├── WorkflowNotFound            404, never worked with this key
│   ├── WorkflowGone                404/403/410 after it had worked, or the date has passed
│   ├── ThreadNotFound              404
│   │   └── ServerChatLost          a ChatKit server knows the chat no longer
│   ├── RateLimited                 429 rate_limit_exceeded
│   ├── QuotaExceeded               429 insufficient_quota
│   ├── RequestRejected             another 4xx
│   └── ServiceDown                 5xx
├── NetworkError                    no usable answer came back
│   ├── LoopbackDown                this computer does not reach itself
│   ├── NameNotFound                DNS
│   ├── ConnectionRefused
│   ├── ConnectionLost
│   ├── TimedOut
│   ├── TlsUntrusted
│   ├── TlsWrongHost
│   ├── TlsToPlain                  https to a server that speaks http
│   ├── OutsideNetwork              http, and the name leads out of the own network
│   ├── ClockWrong
│   ├── ProxyFailed
│   ├── ProxyAuthRequired
│   ├── UpdatesUnreadable           the maker's page of new versions
│   ├── CaptivePortal
│   ├── BadAnswer                   truncated, or not JSON
│   ├── AnswerPacked                compressed more than once, or in a way that was not asked for
│   └── AnswerFlood                 more than an answer can hold
├── ChatError                       the component in the window
│   ├── ComponentUnreachable
│   ├── ComponentLate
│   ├── ComponentFailed
│   ├── ComponentBlank
│   ├── RendererCrashed
│   └── PageNotLoaded
├── EngineError                     no window can be opened
│   ├── EngineMissing                                                           exit 3
│   ├── EngineHidden                here, and this Python does not see it       exit 3
│   ├── EngineChanged                                                           exit 3
│   ├── EngineRefusesRoot                                                       exit 3
│   ├── EngineNotHere                                                           exit 2
│   ├── WebViewMissing              on Windows                                  exit 3
│   ├── DotNetMissing               on Windows                                  exit 3
│   ├── EngineLost                  it ends while the app runs, or never starts  exit 3
│   ├── ProxyNotInWindow            it follows the system's proxy alone         exit 3
│   ├── WindowNotMade               the engine raised while it made it          exit 3
│   ├── WindowBlank                 it opens, and nothing of it is painted       exit 3
│   └── DisplayMissing                                                          exit 4
├── FileError                       a file or folder outside the settings
│   ├── FolderUnwritable
│   ├── FileExists_
│   ├── FileUnreadable
│   └── OutputUnwritable            standard output: a full disk, or closed
├── ThreadsError                    the chats kept on this machine
│   ├── ThreadsNewer
│   │   └── ArchiveNewer
│   ├── ThreadsDamaged
│   ├── ChatReadOnly                a copy of a hosted chat, or one at OpenAI
│   ├── ChatAtOpenAI                to be deleted here, and it is at OpenAI alone
│   └── JobUnderWay                 another export, archive or deletion runs
├── AttachmentError                 a file that goes with a message
│   ├── AttachmentTooLarge
│   ├── AttachmentsUnsent           too much waits that no message took along
│   ├── AttachmentType
│   └── AttachmentDamaged
├── AgentError                      the agent inside the app
│   ├── AgentsMissing               the extra [agents] is not installed
│   ├── MessageEmpty
│   ├── MessageTooLong
│   ├── ModelNotFound
│   ├── ContextTooLong
│   ├── AnswerCut                   a limit or a filter ended it before its first word
│   ├── WaitsForPerson
│   ├── AnswerEmpty
│   ├── AnswerStalled
│   ├── AnswerFailed                the model ended the answer itself
│   ├── PageStalled                 the window took nothing more of the answer
│   ├── ModelEnds                   a model that is in use ends soon
│   ├── DictationNotSet
│   ├── CodeError                   a Python file that is an agent
│   │   ├── CodeUnreadable          not there, not Python, too large
│   │   ├── CodeConsentNeeded       nobody has said yes to exactly this content
│   │   ├── CodeUnfit               there is no agent in it
│   │   ├── CodePackageMissing
│   │   ├── CodeFileMissing
│   │   ├── CodeEntryUnclear
│   │   ├── CodeModelGone
│   │   ├── CodePromptGone
│   │   ├── CodeEndless
│   │   ├── CodeBroken              it fails while it is loaded
│   │   ├── CodeFailed              it fails while it answers
│   │   ├── CodeInputs              it asks for more than a message
│   │   ├── CodeGuarded             one of its guardrails stopped it
│   │   ├── CodeEnded               its process has ended
│   │   ├── CodeSilent              it ended without a word
│   │   ├── CodeFlood               it says more than a chat can hold
│   │   └── PackagesNotInstalled
│   ├── McpError                    an MCP server, whose tools are missing then
│   │   ├── McpCommandMissing       its program is not there
│   │   ├── McpNotAnswering         not ready, or no answer, in time
│   │   ├── McpNotMcp               what it says is not the protocol
│   │   ├── McpEnded                its program has ended
│   │   ├── McpFlood                it says more than an answer can hold
│   │   ├── McpRefused              401, 403
│   │   ├── McpSignInWanted         401: a person has to sign in
│   │   ├── McpSignInOver           the sign-in has ended, and is not renewed
│   │   ├── McpScopeWanted          403: more rights than the sign-in gave
│   │   ├── McpClientWanted         its authorization server registers no apps by themselves
│   │   ├── McpSignInFailed         the person, or the authorization server, did not go through with it
│   │   ├── McpRedirected           it sends us to another address
│   │   ├── McpSecretMissing        a secret that it needs is not in the keyring
│   │   ├── McpFailed               it answered, and the answer is no
│   │   └── McpToolsLeftOut         tools that no model could be given
│   ├── McpTooManyTools             more tools than a model takes
│   ├── McpSecretMoved              a secret that stood in the settings is in the keyring now
│   └── EndpointError               an endpoint answered, and the answer is no
│       ├── EndpointKeyRejected     401
│       ├── EndpointBusy            429
│       ├── EndpointDown            5xx
│       ├── EndpointRefused         another 4xx
│       ├── RequestTooLarge         413
│       └── EndpointUnfit           it does not speak OpenAI's protocol
├── ServerError                     a ChatKit server answered, and the answer can't be used
│   ├── ServerTokenWanted           401, 403 without a token
│   ├── ServerTokenRefused          401, 403 with one
│   ├── ServerUnfit                 it does not speak ChatKit's protocol
│   ├── ServerNotFound              404
│   ├── ServerUploadUnnamed         it names no address for a file
│   ├── ServerElsewhere             a redirect, or an upload, to an address that is not to be followed
│   ├── ServerBusy                  429
│   ├── ServerDown                  5xx
│   ├── ServerRefused               another 4xx
│   ├── ServerGone                  in the middle of an answer
│   └── ServerFlood                 more than a chat can hold
├── AgentNotSet                     no agent has been chosen yet
├── ProfileBusy                     another process holds the profile and does not answer
└── InternalError                   a defect of ours

This module knows no other module of the app. Sentences live in the text catalogue; an error
carries a code, the values its sentence needs, and a technical detail that a person sees only
under "Details". The detail must already be free of secrets: what raises it sees to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, TypedDict


class Catalogue(Protocol):
    """What an error needs of the text catalogue (`texts.Catalogue`)."""

    def get(self, key: str, /, **values: object) -> str: ...


class Phrase(NamedTuple):
    """A value of an error that is itself a text of the catalogue, for where no catalogue is at hand.

    `fallback` stands where the catalogue lacks `key`; None makes the lack a defect (KeyError).
    """

    key: str
    values: Mapping[str, object] = {}
    fallback: str | None = None

    def spell(self, texts: Catalogue) -> str:
        """The words in the language of `texts`."""
        try:
            return texts.get(self.key, **_spelled(self.values, texts))
        except KeyError:
            if self.fallback is None:
                raise
            return self.fallback


def _spelled(values: Mapping[str, object], texts: Catalogue) -> dict[str, object]:
    return {name: value.spell(texts) if isinstance(value, Phrase) else value for name, value in values.items()}


def _ended(sentence: str) -> str:
    """With a full stop: a sentence may end in somebody else's words, and the hint follows it on the same line."""
    return sentence if sentence.rstrip("\"'”’»)\u202f ").endswith((".", "!", "?", "…")) else f"{sentence}."


class Described(TypedDict):
    """An error as a page or `--json` sees it."""

    code: str
    message: str
    hint: str
    retryable: bool
    field: str | None
    detail: str


class AppError(Exception):
    """A failure with a sentence for a person.

    `values` fill the placeholders of the sentence and the hint (a `Phrase` among them is spelled
    in the language of the catalogue); `detail` is technical, short,
    redacted; `field` names the form field or dotted setting the failure belongs to.
    """

    code: ClassVar[str] = ""
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, detail: str = "", *, field: str | None = None, **values: object) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.field = field
        self.values: Mapping[str, object] = values
        self.said = ""
        """What the other side said itself, where the sentence has no place for it. Free of secrets, on one line."""

    def describe(self, texts: Catalogue) -> Described:
        """The error in the language of `texts`."""
        values = _spelled(self.values, texts)
        message = _ended(texts.get(f"errors.{self.code}.message", **values))
        return {
            "code": self.code,
            "message": texts.get("common.with_words", message=message, said=self.said) if self.said else message,
            "hint": texts.get(f"errors.{self.code}.hint", **values),
            "retryable": self.retryable,
            "field": self.field,
            "detail": self.detail,
        }


def leaves(root: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Every error class that has a code of its own, in the order of the tree."""
    if root.code and "code" in vars(root):
        yield root
    for child in root.__subclasses__():
        yield from leaves(child)


class UsageError(AppError):
    """values: problem."""

    code = "usage"
    exit_code = 2


class BridgeError(AppError):
    pass


class UnknownMethod(BridgeError):
    """values: method."""

    code = "unknown_method"


class BadParams(BridgeError):
    """values: problem."""

    code = "bad_params"


class CallTooLarge(BridgeError):
    """values: limit (text with a unit)."""

    code = "call_too_large"


class TooManyCalls(BridgeError):
    code = "too_many_calls"
    retryable = True


class PageGone(BridgeError):
    code = "page_gone"


class SettingsError(AppError):
    pass


class SettingsInvalid(SettingsError):
    """A value that can't be used. `name` is the dotted setting, `problem` a sentence (or a `Phrase`),
    `layer` where the value came from (`settings.layers.Layer`)."""

    code = "settings_invalid"

    def __init__(
        self,
        detail: str = "",
        *,
        name: str = "",
        problem: object = "",
        layer: str = "settings",
        field: str | None = None,
        **values: object,
    ) -> None:
        plain = ".".join(part for part in name.split(".") if not part.isdigit())
        super().__init__(
            detail or f"{name} ({layer})",
            field=field or name or None,
            name=name,
            problem=problem,
            title=Phrase(f"settings_names.{plain}", fallback=name),
            where=Phrase(f"errors.layer.{layer}"),
            **values,
        )
        self.name = name
        self.layer = layer


class SettingsDamaged(SettingsError):
    """values: kept (the name under which the damaged file was kept)."""

    code = "settings_damaged"


class SettingsNewer(SettingsError):
    """values: version (of the file), known (newest version this app reads)."""

    code = "settings_newer"


class SettingsUnwritable(SettingsError):
    """values: path."""

    code = "settings_unwritable"
    retryable = True


class PlainUnasked(SettingsError):
    """values: host (with its port), origin. `detail` is the origin."""

    code = "plain_unasked"


class BrandInvalid(SettingsError):
    """values: name, problem (a sentence or a `Phrase`)."""

    code = "brand_invalid"


class KeyStoreError(AppError):
    pass


class KeyMissing(KeyStoreError):
    """values: origin."""

    code = "key_missing"


class KeyShape(KeyStoreError):
    """values: problem (a sentence of its own in the user's language, or a `Phrase`)."""

    code = "key_shape"


class KeyringMissing(KeyStoreError):
    code = "keyring_missing"


class KeyringUnreached(KeyringMissing):
    """There may be one: what it is asked over, the session bus, is not there. values: command (that brings one)."""

    code = "keyring_unreached"


class KeyringInsecure(KeyStoreError):
    """values: backend."""

    code = "keyring_insecure"


class KeyringLocked(KeyStoreError):
    code = "keyring_locked"
    retryable = True


class KeyringDenied(KeyStoreError):
    code = "keyring_denied"
    retryable = True


class KeyringSlow(KeyStoreError):
    """values: seconds."""

    code = "keyring_slow"
    retryable = True


class ApiError(AppError):
    """`status` is the HTTP status; `request_id` OpenAI's, or empty."""

    def __init__(
        self, detail: str = "", *, status: int = 0, request_id: str = "", field: str | None = None, **values: object
    ) -> None:
        super().__init__(detail, field=field, **values)
        self.status = status
        self.request_id = request_id
        self.words = ""
        """What the server said, where the sentence leaves it out. Free of secrets, on one line."""


class KeyRejected(ApiError):
    code = "key_rejected"


class KeyRestricted(ApiError):
    code = "key_restricted"


class WorkflowNotFound(ApiError):
    """values: workflow."""

    code = "workflow_not_found"


class WorkflowGone(ApiError):
    """values: workflow."""

    code = "workflow_gone"


class ThreadNotFound(ApiError):
    """values: thread."""

    code = "thread_not_found"


class ServerChatLost(ThreadNotFound):
    """values: host, thread. A ChatKit server answers and knows the chat no longer."""

    code = "server_chat_lost"


class RateLimited(ApiError):
    """`retry_after`: seconds OpenAI asked to wait, or None."""

    code = "rate_limited"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class QuotaExceeded(ApiError):
    code = "quota_exceeded"


class RequestRejected(ApiError):
    """values: status, problem (OpenAI's own message)."""

    code = "request_rejected"


class ServiceDown(ApiError):
    """values: status. `retry_after`: seconds the service asked to wait, or None."""

    code = "service_down"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class NetworkError(AppError):
    """values of every child: host."""

    retryable = True


class LoopbackDown(NetworkError):
    """values: problem (the system's own words)."""

    code = "loopback_down"
    retryable = False


class NameNotFound(NetworkError):
    code = "name_not_found"


class ConnectionRefused(NetworkError):
    code = "connection_refused"


class ConnectionLost(NetworkError):
    code = "connection_lost"


class TimedOut(NetworkError):
    """values: host, seconds."""

    code = "timed_out"


class TlsUntrusted(NetworkError):
    code = "tls_untrusted"


class TlsWrongHost(NetworkError):
    code = "tls_wrong_host"


class TlsToPlain(NetworkError):
    code = "tls_plain"


class OutsideNetwork(NetworkError):
    code = "outside_network"


class ClockWrong(NetworkError):
    code = "clock_wrong"


class ProxyFailed(NetworkError):
    """values: host, proxy (without its password)."""

    code = "proxy_failed"


class ProxyAuthRequired(NetworkError):
    """values: host, proxy (without its password)."""

    code = "proxy_auth"


class UpdatesUnreadable(NetworkError):
    """values: host. What was wrong is in the detail."""

    code = "updates_unreadable"


class CaptivePortal(NetworkError):
    code = "captive_portal"


class BadAnswer(NetworkError):
    code = "bad_answer"


class AnswerPacked(NetworkError):
    code = "answer_packed"
    retryable = False


class AnswerFlood(NetworkError):
    """values: host, limit (text with a unit)."""

    code = "answer_flood"
    retryable = False


class ChatError(AppError):
    retryable = True


class ComponentUnreachable(ChatError):
    """values: host."""

    code = "component_unreachable"


class ComponentLate(ChatError):
    """values: seconds."""

    code = "component_late"


class ComponentFailed(ChatError):
    """values: problem (the component's own message)."""

    code = "component_failed"


class ComponentBlank(ChatError):
    code = "component_blank"


class RendererCrashed(ChatError):
    code = "renderer_crashed"


class PageNotLoaded(ChatError):
    """A window's own page did not come from this computer's own server."""

    code = "page_not_loaded"
    retryable = True


class EngineError(AppError):
    exit_code = 3


class EngineMissing(EngineError):
    """values: command (the exact install line)."""

    code = "engine_missing"


class EngineHidden(EngineError):
    """It is installed for the system's Python, and this one does not look there.
    values: command (what lets it look), advice (what installs the other engine)."""

    code = "engine_hidden"


class EngineChanged(EngineError):
    """values: problem (which internal of pywebview is not what we rely on)."""

    code = "engine_changed"


class EngineRefusesRoot(EngineError):
    code = "engine_refuses_root"


class EngineNotHere(EngineError):
    """values: engine (the one that was asked for)."""

    code = "engine_not_here"
    exit_code = 2


class WebViewMissing(EngineError):
    """values: link (where Microsoft has it)."""

    code = "webview_missing"


class DotNetMissing(EngineError):
    """values: link (where Microsoft has it)."""

    code = "dotnet_missing"


class EngineLost(EngineError):
    code = "engine_lost"


class ProxyNotInWindow(EngineError):
    code = "proxy_not_in_window"


class WindowNotMade(EngineError):
    """values: problem (the engine's own words)."""

    code = "window_not_made"


class WindowBlank(EngineError):
    """values: tried (the variables that were, or that the person has set)."""

    code = "window_blank"


class DisplayMissing(EngineError):
    code = "display_missing"
    exit_code = 4


class FileError(AppError):
    """values of every child: path."""


class FolderUnwritable(FileError):
    """values: path, problem."""

    code = "folder_unwritable"
    retryable = True


class FileExists_(FileError):  # noqa: N801 - FileExistsError is Python's own
    code = "file_exists"


class FileUnreadable(FileError):
    """values: path, problem."""

    code = "file_unreadable"


class OutputUnwritable(FileError):
    """values: problem. Told on standard error, with `--json` too."""

    code = "output_unwritable"


class ThreadsError(AppError):
    pass


class ThreadsNewer(ThreadsError):
    """values: version (of the file), known (newest version this app reads)."""

    code = "threads_newer"


class ArchiveNewer(ThreadsNewer):
    """As its parent, of the archive of hosted chats."""

    code = "archive_newer"


class ThreadsDamaged(ThreadsError):
    """values: kept (the name under which the damaged file was kept)."""

    code = "threads_damaged"


class ChatReadOnly(ThreadsError):
    code = "chat_read_only"


class ChatAtOpenAI(ThreadsError):
    code = "chat_at_openai"


class JobUnderWay(ThreadsError):
    code = "job_under_way"
    retryable = True


class AttachmentError(AppError):
    """values of every child: name (of the file)."""


class AttachmentTooLarge(AttachmentError):
    """values: limit (text with a unit)."""

    code = "attachment_too_large"


class AttachmentsUnsent(AttachmentError):
    """values: limit (text with a unit)."""

    code = "attachments_unsent"


class AttachmentType(AttachmentError):
    code = "attachment_type"


class AttachmentDamaged(AttachmentError):
    """Empty, cut short, or not what its type says."""

    code = "attachment_damaged"


class AgentError(AppError):
    pass


class AgentsMissing(AgentError):
    """values: advice (a `Phrase`, for the way the app was installed: `desktop.common.installed`)."""

    code = "agents_missing"


class MessageEmpty(AgentError):
    code = "message_empty"


class MessageTooLong(AgentError):
    """values: length, limit (both in characters)."""

    code = "message_too_long"


class ModelNotFound(AgentError):
    """values: model, host."""

    code = "model_not_found"


class ContextTooLong(AgentError):
    """values: model."""

    code = "context_too_long"


class AnswerCut(AgentError):
    """An answer that ended before it began. values: host, problem (why)."""

    code = "answer_cut"
    retryable = True


class WaitsForPerson(AgentError):
    """An agent asks for a yes where nobody can be asked. values: problem (what it asks about)."""

    code = "waits_for_person"
    exit_code = 5


class AnswerEmpty(AgentError):
    """values: model."""

    code = "answer_empty"
    retryable = True


class AnswerStalled(AgentError):
    """values: host, seconds."""

    code = "answer_stalled"
    retryable = True


class AnswerFailed(AgentError):
    """values: host, problem (the endpoint's own words)."""

    code = "answer_failed"
    retryable = True


class PageStalled(AgentError):
    """values: seconds."""

    code = "page_stalled"
    retryable = True


class ModelEnds(AgentError):
    """values: model, day (its last, as YYYY-MM-DD)."""

    code = "model_ends"


class DictationNotSet(AgentError):
    code = "dictation_not_set"


class CodeError(AgentError):
    """values of every child: file (its name)."""


class CodeUnreadable(CodeError):
    """values: problem (a sentence or a `Phrase`)."""

    code = "code_unreadable"


class CodeConsentNeeded(CodeError):
    """values: digest (SHA-256 of what would run, in hex)."""

    code = "code_consent_needed"


class CodeUnfit(CodeError):
    code = "code_unfit"


class CodePackageMissing(CodeError):
    """values: module (what is imported), package (what to install)."""

    code = "code_package_missing"


class CodeFileMissing(CodeError):
    """values: module (what is imported), wanted (the file that it means), advice (a `Phrase`: where to put it)."""

    code = "code_file_missing"


class CodeEntryUnclear(CodeError):
    """values: choices (names, with commas)."""

    code = "code_entry_unclear"


class CodeModelGone(CodeError):
    """values: model (as the file names it), host."""

    code = "code_model_gone"


class CodePromptGone(CodeError):
    """values: prompt (its id), host."""

    code = "code_prompt_gone"


class CodeEndless(CodeError):
    """values: problem (a `Phrase`: what it did how often)."""

    code = "code_endless"
    retryable = True


class CodeBroken(CodeError):
    """values: line, problem (Python's own words)."""

    code = "code_broken"


class CodeFailed(CodeError):
    """values: line, problem (Python's own words)."""

    code = "code_failed"
    retryable = True


class CodeInputs(CodeError):
    """values: inputs (names, with commas)."""

    code = "code_inputs"


class CodeGuarded(CodeError):
    code = "code_guarded"


class CodeEnded(CodeError):
    """values: problem (an exit code or a signal)."""

    code = "code_ended"
    retryable = True


class CodeSilent(CodeError):
    code = "code_silent"
    retryable = True


class CodeFlood(CodeError):
    """values: limit (in characters)."""

    code = "code_flood"


class PackagesNotInstalled(CodeError):
    """values: packages, problem (pip's own words, or a `Phrase`)."""

    code = "packages_not_installed"
    retryable = True


class McpError(AgentError):
    """An MCP server. values: server (its name); where they are known `said` (its program's last words, which the
    sentence ends in), `looked` (where its program was looked for), `how` (a Phrase: how that is got)."""

    def describe(self, texts: Catalogue) -> Described:
        """With what its program said, or how it is got."""
        told = super().describe(texts)
        for name in ("looked", "said"):
            if self.values.get(name):
                told["message"] += " " + _ended(texts.get(f"mcp.{name}", **{name: self.values[name]}))
        how = self.values.get("how")
        if isinstance(how, Phrase):
            told["hint"] = f"{how.spell(texts)} {told['hint']}".strip()
        return told


class McpCommandMissing(McpError):
    """values: server, command."""

    code = "mcp_command_missing"


class McpNotAnswering(McpError):
    """values: server, seconds."""

    code = "mcp_not_answering"
    retryable = True


class McpNotMcp(McpError):
    """values: server."""

    code = "mcp_not_mcp"


class McpEnded(McpError):
    """values: server, problem (a Phrase)."""

    code = "mcp_ended"
    retryable = True


class McpFlood(McpError):
    """values: server."""

    code = "mcp_flood"


class McpRefused(McpError):
    """values: server, status."""

    code = "mcp_refused"


class McpSignInWanted(McpError):
    """values: server."""

    code = "mcp_sign_in_wanted"


class McpSignInOver(McpError):
    """values: server."""

    code = "mcp_sign_in_over"


class McpScopeWanted(McpError):
    """values: server."""

    code = "mcp_scope_wanted"


class McpClientWanted(McpError):
    """values: server, host (the authorization server's). The detail: what it said."""

    code = "mcp_client_wanted"


class McpSignInFailed(McpError):
    """values: server, problem."""

    code = "mcp_sign_in_failed"
    retryable = True


class McpRedirected(McpError):
    """values: server, host (where it wanted us to go)."""

    code = "mcp_redirected"


class McpSecretMissing(McpError):
    """values: server, name."""

    code = "mcp_secret_missing"


class McpFailed(McpError):
    """values: server, problem."""

    code = "mcp_failed"
    retryable = True


class McpToolsLeftOut(McpError):
    """values: server, problem (the names of the tools)."""

    code = "mcp_tools_left_out"


class McpTooManyTools(AgentError):
    """values: length (how many there are), limit."""

    code = "mcp_too_many_tools"


class McpSecretMoved(AgentError):
    """values: server."""

    code = "mcp_secret_moved"


class EndpointError(AgentError):
    """values of every child: host."""


class EndpointKeyRejected(EndpointError):
    code = "endpoint_key_rejected"


class EndpointBusy(EndpointError):
    code = "endpoint_busy"
    retryable = True


class EndpointDown(EndpointError):
    """values: host, status."""

    code = "endpoint_down"
    retryable = True


class EndpointRefused(EndpointError):
    """values: host, status, problem (the endpoint's own words)."""

    code = "endpoint_refused"


class RequestTooLarge(EndpointError):
    """413: the same request will never be taken."""

    code = "request_too_large"


class EndpointUnfit(EndpointError):
    code = "endpoint_unfit"


class ServerError(AppError):
    """values of every child: host. Where `words` is among them, the server's own words follow the sentence."""

    def describe(self, texts: Catalogue) -> Described:
        """The error in the language of `texts`."""
        told, words = super().describe(texts), self.values.get("words")
        if words:
            told["message"] = _ended(texts.get("errors.in_its_words", message=told["message"], words=words))
        return told


class ServerTokenWanted(ServerError):
    code = "server_token_wanted"


class ServerTokenRefused(ServerError):
    code = "server_token_refused"


class ServerUnfit(ServerError):
    code = "server_unfit"


class ServerNotFound(ServerError):
    """values: host, path."""

    code = "server_not_found"


class ServerUploadUnnamed(ServerError):
    """values: host, name, problem (the field that its answer lacks)."""

    code = "server_upload_unnamed"


class ServerElsewhere(ServerError):
    """values: host, target (another host, or an address)."""

    code = "server_elsewhere"


class ServerBusy(ServerError):
    """values: host, words (the server's own, or nothing). `retry_after`: seconds the server asked to wait, or None."""

    code = "server_busy"
    retryable = True

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class ServerDown(ServerError):
    """values: host, status, words (the server's own, or nothing)."""

    code = "server_down"
    retryable = True


class ServerRefused(ServerError):
    """values: host, status, problem (the server's own words)."""

    code = "server_refused"


class ServerGone(ServerError):
    code = "server_gone"
    retryable = True


class ServerFlood(ServerError):
    """values: host, limit (text with a unit)."""

    code = "server_flood"


class AgentNotSet(AppError):
    code = "agent_not_set"


class ProfileBusy(AppError):
    """values: profile."""

    code = "profile_busy"
    retryable = True


class InternalError(AppError):
    """A defect of ours; the log has the traceback."""

    code = "internal"
    retryable = True
