"""A newer version, asked for by hand in a real window: it is told with what is new, and the brand's page opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.scene import Scene
from tests.test_updates import ReleasePage

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


def test_a_check_by_hand_tells_a_newer_version_its_trouble_and_opens_the_page(scene: Scene, tmp_path: Path) -> None:
    releases = ReleasePage(tmp_path)
    brand = tmp_path / "brand.toml"
    brand.write_text(BRAND.format(url=releases.url, ca=releases.ca))
    (tmp_path / "app.svg").write_bytes((ROOT / "assets" / "icons" / "app.svg").read_bytes())
    scene.options += ["--brand", str(brand)]
    scene.settle()
    releases.status = 500
    try:
        with scene.launch() as app:
            app.wait_call("chat.ready")
            app.ask("show", "settings")
            app.wait_call("settings.start")
            app.click("settings", '[data-section="about"]')
            app.click("settings", "#updates-check")
            app.wait_text("settings", "localhost did not say which version is the newest.")
            releases.status = 200
            releases.says("1.5.0", "Ferns can be pressed")
            app.click("settings", "#updates-check")
            app.wait_text("settings", "Version 1.5.0 is available.", "Ferns can be pressed")
            app.click("settings", "#updates-page")
            app.until("the page opened", lambda: releases.url in scene.opened())
            assert [path for path, _headers in releases.asked] == ["/fern/latest.json"] * 2, (
                "from source: by hand alone"
            )
    finally:
        releases.close()
