"""Owns this process's hosted sessions: creates one in advance, one at a time, and cancels all of them at the end.

The page asks for a client secret when it starts and whenever the last one expires. Each request gets a secret never
given out before; returning the old one is the most common bug of ChatKit hosts. Knows no page.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Protocol

from desktop.common.errors import AppError, InternalError, PageGone
from desktop.keys.errors import KeyMissing
from desktop.settings.errors import AgentNotSet
from desktop.settings.origins import origin_of

if TYPE_CHECKING:
    from desktop.openai_api.client import ApiClient
    from desktop.openai_api.sessions import ChatSession
    from desktop.settings.layers import SettingsStore

log = logging.getLogger(__name__)

USABLE = 15.0
"""Seconds a secret created in advance must still be valid to be given out."""
STALE_FAILURE = 5.0
"""Seconds after which a failure nobody has seen yet is retried instead of shown."""
MINTING_SETTINGS = ("agents", "active_agent", "user_ids", "session", "network")
"""Settings whose change makes existing sessions useless."""


class ReadsKeys(Protocol):
    """The part of `keys.Keys` used here."""

    def read(self, origin: str) -> str | None: ...


class Counts(Protocol):
    """The part of `diagnostics.Counters` used here."""

    def add(self, name: str, amount: int = 1) -> None: ...
    def latency(self, name: str, seconds: float) -> None: ...


class Cancels(Protocol):
    """The part of `threading.Timer` used here."""

    def cancel(self) -> None: ...


class SessionKeeper:
    """Thread-safe. `timer(seconds, run)` starts a one-shot timer and returns an object with `cancel()`."""

    def __init__(
        self,
        settings: SettingsStore,
        keys: ReadsKeys,
        make_client: Callable[[str, str], ApiClient],
        counters: Counts,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        timer: Callable[[float, Callable[[], None]], Cancels] | None = None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._make_client = make_client
        self._counters = counters
        self._monotonic = monotonic
        self._today = today
        self._timer = timer or _timer
        self._lock = threading.Lock()
        self._minting: Future[ChatSession] | None = None
        self._generation = 0
        self._live: list[tuple[ApiClient, ChatSession]] = []
        self._client: tuple[tuple[str, str], ApiClient] | None = None
        self._ahead: Cancels | None = None
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._failed_at = 0.0
        settings.subscribe(self._on_settings)

    # --- what others ask for -----------------------------------------------------------------------

    def prefetch(self) -> None:
        """Start creating a session on its own thread, unless there is one or one is being created. Returns at once."""
        with self._lock:
            if self._closed:
                return
            if self._minting is not None and self._minting.done() and self._minting.exception() is not None:
                self._minting = None
            self._start()

    def client_secret(self, reason: str = "mount") -> tuple[str, int]:
        """A client secret never given out before, and when it expires (unix seconds).

        Waits for a session being created, or creates one.
        Raises AgentNotSet, KeyMissing, KeyStoreError, ApiError, NetworkError, PageGone (after `close`).
        """
        while True:
            with self._lock:
                if self._closed:
                    raise PageGone("no more sessions are minted")
                future = self._start()
                generation = self._generation
                lay = future.done()
                stale = lay and self._monotonic() - self._failed_at > STALE_FAILURE
            try:
                session = future.result()
            except AppError:
                self._drop(future)
                if stale or generation != self._generation:
                    continue  # it failed a while ago, or with outdated settings, so try again
                raise
            with self._lock:
                fresh = self._minting is future and generation == self._generation
                if fresh:
                    self._minting = None
            if not fresh:
                continue  # given to another request, or the settings have changed meanwhile
            if lay and session.life.left(self._monotonic()) < min(USABLE, session.life.seconds / 2):
                continue  # too old: it would expire while the page uses it
            log.info("a session was handed to the page (%s)", reason)
            self._plan_ahead(session)
            return session.client_secret, session.expires_at

    def adopt(self, session: ChatSession, client: ApiClient) -> None:
        """Take over a session a check has just created. The next request gets it without waiting."""
        future: Future[ChatSession] = Future()
        future.set_result(session)
        with self._lock:
            self._live.append((client, session))
            self._minting = future

    def forget(self) -> None:
        """Drop and cancel existing sessions, since the key, the agent or the user has changed. Returns at once."""
        with self._lock:
            live = self._reset()
            if live:
                self._run("cancel-sessions", self._cancel, live)

    def cancel_all(self, limit: float = 1.0) -> int:
        """Cancel every session. Waits at most `limit` seconds, also for one being created, which is cancelled too.
        Returns how many were cancelled in time. Others expire by themselves within ten minutes."""
        done: list[str] = []
        with self._lock:
            for pair in self._reset():
                self._run("cancel-session", self._cancel, [pair], done)
            threads = [thread for thread in self._threads if thread is not threading.current_thread()]
        end = self._monotonic() + limit
        for thread in threads:
            thread.join(max(0.0, end - self._monotonic()))
        return len(done)

    def close(self, limit: float = 1.0) -> None:
        """At exit: cancel all sessions, and create no more."""
        with self._lock:
            self._closed = True
        self.cancel_all(limit)

    def api(self) -> ApiClient:
        """A client for the active endpoint with its key; connections are shared and kept. Raises KeyMissing."""
        base = self._settings.current.network.api_base
        origin = origin_of(base)
        key = self._keys.read(origin)
        if key is None:
            raise KeyMissing(origin=origin)
        with self._lock:
            if self._client is None or self._client[0] != (base, key):
                self._client = ((base, key), self._make_client(base, key))
            return self._client[1]

    # --- inside ------------------------------------------------------------------------------------

    def _start(self) -> Future[ChatSession]:
        """The session being created or not yet given out; if there is none, a new one. Call with the lock held."""
        if self._minting is None:
            self._minting = Future()
            self._run("mint", self._mint, self._minting, self._generation)
        return self._minting

    def _run(self, name: str, target: Callable[..., None], *args: object) -> None:
        """Start a thread that `cancel_all` waits for. Call with the lock held."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=target, args=args, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _mint(self, future: Future[ChatSession], generation: int) -> None:
        started = self._monotonic()
        try:
            settings = self._settings.current
            agent = settings.workflow()
            if agent is None:
                raise AgentNotSet()
            user = self._settings.user_id(agent.id)
            from desktop.openai_api import sessions

            client = self.api()
            session = sessions.mint(client, settings, agent, user, today=self._today(), monotonic=self._monotonic)
        except AppError as error:
            self._failed_at = self._monotonic()
            future.set_exception(error)
            return
        except Exception as error:
            log.exception("minting failed")
            self._failed_at = self._monotonic()
            future.set_exception(InternalError(type(error).__name__))
            return
        self._counters.add("sessions_minted")
        self._counters.latency("mint", self._monotonic() - started)
        with self._lock:
            users = self._settings.current.user_ids
            forgotten = users.get(agent.id, user) != user
            stale = generation != self._generation or self._closed or forgotten
            if not stale:
                now = self._monotonic()
                self._live = [pair for pair in self._live if pair[1].life.left(now) > 0]
                self._live.append((client, session))
            elif self._minting is future:
                self._minting = None
        future.set_result(session)
        if stale:
            self._cancel([(client, session)])
        else:
            self._remember(agent.workflow_id)

    def _remember(self, workflow: str) -> None:
        """Record the day the workflow last worked, which tells one that is gone from one that never existed."""
        today = self._today().isoformat()
        if self._settings.current.workflow_worked.get(workflow) == today:
            return
        try:
            self._settings.update({f"workflow_worked.{workflow}": today})
        except AppError as error:
            log.warning("the day the workflow worked was not noted: %s", error.code)

    def _plan_ahead(self, session: ChatSession) -> None:
        """Create the next session shortly before this one expires. If nobody asks for it, no other follows, so an idle
        window stops creating sessions."""
        wait = session.life.renew_at - self._monotonic()
        with self._lock:
            if self._closed or self._minting is not None:
                return
            if self._ahead is not None:
                self._ahead.cancel()
            self._ahead = self._timer(max(0.0, wait), self.prefetch)

    def _drop(self, future: Future[ChatSession]) -> None:
        with self._lock:
            if self._minting is future:
                self._minting = None

    def _reset(self) -> list[tuple[ApiClient, ChatSession]]:
        """Forget everything. Returns the sessions still to be cancelled. Call with the lock held."""
        self._generation += 1
        self._minting = None
        self._client = None
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None
        live, self._live = self._live, []
        now = self._monotonic()
        return [pair for pair in live if pair[1].life.left(now) > 0]

    def _cancel(self, live: list[tuple[ApiClient, ChatSession]], done: list[str] | None = None) -> None:
        from desktop.openai_api import sessions

        for client, session in live:
            try:
                sessions.cancel(client, session.id)
            except AppError as error:
                log.info("a session was not cancelled and runs out by itself: %s", error.code)
                continue
            if done is not None:
                done.append(session.id)

    def _on_settings(self, names: frozenset[str]) -> None:
        touched = {name.split(".")[0] for name in names} & set(MINTING_SETTINGS)
        if not touched:
            return
        if touched == {"user_ids"}:
            # A user id created for the first session is not a change. A session being created is checked when it is
            # done.
            users = set(self._settings.current.user_ids.values())
            with self._lock:
                if all(session.user in users for _, session in self._live):
                    return
        self.forget()


def _timer(seconds: float, run: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, run)
    timer.daemon = True
    timer.start()
    return timer
