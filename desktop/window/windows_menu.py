"""The menu bar and shortcuts of a window on Windows. Run on Linux with Mono's WinForms; not yet on Windows.

While the page has the focus, WebView2 gets the keys and passes those a program might want to its control's `KeyDown`
(read in the assembly: `AcceleratorKeyPressed`). Elsewhere in the window, the menu's own shortcuts work.
"""

from __future__ import annotations

from typing import Any

from desktop.window.engine import MenuBar, MenuItem, keys_of

KEYS = {",": ("Oemcomma",), "+": ("Oemplus", "Add"), "-": ("OemMinus", "Subtract"), "0": ("D0", "NumPad0")}
"""WinForms' names. The first is the key on the main keyboard, which the menu shows."""


def strip(forms: Any, menu: MenuBar) -> Any:
    """The menu bar as a WinForms control. `forms`: the namespace System.Windows.Forms."""
    bar = forms.MenuStrip()
    for title, items in menu:
        top = forms.ToolStripMenuItem(_plain(title))
        for item in items:
            top.DropDownItems.Add(forms.ToolStripSeparator() if item is None else _entry(forms, item))
        bar.Items.Add(top)
    return bar


def take_keys(forms: Any, control: Any, menu: MenuBar) -> None:
    """Handle the menu's shortcuts while the page in `control` has the focus, in windows without a menu bar too."""
    known: dict[tuple[str, bool, bool], MenuItem] = {}
    for _title, items in menu:
        for item in items:
            if item is not None and item.shortcut:
                held, key = keys_of(item.shortcut)
                for name in KEYS.get(key, (key,)):
                    known[str(getattr(forms.Keys, name)), "Ctrl" in held, "Shift" in held] = item
                    if key == "+":  # on most keyboards it is typed with Shift
                        known[str(getattr(forms.Keys, name)), "Ctrl" in held, True] = item

    def on_key(_sender: Any, event: Any) -> None:
        found = known.get((str(event.KeyCode), bool(event.Control), bool(event.Shift)))
        if found is not None and not event.Alt:  # AltGr is Ctrl and Alt
            event.Handled = True
            found.run()

    control.KeyDown += on_key


def _entry(forms: Any, item: MenuItem) -> Any:
    entry = forms.ToolStripMenuItem(_plain(item.title))
    entry.Click += lambda _sender, _event: item.run()
    if item.shortcut:
        held, key = keys_of(item.shortcut)
        code = getattr(forms.Keys, KEYS.get(key, (key,))[0])
        for name in sorted(held):
            code |= {"Ctrl": forms.Keys.Control, "Shift": forms.Keys.Shift, "Alt": forms.Keys.Alt}[name]
        entry.ShortcutKeys = code
        entry.ShortcutKeyDisplayString = item.shortcut
    return entry


def _plain(title: str) -> str:
    """Double every `&`, which would otherwise underline the next letter."""
    return title.replace("&", "&&")
