"""Keys and other secrets: in the operating system's keyring, or in memory for this session; never in a file.

`access` reads and saves them, `shape` knows what a key looks like, `stores` has the two places, `system` decides which
keyring to trust. A key belongs to a profile and an origin, and goes nowhere else.
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
