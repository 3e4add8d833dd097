"""`python -m tests.rig.viewer FILE light|dark PICTURE`: a file as a browser shows it, looked at by axe-core.

Prints `{violations, title, csp, requests, pages}`: rules that are broken, what the policy refused, addresses asked for,
pages on paper. Qt's engine, without the app and its window.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.rig.axe import RUN, SCRIPT

SIZE = (900, 1200)
LIMIT = 60_000
"""Milliseconds after which it is given up."""


def main() -> int:
    file, scheme, picture = sys.argv[1:]
    dark = 0 if scheme == "dark" else 1
    os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = f"--blink-settings=preferredColorScheme={dark}"
    from PySide6.QtCore import QTimer, QUrl
    from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile, QWebEngineUrlRequestInterceptor
    from PySide6.QtWebEngineWidgets import QWebEngineView
    from PySide6.QtWidgets import QApplication

    told: dict[str, Any] = {"violations": None, "title": "", "csp": [], "requests": [], "pages": 0}

    class Heard(QWebEnginePage):
        def javaScriptConsoleMessage(self, level: Any, message: str, line: int, source: str) -> None:  # noqa: N802
            told["csp"].append(message)

    class Asked(QWebEngineUrlRequestInterceptor):
        def interceptRequest(self, info: Any) -> None:  # noqa: N802
            address = info.requestUrl().toString()
            if not address.startswith("data:"):
                told["requests"].append(address)

    app = QApplication(sys.argv[:1])
    profile = QWebEngineProfile()
    asked = Asked()
    profile.setUrlRequestInterceptor(asked)
    page = Heard(profile)
    view = QWebEngineView()
    view.setPage(page)
    view.resize(*SIZE)
    view.show()

    def loaded(_: bool) -> None:
        told["title"] = page.title()
        page.runJavaScript(SCRIPT.read_text(encoding="utf-8"), lambda _: page.runJavaScript(RUN, lambda _: poll()))

    def poll() -> None:
        page.runJavaScript("JSON.stringify(window.axeFound ?? null)", found)

    def found(text: str) -> None:
        told["violations"] = json.loads(text)
        if told["violations"] is None:
            QTimer.singleShot(50, poll)
            return
        view.grab().save(picture)
        page.pdfPrintingFinished.connect(printed)
        page.printToPdf(f"{picture}.pdf")

    def printed(path: str, _: bool) -> None:
        told["pages"] = Path(path).read_bytes().count(b"/Type /Page\n")
        app.quit()

    page.loadFinished.connect(loaded)
    QTimer.singleShot(LIMIT, app.quit)
    page.load(QUrl.fromLocalFile(file))
    app.exec()
    page.deleteLater()
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the engine's own end waits for its helpers
