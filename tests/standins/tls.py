"""Certificates for the stand-ins: an authority that lives in memory, and the ways a certificate can be wrong."""

from __future__ import annotations

import datetime
import ssl
import tempfile
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Kind = Literal["good", "self_signed", "unknown_authority", "wrong_host", "expired", "not_yet_valid"]
KINDS: tuple[Kind, ...] = ("good", "self_signed", "unknown_authority", "wrong_host", "expired", "not_yet_valid")


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
        ca = trustme.CA() if kind == "unknown_authority" else self._ca
        if kind == "self_signed":
            return _self_signed(names)
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


def _self_signed(names: Sequence[str]) -> ssl.SSLContext:
    """A certificate that is its own authority, as `openssl req -x509` makes one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [host for host in names if host.replace(".", "").isdigit() or ":" in host]
    hosts: list[x509.GeneralName] = [x509.DNSName(host) for host in names if host not in addresses]
    hosts += [x509.IPAddress(ip_address(host)) for host in addresses]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "server.pem")
        file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(file)
    return context
