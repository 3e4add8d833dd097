"""Certificates for the stand-ins: an authority that lives in memory, and the ways a certificate can be wrong."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any, Literal

import trustme

Kind = Literal["good", "self_signed", "wrong_host", "expired", "not_yet_valid"]
KINDS: tuple[Kind, ...] = ("good", "self_signed", "wrong_host", "expired", "not_yet_valid")


class Authority:
    """Issues server certificates; `write(path)` gives the file that a client has to trust."""

    def __init__(self) -> None:
        self._ca: Any = trustme.CA()

    def write(self, path: Path) -> Path:
        path.write_bytes(self._ca.cert_pem.bytes())
        return path

    def context(self, kind: Kind = "good", *hosts: str) -> ssl.SSLContext:
        """A server's TLS context for `hosts` (default: loopback's names)."""
        names = hosts or ("localhost", "127.0.0.1", "::1")
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        ca = trustme.CA() if kind == "self_signed" else self._ca  # an authority nobody knows
        if kind == "wrong_host":
            cert = ca.issue_cert("another.test")
        elif kind == "expired":
            cert = ca.issue_cert(*names, not_before=now - 30 * day, not_after=now - 2 * day)
        elif kind == "not_yet_valid":
            cert = ca.issue_cert(*names, not_before=now + 2 * day, not_after=now + 30 * day)
        else:
            cert = ca.issue_cert(*names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert.configure_cert(context)
        return context
