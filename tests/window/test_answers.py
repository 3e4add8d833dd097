"""Answers in the real engines: the same in whatever pieces they come, nothing the page's policy refuses, and what can
be done with code, notes and details by keys and clicks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.common.markdown.corpus import answers
from tests.common.markdown.test_formulas import HOSTILE
from tests.rig.axe import violations
from tests.rig.driver import Driver
from tests.rig.scene import Scene
from tests.window.test_builtin import begin, nothing_refused, press, settle

pytestmark = [pytest.mark.window, pytest.mark.secret_service]

EVERYTHING = r"""## What it does

A line with **bold**, H<sub>2</sub>O, <kbd>Ctrl</kbd>, https://example.com/a and a note[^1].

- [x] read
- [ ] write

```python
def add(a, b):  # a comment
    return a + b
```

```diff
-old
+new
```

The energy is $E = mc^2$ and \(a^2\):

\[
\begin{aligned}
f(x) &= \sum_{i=0}^{n} a_i x^i \\
- g &= \boxed{\frac{1}{2}}
\end{aligned}
\]

| Option | Cost |
|:--|--:|
| `--name` | $3 |

<details>
<summary>More</summary>

Hidden **words**

</details>

[^1]: The note.
"""

ARTICLE = """
  const article = document.createElement("article");
  const place = document.createElement("div");
  article.className = "item answer";
  article.innerHTML = "<h2 class='visually-hidden'>Agent</h2>";
  place.className = "markdown";
  article.append(place);
  document.getElementById("start").hidden = true;
  document.getElementById("thread").append(article);
"""


def in_page(app: Driver, work: str) -> Any:
    """What asynchronous work with the page's own module `m` comes to."""
    module = "import(new URL('markdown.js', location.href).href)"
    app.js(
        "chat",
        f"(window.done = null, {module}.then(async (m) => {{ {work} }}).then("
        "(value) => { window.done = {value} }, (error) => { window.done = {value: String(error)} }), true)",
    )
    return app.until("the page's work", lambda: app.js("chat", "window.done"))["value"]


def show(app: Driver, text: str) -> str:
    """The answer at the end of the chat, rendered whole; its HTML."""
    return str(
        in_page(app, f"{ARTICLE} await m.renderAll([{{place, text: {json.dumps(text)}}}]); return place.innerHTML;")
    )


def stream(app: Driver, text: str, size: int) -> str:
    """The same, having come in pieces, a turn of the page's loop between them."""
    return str(
        in_page(
            app,
            f"""{ARTICLE}
            const text = {json.dumps(text)};
            const growing = new m.Growing(place, 5);
            for (let at = 0; at < text.length; at += {size}) {{
              growing.add(text.slice(at, at + {size}));
              await new Promise((next) => setTimeout(next, 0));
            }}
            await growing.finish(text);
            const html = place.innerHTML;
            article.remove();
            return html;""",
        )
    )


def test_an_answer_looks_the_same_in_whatever_pieces_it_came(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        for text in (EVERYTHING, *answers()[:8]):
            whole = show(app, text)
            for size in (1, 7, 500) if text == EVERYTHING else (7,):
                assert stream(app, text, size).split() == whole.split()
        assert nothing_refused(app)


def test_an_answer_is_drawn_with_what_models_write(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        show(app, EVERYTHING)
        for selector in (
            *(".code-keyword", ".code-inserted", "math mfrac", "math mtable mtr", "sub", "kbd", "details > summary"),
            *("input[type=checkbox][disabled][checked]", 'a[href="https://example.com/a"]', "sup.note button"),
        ):
            assert app.js("chat", f"!!document.querySelector('.markdown ' + {json.dumps(selector)})"), selector
        # The engine draws formulas: a fraction is higher than a line.
        assert app.js("chat", "document.querySelector('math mfrac').getBoundingClientRect().height") > 20
        words = "[...document.querySelectorAll('.code code, .code code span')]"
        assert app.js("chat", f"new Set({words}.map((one) => getComputedStyle(one).color)).size") >= 4
        assert violations(app, "chat") == []
        assert nothing_refused(app)


def test_what_is_hostile_in_formulas_code_and_elements_does_nothing(scene: Scene) -> None:
    settle(scene)
    script = "<script>window.pwned=1</script><img src=x onerror='window.pwned=2'>"
    with scene.launch() as app:
        begin(scene, app)
        for source in HOSTILE:
            show(app, f"${source}$\n\n$$\n{source}\n$$")
        show(
            app,
            f"<details><summary>{script}</summary>{script}</details>\n\n```html\n{script}\n```\n\n<sub>{script}</sub>",
        )
        assert app.js("chat", "window.pwned === undefined")
        assert app.js("chat", "document.querySelectorAll('#thread img, #thread script, #thread [style]').length") == 0
        assert nothing_refused(app)


def test_code_is_wrapped_and_long_code_is_unfolded(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        show(app, "```python\n" + f"value = '{'long ' * 60}'\n" * 60 + "```")
        assert "60 lines" in app.js("chat", "document.querySelector('.code-head').innerText")
        wide = "(({scrollWidth: all, clientWidth: seen}) => all > seen + 1)(document.querySelector('.code pre'))"
        assert app.js("chat", wide)
        app.click("chat", ".code-deeds button[aria-pressed]")
        app.until("wrapped lines", lambda: not app.js("chat", wide))
        height = "document.querySelector('.code pre').clientHeight"
        folded = app.js("chat", height)
        app.click("chat", ".unfold")
        app.until("all lines", lambda: app.js("chat", height) > folded * 2)
        assert app.js("chat", "document.querySelector('.unfold').getAttribute('aria-expanded')") == "true"


def test_a_note_leads_to_its_text_and_back_by_keys(scene: Scene) -> None:
    settle(scene)
    with scene.launch() as app:
        begin(scene, app)
        show(app, EVERYTHING)
        app.js("chat", "(document.querySelector('sup.note button').focus(), true)")
        press(app, "Return")
        app.until("the note", lambda: app.js("chat", "document.activeElement.matches('.notes li')"))
        press(app, "Tab", "Return")
        app.until("the text", lambda: app.js("chat", "document.activeElement.matches('sup.note button')"))
