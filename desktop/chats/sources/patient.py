"""A client for long jobs: waits as long as the API asks, retries temporary failures, and can be cancelled.

Knows neither threads nor files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import random as random_number
from typing import Any, Unpack

from desktop.common.errors import AppError
from desktop.openai_api.client import WORTH_RETRYING, AnswerTooLarge, RequestOptions, Requests, with_retries
from desktop.openai_api.errors import BadAnswer, TimedOut

RETRIES = 8
BAD_ANSWERS = 2
"""Times that an answer which could not be understood is asked for again: it may have been cut off."""
PATIENCE = 600.0
"""Seconds a long job waits where the API asks for it: nobody sits in front of it."""


class CancelledError(Exception):
    """The job was cancelled."""


class _GivenUpError(Exception):
    def __init__(self, error: AppError) -> None:
        super().__init__(error.code)
        self.error = error


class Patient:
    """Requests as `openai_api.client.Requests`; raises CancelledError once `cancel` is set."""

    def __init__(self, client: Requests, cancel: threading.Event, random: Callable[[], float] = random_number) -> None:
        self._client = client
        self._cancel = cancel
        self._random = random

    @property
    def host(self) -> str:
        return self._client.host

    def request(self, method: str, path: str, **options: Unpack[RequestOptions]) -> dict[str, Any]:
        once: RequestOptions = {**options, "retries": 0, "on_retry": None}
        retries = options.get("retries")
        bad = 0

        def attempt() -> dict[str, Any]:
            nonlocal bad
            if self._cancel.is_set():
                raise CancelledError
            try:
                return self._client.request(method, path, **once)
            except BadAnswer as error:
                bad += 1
                if isinstance(error, AnswerTooLarge) or bad > BAD_ANSWERS:
                    raise _GivenUpError(error) from None
                raise

        given_up: AppError
        try:
            return with_retries(
                attempt,
                retries=RETRIES if retries is None else retries,
                sleep=self._cancel.wait,
                random=self._random,
                patience=PATIENCE,
                worth=(*WORTH_RETRYING, TimedOut, BadAnswer),
                on_retry=options.get("on_retry"),
            )
        except _GivenUpError as gave_up:
            given_up = gave_up.error
        raise given_up
