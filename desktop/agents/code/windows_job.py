"""A Windows job object: its processes end together, at the latest with the app.

Run on CPython for Windows under wine, not on Windows itself.
"""

from __future__ import annotations

import ctypes
import subprocess
import threading
from functools import cache
from typing import Any

KILL_ON_JOB_CLOSE = 0x2000
EXTENDED_LIMIT_INFORMATION = 9
ENDED = 1
"""The exit code of processes ended by a job."""
FLAGS = 0x08000000 | 0x00000200 | 0x00000004
"""For `Popen`: no console window, a new process group, suspended (CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP,
CREATE_SUSPENDED)."""


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


class Job:
    """A process and everything it starts, ended together by `end`, or whenever this process ends.

    `process` was started suspended, with `FLAGS`, and is resumed here, so that nothing escapes the job. Raises OSError.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._guard = threading.Lock()
        self._job = None
        kernel = _kernel()
        self._job = kernel.CreateJobObjectW(None, None)
        limits = _Extended()
        limits.BasicLimitInformation.LimitFlags = KILL_ON_JOB_CLOSE
        size = ctypes.sizeof(limits)
        handle = int(process._handle)  # type: ignore[attr-defined]
        if (
            not self._job
            or not kernel.SetInformationJobObject(self._job, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size)
            or not kernel.AssignProcessToJobObject(self._job, handle)
            or _ntdll().NtResumeProcess(handle) < 0
        ):
            code = ctypes.get_last_error()  # type: ignore[attr-defined]
            process.kill()
            self.end()
            raise OSError(code, "no job object")

    def end(self) -> None:
        """End everything still running, at once, and close the handle. A second call does nothing."""
        with self._guard:
            job, self._job = self._job, None
        if job:
            _kernel().TerminateJobObject(job, ENDED)
            _kernel().CloseHandle(job)


@cache
def _kernel() -> Any:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    handle = ctypes.c_void_p
    kernel.CreateJobObjectW.restype = handle
    kernel.CreateJobObjectW.argtypes = [handle, ctypes.c_wchar_p]
    kernel.SetInformationJobObject.argtypes = [handle, ctypes.c_int, handle, ctypes.c_uint32]
    kernel.AssignProcessToJobObject.argtypes = [handle, handle]
    kernel.TerminateJobObject.argtypes = [handle, ctypes.c_uint32]
    kernel.CloseHandle.argtypes = [handle]
    return kernel


@cache
def _ntdll() -> Any:
    # Python only keeps the process's handle. The documented ResumeThread needs its thread's handle, which Python has
    # closed by then.
    ntdll = ctypes.WinDLL("ntdll")  # type: ignore[attr-defined]
    ntdll.NtResumeProcess.argtypes = [ctypes.c_void_p]
    ntdll.NtResumeProcess.restype = ctypes.c_long
    return ntdll
