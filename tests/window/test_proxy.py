"""Proxies and the real window: the component goes through the settings' one, our own pages through none."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from tests.rig.scene import Scene
from tests.standins.component import ComponentStandIn
from tests.standins.proxy import ProxyStandIn

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

AWAY = "https://component.invalid/deployments/chatkit/chatkit.js"
"""A script that only a proxy could reach: the name exists nowhere, and with a proxy nobody looks it up."""

_USE_PROXY = """
import sys
from desktop.cli import parse
from desktop.app.context import Context
proxy, password, *options = sys.argv[1:]
context = Context(parse(options))
context.keys.save_secret("proxy", password)
context.settings_store.update({"network.proxy": proxy})
"""


def test_checklist_22_the_component_goes_through_the_settings_proxy_and_our_pages_do_not(scene: Scene) -> None:
    scene.settle()
    with ProxyStandIn(user="ada", password="s3cret word") as proxy:
        address = proxy.url.replace("://", "://ada@")
        scene.python(_USE_PROXY, address, "s3cret word", *scene.arguments)
        away = dataclasses.replace(scene, options=[*scene.options, "--component-url", AWAY])
        with away.launch() as app:
            app.wait_window("chat")
            app.wait_call("chat.start")
            asked = app.until(
                "the proxy asked for the component, with the password",
                lambda: [
                    r for r in proxy.requests if "component.invalid" in str(r) and "authorization" in str(r).lower()
                ],
            )
            assert asked
            app.wait_call("chat.problem")
        assert not [r for r in proxy.requests if "localhost" in str(r)], "a page of ours was asked of the proxy"


def test_a_proxy_of_the_environment_is_not_asked_for_our_own_pages(scene: Scene) -> None:
    scene.settle()
    assert isinstance(scene.component, ComponentStandIn)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        with scene.launch(environ=dict.fromkeys(names, nowhere)) as app:
            app.wait_call("chat.ready")
            scene.component.wait(lambda state: state["secret"])
