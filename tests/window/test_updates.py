"""A newer version in a real window: told over the chat, asked for by hand in the settings; the brand's page opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.test_updates import ReleasePage
from tests.rig.scene import Scene

pytestmark = [pytest.mark.window, pytest.mark.secret_service]
BRAND = """
[app]
name = "Ask Fern"
version = "1.4.0"
icon = "app.svg"
[links]
releases = "{url}"
[settings.network]
ca_file = "{ca}"
"""
ROOT = Path(__file__).resolve().parents[2]


def test_a_newer_version_is_told_over_the_chat_and_by_hand_with_its_trouble_and_its_page_opens(
    scene: Scene, tmp_path: Path
) -> None:
    releases = ReleasePage(tmp_path)
    brand = tmp_path / "brand.toml"
    brand.write_text(BRAND.format(url=releases.url, ca=releases.ca))
    (tmp_path / "app.svg").write_bytes((ROOT / "assets" / "icons" / "app.svg").read_bytes())
    scene.options += ["--brand", str(brand)]
    scene.settle()
    releases.says("v1.4.9", "Moss")
    try:
        with scene.launch(environ={"RIG_PACKAGED": "1"}) as app:
            app.wait_call("chat.ready")
            app.wait_text("chat", "Version 1.4.9 of Ask Fern is available.", "Moss")
            app.click("chat", "#ahead .banner:last-child button")
            app.until("the page opened", lambda: scene.opened() == [releases.url])
            app.until("the line gone", lambda: "Version 1.4.9" not in app.text("chat"))
            app.until("remembered", lambda: scene.state()["notices_seen"] == {"update|1.4.9": True})
            assert len(releases.asked) == 1
            releases.status = 500
            app.ask("show", "settings")
            app.wait_call("settings.start")
            app.click("settings", '[data-section="about"]')
            app.click("settings", "#updates-check")
            app.wait_text("settings", "localhost did not say which version is the latest.")
            releases.status = 200
            releases.says("1.5.0", "Ferns can be pressed")
            app.click("settings", "#updates-check")
            app.wait_text("settings", "Version 1.5.0 is available.", "Ferns can be pressed")
            app.click("settings", "#updates-page")
            app.until("the page opened again", lambda: scene.opened() == [releases.url] * 2)
            assert [path for path, _headers in releases.asked] == ["/fern/latest.json"] * 3
    finally:
        releases.close()
