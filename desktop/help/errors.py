"""What goes wrong with the help."""

from __future__ import annotations

from desktop.common.errors import AppError


class HelpTopicUnknown(AppError):
    """values: topic (as it was asked for), nearest (the topic or code that is most like it)."""

    code = "help_topic_unknown"
    exit_code = 2
