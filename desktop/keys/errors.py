"""Errors of keys and keyrings."""

from __future__ import annotations

from desktop.common.errors import AgentError, AppError


class KeyStoreError(AppError):
    pass


class KeyMissing(KeyStoreError):
    """values: origin."""

    code = "key_missing"


class KeyShape(KeyStoreError):
    """values: problem (a sentence in the user's language, or a `Phrase`)."""

    code = "key_shape"


class KeyringMissing(KeyStoreError):
    code = "keyring_missing"


class KeyringUnreached(KeyringMissing):
    """There may be a keyring, but the session bus to reach it is missing. values: command (provides a bus)."""

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


class McpSecretMoved(AgentError):
    """values: server."""

    code = "mcp_secret_moved"
