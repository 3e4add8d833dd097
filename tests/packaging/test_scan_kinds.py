"""What packaging refuses to hand out: every kind of secret, however it is written down, named or packed away."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.packaging import agents
from desktop.packaging.errors import SecretFound
from desktop.packaging.scan import found_in, scan
from desktop.settings.secret_shapes import is_secret
from tests.packaging.makers import Maker

HEX = "0123456789abcdef"
AWS = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzq81KEYabc"
JWT = f"eyJhbGciOiJIUzI1NiJ9.{'eyJzdWIiOiIxMjM0NTY3ODkwIn0'}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY = "sk-proj-0123456789abcdefghijABCDEFGHIJ"

TOKENS = [
    JWT,
    f"rk_live_{HEX}{HEX}",
    f"sk_live_{HEX}{HEX}",
    f"whsec_{HEX}{HEX}",
    f"hf_{'AbCdEfGhIj' * 4}"[:37],
    f"ghp_{HEX}{HEX}",
    f"github_pat_{HEX}_{HEX}",
    f"glpat-{HEX}{HEX}",
    f"xoxb-123456789012-{HEX}",
    f"npm_{HEX}{HEX}{HEX}"[:40],
    f"pypi-AgEIcHlwaS5vcmc{HEX * 4}",
    f"gsk_{HEX * 3}",
    f"xai-{HEX * 4}",
    f"nvapi-{HEX * 4}",
    f"SG.{HEX}abcdef.{HEX}{HEX}",
    f"AIza{HEX}{HEX}abc",
    f"dapi{HEX}{HEX}",
    "ASIAIOSFODNN7EXAMPLE",
    f"dop_v1_{HEX * 4}",
    f"shpat_{HEX}{HEX}",
    f"lsv2_pt_{HEX}{HEX}_0123456789",
    f"123456789:AA{HEX}{HEX}a",
    "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnop01234567",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "-----BEGIN RSA PRIVATE KEY-----",
    "PuTTY-User-Key-File-3: ssh-ed25519",
    "Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==",
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={HEX * 4}==",
    "postgres://app:hunter22@db.internal/app",
]


@pytest.mark.parametrize("token", TOKENS)
def test_checklist_44_a_token_is_known_by_its_shape_wherever_it_stands(token: str) -> None:
    for text in (token, f"x = [{token!r}]\n", f"# see {token}", f"a,b,{token},c"):
        assert found_in(text.encode()) is not None
        assert found_in(text.encode(), "fern.py") is not None
    assert is_secret(token) or token.startswith(("PuTTY", "Default"))


@pytest.mark.parametrize(
    "line",
    [
        f"API_TOKEN={HEX}",
        f"export API_TOKEN={HEX}",
        f"  API_TOKEN = {HEX}  # the team's",
        f"AWS_SECRET_ACCESS_KEY={AWS}",
        f"aws_secret_access_key = {AWS}",
        "DB_PASSWORD=hunter22",
        "PASSWORD=correcthorsebatterystaple",
        "DJANGO_SECRET_KEY=django-insecure-k3y0123456789",
        f"token: {HEX}",
        f"- api_key: {HEX}",
        f'"private_token": "{HEX}"',
        f'{{"a": 1, "bot_token": "{HEX}"}}',
        f"set CLIENT_SECRET={HEX}",
        f"ENV API_KEY={HEX}",
        f"spring.datasource.password={HEX}",
        f"MY_API_KEY_PROD={HEX}",
        f"//registry.example/:_authToken={HEX}",
        f"machine:password={HEX}",
        f"tool --api-key {HEX} run",
        f"tool --access-token={HEX} run",
        f"curl -H 'X-Api-Key: {HEX}' https://a.example",
        f"<add><password>{HEX}</password></add>",
        f"#API_TOKEN={HEX}",
    ],
)
def test_checklist_44_a_value_under_a_telling_name_needs_no_quotes(line: str) -> None:
    for text in (line, f"a=1\r\n{line}\r\nb=2"):
        assert found_in(text.encode()) is not None, text
        assert found_in(text.encode("utf-16")) is not None, text


def test_checklist_44_a_whole_env_may_stand_in_pythons_text(tmp_path: Path) -> None:
    code = f'import os\n\nENV = """\nNAME=fern\nAPI_TOKEN={HEX}\n"""\n'
    assert found_in(code.encode(), "fern.py") == 3
    assert found_in(f"# API_TOKEN={HEX}\n".encode(), "fern.py") == 1


@pytest.mark.parametrize(
    "secret", [KEY, f"API_TOKEN={HEX}", JWT, "-----BEGIN RSA PRIVATE KEY-----\nabc", f"a: 1\npassword: {HEX}"]
)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_checklist_44_base64_hides_nothing(secret: str, encode: Callable[[bytes], bytes]) -> None:
    packed = encode(secret.encode()).decode()
    for text in (packed, f'data = "{packed}"', f"fern: {packed.rstrip('=')}\n"):
        assert found_in(text.encode()) is not None


@pytest.mark.parametrize(
    "line",
    [
        "API_TOKEN=",
        "API_TOKEN=your-token-here",
        "API_TOKEN=<your token>",
        "API_TOKEN=${API_TOKEN}",
        "API_TOKEN=xxxxxxxxxxxxxxxx",
        "API_KEY=changeme",
        "TOKEN_URL=https://login.example/oauth/token1",
        "SECRET_FILE=/run/secrets/app1",
        "max_tokens: 128000",
        '"max_output_tokens": "agent_run.incomplete.max_output_tokens"',
        "api_key=settings.api_key2",
        "token = tokens[0]",
        "    token=token2,",
        "self.password = hashed_password1",
        "password = getpass.getpass('Password1: ')",
        "secret: none",
        "passwords: hunter22 is a bad one",
        "The token: abc",
        "sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk'",
    ],
)
def test_places_where_a_secret_would_stand_are_none(line: str) -> None:
    assert found_in(line.encode(), "fern.py" if "self" in line or "token2" in line else "") is None


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "prod.env",
        ".ENV",
        ".envrc",
        "id_rsa",
        "id_ed25519",
        "server.pem",
        "fern.p12",
        "fern.pfx",
        "tls.key",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "credentials.json",
        ".git-credentials",
        "client_secret_123.apps.json",
        "service-account.json",
        "secrets.yaml",
        "fern.kdbx",
        "terraform.tfstate",
        ".bash_history",
        ".aws/credentials",
        ".ssh/known_hosts",
        ".git/config",
        ".docker/config.json",
    ],
)
def test_checklist_44_a_file_that_is_there_for_secrets_is_refused_by_its_name(maker: Maker, name: str) -> None:
    maker.agent()
    path = maker.folder / "agents" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("nothing to see\n")
    maker.set("package", files=["agents/**/*"])
    with pytest.raises(SecretFound) as caught:
        agents.files(maker.plan())
    assert f"agents/{name} is a file that is there to hold keys" in caught.value.message


@pytest.mark.parametrize(
    "name", [".env.example", "id_rsa.pub", "cacert.pem", "environment.txt", "tokenizer.json", "keys.md"]
)
def test_what_only_looks_like_such_a_file_goes_along(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    scan([path], tmp_path)


# --- archives -----------------------------------------------------------------------------------


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("read.txt", "words")
        archive.writestr(name, data)
    return out.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


PACKERS: dict[str, Callable[[str, bytes], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda name, data: gzip.compress(tarred(name, data)),
    "tar.bz2": lambda name, data: bz2.compress(tarred(name, data)),
    "tar.xz": lambda name, data: lzma.compress(tarred(name, data)),
    "gz": lambda _name, data: gzip.compress(data),
    "zip in tar.gz": lambda name, data: gzip.compress(tarred("fern-1.0.whl", zipped(name, data))),
    "zip after a program": lambda name, data: b"#!/bin/sh\nexit\n" + zipped(name, data),
}


@pytest.mark.parametrize("packer", PACKERS)
def test_checklist_44_archives_are_looked_into_whatever_they_are_called(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(PACKERS[packer]("a/notes.txt", b"fern\n"))
    scan([path], tmp_path)
    path.write_bytes(PACKERS[packer]("a/notes.txt", f"one\nAPI_TOKEN={HEX}\n".encode()))
    with pytest.raises(SecretFound) as caught:
        scan([path], tmp_path)
    assert "model.bin" in caught.value.message
    assert ", line " in caught.value.message
    assert HEX not in caught.value.message


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "gz"])
def test_checklist_44_names_in_archives_count_too(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(PACKERS[packer]("app/.env", b"x"))
    with pytest.raises(SecretFound):
        scan([path], tmp_path)


@pytest.mark.parametrize(
    "data", [b"7z\xbc\xaf\x27\x1c0000", b"Rar!\x1a\x070000", b"\x28\xb5\x2f\xfd0000"], ids=["7z", "rar", "zst"]
)
def test_checklist_44_what_can_not_be_looked_into_does_not_go_along(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    with pytest.raises(SecretFound, match="can't be looked into"):
        scan([path], tmp_path)


def test_checklist_44_an_archive_that_is_closed_with_a_password_or_cut_does_not_go_along(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    whole = bytearray(zipped("a.txt", b"words"))
    for at in (whole.find(b"PK\x03\x04") + 6, whole.find(b"PK\x01\x02") + 8):
        whole[at] |= 1  # "encrypted"
    path.write_bytes(bytes(whole))
    with pytest.raises(SecretFound, match="can't be looked into"):
        scan([path], tmp_path)
    path.write_bytes(gzip.compress(b"words" * 1000)[:-30])
    with pytest.raises(SecretFound, match="can't be looked into"):
        scan([path], tmp_path)


def test_a_bomb_of_an_archive_is_not_opened_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(gzip.compress(b"\0" * (450 << 20), 1))
    with pytest.raises(SecretFound, match="more than 400 MB"):
        scan([path], tmp_path)


@given(st.binary(max_size=400), st.text(max_size=100))
def test_whatever_is_in_a_file_it_is_looked_through(data: bytes, text: str) -> None:
    found_in(data, "a.py")
    found_in(text.encode("utf-8", "replace"))
