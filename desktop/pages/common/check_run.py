"""The course of every check before saving: draft, prove, save. One at a time; cancelled by its number.

Used for hosted workflows (`first_check.py`), endpoints (`endpoint_check.py`) and servers. Knows no page, and makes no
requests itself.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from desktop.common.errors import AppError, BadParams, Described, Phrase
from desktop.openai_api.errors import NetworkError
from desktop.settings.errors import SettingsInvalid

if TYPE_CHECKING:
    from desktop.common.errors import Catalogue

Keep = Literal["keyring", "session"]
"""Where to keep a key."""

D = TypeVar("D")
P = TypeVar("P")


class Closes(Protocol):
    """Something a run waits on. Closing it from another thread ends the wait (`openai_api.client.ApiClient`)."""

    def close(self) -> None: ...


class FieldError(SettingsInvalid):
    """A problem in one sentence, without "the setting … is invalid" around it, since it is shown at its field."""

    def __init__(self, name: str, problem: object) -> None:
        super().__init__(name=name, problem=problem)

    def describe(self, texts: Catalogue) -> Described:
        """Only the problem."""
        problem = self.values["problem"]
        message = problem.spell(texts) if isinstance(problem, Phrase) else str(problem)
        if self.said:
            message = texts.get("common.with_words", message=message, said=self.said)
        return {**super().describe(texts), "message": message, "hint": ""}


@dataclass(frozen=True)
class Outcome:
    """The result of a run: done (no error, not cancelled), failed, or cancelled."""

    error: AppError | None = None
    cancelled: bool = False
    can_save: bool = False
    """Whether to offer saving without a check: only if no answer came back, never after a refusal."""


class CheckRuns(ABC, Generic[D, P]):
    """One check at a time. `D`: the draft, which is what was typed, in its final form; equal drafts make equal
    requests. `P`: the proof that it works. `background` runs work nobody waits for."""

    unanswered: tuple[type[AppError], ...] = (NetworkError,)
    """Errors that don't mean the draft is wrong, so it may be saved unchecked."""

    def __init__(self, background: Callable[[Callable[[], None]], None] | None = None) -> None:
        self._background = background or _in_thread
        self._lock = threading.Lock()
        self._current: _Run | None = None
        self._unreached: D | None = None
        self._unsaved: tuple[D, P | None] | None = None

    @abstractmethod
    def prove(self, draft: D, uses: Callable[[Closes], object] = lambda _client: None) -> P:
        """Ask the API whether `draft` works. `uses` gets the client before it is used. Raises AppError."""

    @abstractmethod
    def save(self, draft: D, proof: P | None, keep: Keep) -> None:
        """Save it. `proof` is None if it was not checked. Raises KeyStoreError, SettingsError."""

    def discard(self, proof: P) -> None:
        """End whatever a proof left at the API. Never blocks."""

    def look(self, number: int, wanted: Callable[[], D]) -> Outcome:
        """Draft and prove without saving. Can be cancelled and raises like `run`."""
        return self._alone(number, lambda run: self._look(run, wanted()))

    def run(self, number: int, wanted: Callable[[], D], keep: Keep, *, unchecked: bool = False) -> Outcome:
        """Draft, prove and save. `number` identifies the run for `cancel`.

        `unchecked` skips the proof, but only right after the same draft failed with an error in `unanswered`. If only
        the keyring refused, the next run of the same draft saves without asking the API again. Raises BadParams while
        another run is going.
        """
        return self._alone(number, lambda run: self._go(run, wanted, keep, unchecked))

    def _alone(self, number: int, act: Callable[[_Run], None]) -> Outcome:
        run = _Run(number)
        with self._lock:
            if self._current is not None:
                raise BadParams(problem="a check is under way")
            self._current = run
        try:
            act(run)
        except _Stopped:
            return Outcome(cancelled=True)
        except AppError as error:
            return (
                Outcome(cancelled=True) if run.stopped else Outcome(error, can_save=isinstance(error, self.unanswered))
            )
        finally:
            with self._lock:
                if self._current is run:
                    self._current = None
        return Outcome()

    def _look(self, run: _Run, draft: D) -> None:
        proof = self._proof_for(run, draft)
        if proof:
            self.discard(proof)

    def _go(self, run: _Run, wanted: Callable[[], D], keep: Keep, unchecked: bool) -> None:
        unsaved, self._unsaved = self._unsaved, None
        unreached, self._unreached = self._unreached, None
        draft: D | None = None
        try:
            draft = wanted()
        finally:
            if unsaved and unsaved[0] != draft and unsaved[1]:
                self.discard(unsaved[1])
        proof: P | None
        if unsaved and unsaved[0] == draft:
            proof = unsaved[1]
        elif unchecked and unreached == draft:
            proof = None
        else:
            proof = self._proof_for(run, draft)
        with self._lock:
            run.saving = not run.stopped
        if not run.saving:
            if proof:
                self.discard(proof)
            raise _Stopped()
        try:
            self.save(draft, proof, keep)
        except AppError:
            self._unsaved = (draft, proof)
            raise

    def _proof_for(self, run: _Run, draft: D) -> P:
        try:
            return self.prove(draft, run.uses)
        except self.unanswered:
            with self._lock:
                if not run.stopped:
                    self._unreached = draft
            raise

    def cancel(self, number: int) -> bool:
        """Cancel the run of that number; another one may start at once. False if it was already saving, or over.

        A waiting request is abandoned. Anything it still creates is cancelled in the background.
        """
        with self._lock:
            run = self._current
            if run is None or run.number != number or run.saving:
                return False
            run.stopped = True
            self._current = None
        if run.client is not None:
            self._background(run.client.close)
        return True

    def gone(self) -> None:
        """The page is gone: end a running check without saving, and discard what waited to be saved. Never blocks."""
        with self._lock:
            run = self._current
            unsaved, self._unsaved = self._unsaved, None
        if run is not None:
            self.cancel(run.number)
        if unsaved and unsaved[1]:
            self.discard(unsaved[1])


class _Run:
    """One run: whether it was cancelled, whether it is too late for that, and the client it waits on."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.stopped = False
        self.saving = False
        self.client: Closes | None = None

    def uses(self, client: Closes) -> None:
        self.client = client


class _Stopped(Exception):
    """The person cancelled."""


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="end a check", daemon=True).start()
