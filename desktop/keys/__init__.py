"""Where the key lives: the operating system's keyring, or this session's memory; never a file.

`shape` knows what a key looks like, `stores` the two places, `system` which keyring to trust,
`access` when to give up waiting. A key is kept per profile and origin and given to no other.
"""

from desktop.keys.access import PROXY_SECRET, Keys, KeyStatus
from desktop.keys.shape import OPENAI_ORIGIN, normalise_key
from desktop.keys.stores import KeyringStore, KeyStore, MemoryStore
from desktop.settings.origins import origin_of

__all__ = [
    "OPENAI_ORIGIN",
    "PROXY_SECRET",
    "KeyStatus",
    "KeyStore",
    "KeyringStore",
    "Keys",
    "MemoryStore",
    "normalise_key",
    "origin_of",
]
