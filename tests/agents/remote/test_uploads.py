"""Files to a ChatKit server: two phases, over the app's own client, to an address that the page never learns of."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.agents.remote import forms
from desktop.agents.remote.bounds import Bounds
from desktop.agents.remote.errors import ServerElsewhere, ServerRefused, ServerTokenWanted, ServerUploadUnnamed
from desktop.agents.remote.exchange import Line
from desktop.agents.remote.target import Target
from desktop.agents.remote.uploads import Uploads
from desktop.agents.store.errors import AttachmentDamaged
from desktop.common.errors import BadParams
from desktop.openai_api import own_network
from desktop.openai_api.transport import Endpoint, build_async, tls_context
from desktop.settings.origins import is_own_address
from tests.agents.remote.conftest import TOKEN, Team
from tests.agents.remote.test_host import said
from tests.standins.chatkit_server import ChatKitStandIn
from tests.standins.raw import RawServer
from tests.standins.tls import Authority

Make = Callable[..., Team]
PICTURE = bytes(range(256)) * 9000


def upload(team: Team, data: bytes = PICTURE, part: int = 1_000_000) -> dict[str, Any]:
    remote = team.host.remote
    name = remote.upload_begin(team.agent, "note.txt", "text/plain", len(data))
    for offset in range(0, len(data), part):
        remote.upload_part(name, offset, data[offset : offset + part])
    return remote.upload_end(name)


def test_a_file_goes_to_the_server_with_the_token_and_then_with_a_message(server: ChatKitStandIn, team: Make) -> None:
    server.token = TOKEN
    one = team(attachments=True)
    one.keep(TOKEN)
    made = upload(one)
    assert server.files[made["id"]] == PICTURE
    assert made["upload_descriptor"] is None
    sent = server.heard[-1]["headers"]
    assert sent["x-upload"] == "yes"
    assert sent["content-length"] == str(len(PICTURE))
    assert sent["host"] == f"127.0.0.1:{server.port}"
    heard = one.page.say("See this", attachments=(made["id"],))
    assert f"With note.txt ({len(PICTURE)})." in said(heard)


def test_checklist_31_another_origin_gets_the_file_and_not_the_token(server: ChatKitStandIn, team: Make) -> None:
    with ChatKitStandIn() as store:
        server.token, server.uploads_to = TOKEN, store.origin
        one = team(headers={"X-Team": "blue"})
        one.keep(TOKEN)
        with pytest.raises(ServerElsewhere):  # http, even on this computer, is not where a server sends files
            upload(one)
        assert store.heard == []


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://bucket.example.com/a?signature=1", True),
        ("http://bucket.example.com/a", False),
        ("https://me:pw@bucket.example.com/a", False),
        ("https://127.0.0.1/a", False),
        ("https://localhost:8443/a", False),
        ("ftp://bucket.example.com/a", False),
        ("https:///a", False),
        ("https://[::1", False),
    ],
)
def test_checklist_31_where_a_server_may_send_files(url: str, allowed: bool) -> None:
    target = Target("https://chat.example.com/chatkit", {"X-Team": "blue"}, "Authorization", TOKEN)
    asked = {"x-amz-acl": "private", "Host": "evil", "Content-Type": "image/png", "X-Bad": "a\nb"}
    if not allowed:
        with pytest.raises(ServerElsewhere):
            target.upload(url, asked)
        return
    headers = target.upload(url, asked)
    assert {name: value for name, value in headers.items() if name != "User-Agent"} == {
        "x-amz-acl": "private",
        "Content-Type": "image/png",
    }
    own = target.upload("https://chat.example.com/files/1", {})
    assert own["Authorization"] == f"Bearer {TOKEN}"


def test_a_file_that_is_not_whole_is_refused(server: ChatKitStandIn, team: Make) -> None:
    one = team()
    remote = one.host.remote
    name = remote.upload_begin(one.agent, "a.txt", "text/plain", 10)
    with pytest.raises(AttachmentDamaged):
        remote.upload_part(name, 5, b"12345")
    remote.upload_part(name, 0, b"12345")
    with pytest.raises(AttachmentDamaged):
        remote.upload_end(name)
    with pytest.raises(BadParams):
        remote.upload_end(name)
    assert server.files == {}


def test_a_server_that_takes_no_token_for_the_file_says_so(server: ChatKitStandIn, team: Make) -> None:
    one = team()
    remote = one.host.remote
    name = remote.upload_begin(one.agent, "a.txt", "text/plain", 3)
    server.token = TOKEN
    remote.upload_part(name, 0, b"abc")
    with pytest.raises(ServerTokenWanted):
        remote.upload_end(name)


# --- forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_server_that_takes_a_form_gets_one_and_that_is_remembered(
    server: ChatKitStandIn, team: Make, status: int
) -> None:
    server.wants, server.refuses_form, server.token = "form", status, TOKEN
    one = team()
    one.keep(TOKEN)
    made = upload(one)
    assert server.files[made["id"]] == PICTURE
    assert server.names[made["id"]] == "note.txt"
    assert server.types().count("upload") == 2
    again = upload(one, b"a")
    assert server.files[again["id"]] == b"a"
    assert server.types().count("upload") == 3, "the way that worked goes first"
    server.wants = "bytes"
    assert server.files[upload(one)["id"]] == PICTURE, "and a server that changed its mind is followed"


@pytest.mark.parametrize(
    "said", [{"field": "file"}, {"type": "multipart"}, {"headers": {"content-type": "multipart/form-data"}}]
)
def test_a_descriptor_that_says_form_gets_a_form_at_once(
    server: ChatKitStandIn, team: Make, said: dict[str, Any]
) -> None:
    server.wants, server.descriptor = "form", {"method": "POST", **said}
    made = upload(team())
    assert server.files[made["id"]] == PICTURE
    assert server.types().count("upload") == 1


def test_an_empty_file_goes_in_a_form_too(server: ChatKitStandIn, team: Make) -> None:
    server.wants = "form"
    assert server.files[upload(team(), b"")["id"]] == b""


def test_what_a_server_says_of_a_file_that_it_does_not_take_is_told(server: ChatKitStandIn, team: Make) -> None:
    server.wants = "form"
    server.descriptor = {"type": "multipart", "field": "picture"}
    with pytest.raises(ServerRefused) as refused:
        upload(team())
    assert refused.value.values["status"] == 422


@pytest.mark.parametrize(
    ("descriptor", "missing"),
    [
        ({}, "upload_descriptor"),
        ({"url": None}, "upload_descriptor.url"),
        ({"method": "PATCH"}, "upload_descriptor.method"),
    ],
)
def test_a_server_that_names_no_address_for_the_file_is_told_what_is_missing(
    server: ChatKitStandIn, team: Make, descriptor: dict[str, Any], missing: str
) -> None:
    server.descriptor = descriptor
    with pytest.raises(ServerUploadUnnamed) as refused:
        upload(team())
    assert refused.value.values["problem"] == missing
    assert server.types() == ["attachments.create"]


def test_an_address_without_a_host_is_the_servers_own(server: ChatKitStandIn, team: Make) -> None:
    server.descriptor = {"url": "/upload/here", "method": "put"}
    upload(team())
    assert server.files["here"] == PICTURE


@pytest.mark.parametrize("name", ['a"b.txt', "a\r\nX-Evil: 1.txt", "Zürich ✓.txt", "", "a\0b"])
def test_a_files_name_can_not_leave_its_place_in_the_form(name: str) -> None:
    frame = forms.frame("form", forms.Wanted(("form",)), name, "text/plain\r\nX-Evil: 1")
    assert frame.head.count(b"\r\n\r\n") == 1
    assert len(frame.head.split(b"\r\n")) == 5
    assert b"\0" not in frame.head


# --- where a public name leads --------------------------------------------------------------------


class Names:
    """What the system's look-up says of names, for one test; everything else is looked up as ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **known: list[str]) -> None:
        self.asked: list[str] = []
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *args: Any, **more: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else str(host)
            if (found := known.get(name.replace(".", "_"))) is None:
                return real(host, port, *args, **more)
            self.asked.append(name)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)


def send(url: str, server: str = "https://chat.example.com/chatkit", ca_file: str = "") -> dict[str, Any]:
    """A file of a server goes where the server says, through the app's own way out."""

    async def once() -> dict[str, Any]:
        def line(origin: str, public: bool) -> Line:
            return Line(*build_async(Endpoint(origin, ca_file=ca_file, timeout=20, public=public)))

        uploads = Uploads(Bounds())
        made = {"id": "atc_1", "name": "a.txt", "mime_type": "text/plain", "upload_descriptor": {"url": url}}
        name = await uploads.begin(line, Target(server, {}, "Authorization", TOKEN), made, 5)
        await uploads.part(name, 0, b"hello")
        return await uploads.end(name)

    return asyncio.run(once())


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["127.0.0.1", "10.0.0.9"],
        ["10.0.0.9"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1"],
        ["fd00::1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["224.0.0.1"],
    ],
    ids=str,
)
def test_checklist_41_a_public_name_that_leads_to_this_computer_or_the_own_network_gets_no_file(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    with RawServer() as here:
        names = Names(monkeypatch, bucket_example_com=addresses)
        with pytest.raises(ServerElsewhere) as caught:
            send(f"https://bucket.example.com:{here.port}/a")
        assert names.asked == ["bucket.example.com"], "looked up once: what was looked at is where it would go"
        assert here.asked == []
    assert caught.value.values["host"] == "chat.example.com"
    assert "bucket.example.com" in str(caught.value.values["target"])


def test_checklist_41_an_address_of_the_own_network_written_out_gets_no_file_of_a_public_server() -> None:
    for host in ("10.0.0.9", "192.168.1.1:8443", "[fd00::1]", "169.254.169.254"):
        with pytest.raises(ServerElsewhere):
            send(f"https://{host}/a")


def test_a_server_of_the_own_network_may_have_its_files_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority()
    with RawServer(authority.context("good")) as store:
        made = send(f"{store.base}/a", "http://127.0.0.1:9/chatkit", str(authority.write(tmp_path / "ca.pem")))
        assert made["id"] == "atc_1"
        assert [asked[0] for asked in store.asked] == ["PUT"]


def test_what_was_looked_at_is_where_it_goes_and_the_certificate_is_the_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The address is pinned; TLS still checks the name, and so does the server (Host)."""
    import httpx

    authority = Authority()
    ca_file = str(authority.write(tmp_path / "ca.pem"))
    for name, fits in (("api.test", True), ("other.test", False)):
        with RawServer(authority.context("good", name)) as store:
            Names(monkeypatch, api_test=["127.0.0.1"])
            way = own_network.pinned(
                httpx, httpx.HTTPTransport(verify=tls_context(ca_file)), lambda one: one == "127.0.0.1"
            )
            with httpx.Client(transport=way, trust_env=False) as client:
                if fits:
                    assert client.get(f"https://api.test:{store.port}/a").status_code == 200
                    assert store.asked[0][2]["host"] == f"api.test:{store.port}"
                else:
                    with pytest.raises(httpx.ConnectError):
                        client.get(f"https://api.test:{store.port}/a")
                    assert store.asked == []


@pytest.mark.parametrize(
    "address",
    [
        *("0.1.2.3", "192.0.0.9", "192.88.99.1", "198.18.0.1", "203.0.113.9", "224.0.1.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::7f00:1", "::ffff:0:7f00:1", "64:ff9b::a00:1", "64:ff9b:1::7f00:1", "100::1"),
        *("2001:0:7f00:1::", "2001:20::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "5f00::1", "fec0::1"),
        *("ff0e::1", "fe80::1%eth0", "not an address", ""),
    ],
)
def test_checklist_41_special_addresses_are_no_computers_of_the_internet_on_any_python(address: str) -> None:
    """What Python itself calls global differs between its releases."""
    assert not own_network.is_public_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2a00::1"])
def test_computers_of_the_internet_are_reached(address: str) -> None:
    assert own_network.is_public_address(address)


@given(st.ip_addresses())
def test_no_address_is_both_ours_and_public(address: Any) -> None:
    public = own_network.is_public_address(str(address))
    assert not (public and (address.is_private or address.is_loopback or is_own_address(str(address))))
