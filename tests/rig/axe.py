"""axe-core in a shown page: what it finds against the accessibility rules, in words.

It comes over the probe, which no Content-Security-Policy binds; the page itself could not load it.
"""

from __future__ import annotations

from pathlib import Path

from tests.rig.driver import Driver

SCRIPT = Path(__file__).resolve().parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"

RUN = """
(axe.run(document, {resultTypes: ["violations"], preload: false}).then(
  ({violations}) => { window.axeFound = violations.map(({id, impact, nodes}) =>
    `${id} (${impact}): ` + nodes.slice(0, 5).map(({html, any}) =>
      `${html.slice(0, 160)} ${any[0]?.message ?? ""}`).join(" | ")); },
  (error) => { window.axeFound = [`axe: ${error}`]; }), true)
"""

STILL = """
((sheet) => {
  // Colours that are on their way to others are no colours to judge, and one may set out at any time.
  sheet.replaceSync("*, ::before, ::after { transition: none !important; animation: none !important; }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return true;
})(new CSSStyleSheet())
"""


def violations(app: Driver, window: str) -> list[str]:
    """One line a rule that is broken in what the window shows now; empty where all is well."""
    if not app.js(window, "'axe' in window"):
        app.ask("raw_js", window, SCRIPT.read_text(encoding="utf-8"))
        app.until("axe-core", lambda: app.js(window, "'axe' in window"))
    app.js(window, STILL)
    app.js(window, "(window.axeFound = null, true)")
    app.js(window, RUN)
    app.until("axe's answer", lambda: app.js(window, "window.axeFound !== null"))
    return list(app.js(window, "window.axeFound"))
