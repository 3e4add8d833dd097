"""Loads a shared library without holding the interpreter's lock. Knows no engine."""

from __future__ import annotations

import os


def load_library(name: str) -> None:
    """Load a library by name or path. Does nothing if it is missing; importing it will report that.

    Python holds the interpreter's lock while it loads a library itself, but not while a C function runs.
    """
    import ctypes

    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    load(os.fsencode(name), os.RTLD_LAZY)
