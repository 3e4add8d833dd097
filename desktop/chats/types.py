"""The library's types: plain records for pages and commands, and the progress of a long job.

Times are UTC with their zone. Knows no store, no network and no file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from desktop.common.errors import AppError

if TYPE_CHECKING:
    from desktop.agents.store.search import Passage

Where = Literal["in_app", "archived", "hosted", "server"]
"""in_app: of an agent inside the app, on this machine. archived: at OpenAI, or once there, with a whole copy here.
hosted: at OpenAI alone. server: at a ChatKit server of the profile."""
EVERYWHERE: tuple[Where, ...] = ("in_app", "archived", "hosted", "server")
HERE: tuple[Where, ...] = ("in_app", "archived")
"""What is on this machine."""
Format = Literal["md", "html", "json"]
FORMATS: tuple[Format, ...] = ("md", "html", "json")
LATEST = 253_402_300_799
"""The last second of the year 9999: no calendar here goes beyond."""


@dataclass(frozen=True)
class Chat:
    """A chat as lists show it."""

    id: str
    """Of a chat at a server: the agent's id, a slash, and the server's id."""
    where: Where
    agent_id: str
    """Empty for a hosted chat of which nobody knows which agent it belongs to."""
    agent_name: str
    """What people see; empty where the agent is no longer there."""
    title: str | None
    created_at: datetime
    updated_at: datetime
    """Of its last item. Neither the API nor a server tells it: of a chat there it is `created_at`."""
    items: int | None = None
    """None: not known without asking for all of them."""
    user: str = ""
    """Whose hosted chat it is; empty for one of the app's own."""
    copied_at: datetime | None = None
    """When an archived chat was last copied."""
    gone: bool = False
    """An archived chat that OpenAI no longer had when it was last looked for."""
    server: str = ""
    """The host of the server that the chat is at."""

    @property
    def thread_id(self) -> str:
        """As its agent knows it."""
        return self.id.partition("/")[2] if self.where == "server" else self.id

    @property
    def read_only(self) -> bool:
        """Whether its title can't be changed."""
        return self.where not in ("in_app", "server")

    def wire(self) -> dict[str, Any]:
        """For a page and for `--json`: times as ISO 8601 in UTC."""
        return {
            "id": self.id,
            "thread_id": self.thread_id,
            "where": self.where,
            "server": self.server,
            "agent": {"id": self.agent_id, "name": self.agent_name},
            "title": self.title,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "items": self.items,
            "user": self.user,
            "copied_at": iso(self.copied_at) if self.copied_at else None,
            "gone": self.gone,
            "read_only": self.read_only,
        }


@dataclass(frozen=True)
class Chats:
    """A page of a list, newest first; `after` asks for the next one, None at the end."""

    data: tuple[Chat, ...]
    after: str | None = None


@dataclass(frozen=True)
class Found:
    """A chat that a search found: by its title (`item_id` is None), or by the newest message that matches."""

    chat: Chat
    title: Passage
    item_id: str | None = None
    passage: Passage | None = None

    def wire(self) -> dict[str, Any]:
        """For a page: the chat, and its passages with the matches in JavaScript's units."""
        return {
            "chat": self.chat.wire(),
            "title": self.title.wire(),
            "item_id": self.item_id,
            "passage": self.passage.wire() if self.passage else None,
        }


@dataclass(frozen=True)
class Item:
    """One entry of a chat, nothing left out. `kind` is its type without OpenAI's prefix: `user_message`,
    `assistant_message`, `widget`, `client_tool_call`, `task`, `task_group`, `workflow`, `generated_image`, …"""

    id: str
    kind: str
    created_at: datetime | None
    raw: dict[str, Any]
    """As the API or the store of the app has it."""
    parent: str | None = None
    """In a chat with versions, the item it was said after."""


@dataclass(frozen=True)
class Items:
    """A page of a chat's items, oldest first; `after` asks for the next one, None at the end."""

    data: tuple[Item, ...]
    after: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far a long job is. `total` None: still counting; `seconds_left` None: nothing to judge by yet."""

    done: int
    total: int | None = None
    title: str = ""
    """Of the chat that is next."""
    seconds_left: float | None = None

    def wire(self) -> dict[str, Any]:
        """For a page."""
        left = None if self.seconds_left is None else round(self.seconds_left)
        return {"done": self.done, "total": self.total, "title": self.title[:200], "seconds_left": left}


Tell = Callable[[Progress], object]
"""Is told how far a job is, on the thread that does it."""


@dataclass(frozen=True)
class Deletion:
    """What was deleted, and what could not be, with the reason. Ids."""

    deleted: tuple[str, ...] = ()
    failed: tuple[tuple[str, AppError], ...] = ()


@dataclass(frozen=True)
class Exported:
    """What an export did. `error` is what ended it early, or the first failure of one chat; None: all is well."""

    out: Path
    """The file or the folder that was written."""
    total: int = 0
    written: int = 0
    unchanged: int = 0
    """Chats whose file from an earlier export into this folder still says what the chat says."""
    failed: int = 0
    files: tuple[tuple[str, Path], ...] = ()
    """(id of the chat, its file) of the first `MOST_NAMED`."""
    cancelled: bool = False
    error: AppError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None and not self.cancelled


MOST_NAMED = 1000


@dataclass(frozen=True)
class Archived:
    """What an archive run did. `error` is what ended it early, or the first failure of one chat; None: all is well."""

    total: int = 0
    written: int = 0
    unchanged: int = 0
    vanished: int = 0
    """Deleted at OpenAI while the run went on."""
    failed: int = 0
    cancelled: bool = False
    error: AppError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None and not self.cancelled

    @property
    def ended(self) -> AppError | None:
        """What ended the run; None where it went through and at most single chats failed."""
        seen = self.written + self.unchanged + self.vanished + self.failed
        return self.error if self.error is not None and (seen < self.total or not self.failed) else None


def iso(moment: datetime) -> str:
    """`2026-11-20T12:00:00Z`; the fraction of a second where there is one."""
    return moment.isoformat().replace("+00:00", "Z")
