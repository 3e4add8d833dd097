"""Every failure the app can explain, as one tree; each leaf has a code and a sentence in `assets/texts/*/errors.json`.

AppError
├── UsageError                      what was typed can't be understood          exit 2
├── HelpTopicUnknown                the help has no such topic                  exit 2
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
│   ├── AnswerUnderWay              another version is asked for while an answer is written
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
├── OneViewOnly                     only ChatKit can show a hosted workflow
├── ProfileBusy                     another process holds the profile and does not answer
└── InternalError                   a defect of ours

This module knows no other module of the app. Sentences live in the text catalogue; an error
carries a code, the values its sentence needs, and a technical detail that a person sees only
under "Details". The detail must already be free of secrets: what raises it sees to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple, Protocol, TypedDict


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


class BadParams(BridgeError):
    """values: problem."""

    code = "bad_params"


class PageGone(BridgeError):
    code = "page_gone"


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


class AttachmentError(AppError):
    """values of every child: name (of the file)."""


class AgentError(AppError):
    pass


class AgentsMissing(AgentError):
    """values: advice (a `Phrase`, for the way the app was installed: `desktop.common.installed`)."""

    code = "agents_missing"


class InternalError(AppError):
    """A defect of ours; the log has the traceback."""

    code = "internal"
    retryable = True
