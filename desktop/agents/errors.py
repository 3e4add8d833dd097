"""Errors that keep an agent in the app from answering."""

from __future__ import annotations

from desktop.common.errors import AgentError


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
    """An agent needs approval, but nobody can be asked. values: problem (what it asks about)."""

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


class AnswerUnderWay(AgentError):
    """Another version is asked for of a chat in which an answer is being written."""

    code = "answer_under_way"
    retryable = True


class ModelEnds(AgentError):
    """values: model, day (its last, as YYYY-MM-DD)."""

    code = "model_ends"


class DictationNotSet(AgentError):
    code = "dictation_not_set"
