"""What every key store promises, as functions that take an empty store. Runs in any process."""

from __future__ import annotations

import json
from collections.abc import Callable

from desktop.keys import KeyStore

AWKWARD = (
    "",
    " ",
    " leading and trailing ",
    "line\nbreak\r\n\ttab",
    "quote\" ' back\\slash {brace} %s",
    "clé · ключ · 鍵 · مفتاح · 🔑 · e\u0301 · \u202eright to left",
    "\x00nul\x7f",
    "x" * 20_000,
)
"""Values that a store must give back as they were."""


def a_missing_entry_is_none(store: KeyStore) -> None:
    assert store.get("missing") is None


def what_is_set_comes_back(store: KeyStore) -> None:
    store.set("entry", "secret")
    assert store.get("entry") == "secret"


def setting_again_replaces(store: KeyStore) -> None:
    store.set("entry", "old")
    store.set("entry", "new")
    assert store.get("entry") == "new"
    store.delete("entry")
    assert store.get("entry") is None


def deleting_makes_it_missing(store: KeyStore) -> None:
    store.set("entry", "secret")
    store.delete("entry")
    assert store.get("entry") is None


def deleting_what_is_missing_is_fine(store: KeyStore) -> None:
    store.delete("missing")


def entries_do_not_touch_each_other(store: KeyStore) -> None:
    store.set("default|https://api.openai.com", "one")
    store.set("default|https://api.openai.com.evil", "two")
    store.set("work|https://api.openai.com", "three")
    store.delete("default|https://api.openai.com")
    assert store.get("default|https://api.openai.com") is None
    assert store.get("default|https://api.openai.com.evil") == "two"
    assert store.get("work|https://api.openai.com") == "three"


def awkward_values_come_back_as_they_were(store: KeyStore) -> None:
    for number, value in enumerate(AWKWARD):
        store.set(f"entry {number}", value)
        assert store.get(f"entry {number}") == value, f"value {number}"
        store.delete(f"entry {number}")
        assert store.get(f"entry {number}") is None, f"value {number}"


def awkward_names_are_told_apart(store: KeyStore) -> None:
    names = ("é|http://[::1]:8000", "e\u0301|http://[::1]:8000", "*", "%", "a|b", "a|b ", "🔑")
    for name in names:
        store.set(name, f"of {name}")
    for name in names:
        assert store.get(name) == f"of {name}"


CONTRACT: tuple[Callable[[KeyStore], None], ...] = (
    a_missing_entry_is_none,
    what_is_set_comes_back,
    setting_again_replaces,
    deleting_makes_it_missing,
    deleting_what_is_missing_is_fine,
    entries_do_not_touch_each_other,
    awkward_values_come_back_as_they_were,
    awkward_names_are_told_apart,
)


def hold_to_contract(make: Callable[[str], KeyStore]) -> None:
    """Prints `{promise: "kept" or what broke it}`; `make(name)` gives an empty store."""
    import traceback

    results = {}
    for promise in CONTRACT:
        try:
            promise(make(promise.__name__))
            results[promise.__name__] = "kept"
        except Exception:  # noqa: BLE001 - told to the test in the other process
            results[promise.__name__] = traceback.format_exc()
    print(json.dumps(results))
