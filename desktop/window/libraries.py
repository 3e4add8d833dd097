"""Loads a shared library while the interpreter goes on. Knows no engine."""

from __future__ import annotations

import os


def load_library(name: str) -> None:
    """By its name or path; nothing happens where there is none, and whoever imports it says so.

    Python holds the interpreter's lock while it loads a library; while a function of C's own runs it does not.
    """
    import ctypes

    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    load(os.fsencode(name), os.RTLD_LAZY)
