"""A job object of Windows that ends what is in it when the app ends. Written from the documentation, not run here."""

from __future__ import annotations

import ctypes
import subprocess
from typing import Any

KILL_ON_JOB_CLOSE = 0x2000
EXTENDED_LIMIT_INFORMATION = 9

_jobs: list[Any] = []
"""Their handles stay open as long as the app lives: closing the last one ends what is in the job."""


class _Basic(ctypes.Structure):
    _fields_ = [
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    ]


class _Extended(ctypes.Structure):
    _fields_ = [
        ("BasicLimitInformation", _Basic),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    ]


def put_into_job(process: subprocess.Popen[bytes]) -> None:
    """From now on `process`, and what it starts, ends with this one. Raises OSError."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
    limits = _Extended()
    limits.BasicLimitInformation.LimitFlags = KILL_ON_JOB_CLOSE
    told = kernel.SetInformationJobObject(job, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), ctypes.sizeof(limits))
    handle = ctypes.c_void_p(int(process._handle))  # type: ignore[attr-defined]
    if not told or not kernel.AssignProcessToJobObject(job, handle):
        process.kill()
        raise OSError(ctypes.get_last_error(), "no job object")  # type: ignore[attr-defined]
    _jobs.append(job)
