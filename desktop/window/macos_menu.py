"""The app's menus and shortcuts in the macOS menu bar. Not run on macOS by this project: written from Apple's reference
(`NSMenuItem`). `tests/window/test_engine_contract.py` records its calls to Cocoa.
"""

from __future__ import annotations

from typing import Any

from desktop.window.engine import MenuBar, MenuItem, keys_of

COMMAND, SHIFT, OPTION = 1 << 20, 1 << 17, 1 << 19
"""NSEventModifierFlags. Ctrl on other systems is the command key here."""
KEYS = {"F1": "\uf704"}
"""AppKit's codes for keys that aren't characters (`NSF1FunctionKey`)."""
SYSTEMS = ("quit",)
"""Items that macOS already has in the app menu."""


class Menus:
    """Made once; `kit` is the module AppKit."""

    def __init__(self, kit: Any, menu: MenuBar) -> None:
        self._kit = kit
        self._menu = menu
        self._items: list[MenuItem] = []
        self._chooser = _chooser(kit, self._items)

    def add(self, bar: Any) -> None:
        """Append the menus to the menu bar."""
        for title, items in self._menu:
            menu = self._kit.NSMenu.alloc().init()
            menu.setTitle_(title)
            for item in items:
                if item is None:
                    menu.addItem_(self._kit.NSMenuItem.separatorItem())
                elif item.id not in SYSTEMS:
                    menu.addItem_(self._entry(item))
            holder = self._kit.NSMenuItem.alloc().init()
            holder.setTitle_(title)
            holder.setSubmenu_(menu)
            bar.addItem_(holder)

    def _entry(self, item: MenuItem) -> Any:
        held, key = keys_of(item.shortcut) if item.shortcut else (frozenset(), "")
        entry = self._kit.NSMenuItem.alloc().initWithTitle_action_keyEquivalent_(
            item.title, "choose:", KEYS.get(key, key.lower())
        )
        if key:
            marks = {"Ctrl": COMMAND, "Shift": SHIFT, "Alt": OPTION}
            entry.setKeyEquivalentModifierMask_(sum(marks[name] for name in held))
        entry.setTarget_(self._chooser)
        entry.setTag_(len(self._items))
        self._items.append(item)
        return entry


def _chooser(kit: Any, items: list[MenuItem]) -> Any:
    """The target of menu items. An item does not keep its target."""

    class MenuChooser(kit.NSObject):
        def choose_(self, sender: Any) -> None:
            items[sender.tag()].run()

    return MenuChooser.alloc().init()
