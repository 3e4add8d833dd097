"""Files to a ChatKit server: two phases, over the app's own client, to an address that the page never learns of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from desktop.agents.remote import forms
from desktop.agents.remote.target import Target
from desktop.errors import (
    AttachmentDamaged,
    BadParams,
    ServerElsewhere,
    ServerRefused,
    ServerTokenWanted,
    ServerUploadUnnamed,
)
from tests.agents.remote.conftest import TOKEN, Team
from tests.agents.remote.test_host import said
from tests.standins.chatkit_server import ChatKitStandIn

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
