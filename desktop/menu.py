"""The menu of the chat's window: what it is called, what it does, its keys. It asks the app, and decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.window.engine import MenuItem

if TYPE_CHECKING:
    from desktop.app import App

ZOOM_STEP = 1.1


def menu(app: App) -> tuple[tuple[str, tuple[MenuItem | None, ...]], ...]:
    """Title and entries of each menu; None is a line between them."""
    text = app.context.texts.get

    def item(name: str, title: str, run: Callable[[], None], shortcut: str = "") -> MenuItem:
        # Menus call on the window's thread; what they start may wait for that thread.
        return MenuItem(name, title, lambda: threading.Thread(target=run, daemon=True).start(), shortcut)

    chat = (
        item("new-chat", text("menu.new_chat"), lambda: app.emit("chat", "chat.new", {}), "Ctrl+N"),
        item("history", text("menu.history"), lambda: app.emit("chat", "chat.history", {}), "Ctrl+Shift+H"),
        item("chats", text("menu.chats"), app.show_chats, "Ctrl+Shift+F"),
        item("reload", text("menu.reload"), app.reload_chat, "Ctrl+R"),
        None,
        item("agents", text("menu.agents"), app.show_agents, "Ctrl+Shift+A"),
        item("settings", text("menu.settings"), app.show_settings, "Ctrl+,"),
        item("setup", text("menu.setup"), app.show_setup),
        None,
        item("quit", text("menu.quit"), app.shell.quit, "Ctrl+Q"),
    )
    view = (
        item("zoom-in", text("menu.zoom_in"), lambda: zoom(app, ZOOM_STEP), "Ctrl++"),
        item("zoom-out", text("menu.zoom_out"), lambda: zoom(app, 1 / ZOOM_STEP), "Ctrl+-"),
        item("zoom-reset", text("menu.zoom_reset"), lambda: zoom(app, 0), "Ctrl+0"),
    )
    links = app.context.brand.links
    help_items: list[MenuItem | None] = []
    if links.help:
        help_items.append(item("help", text("menu.help_page"), lambda: app.open_external(links.help)))
    help_items += [
        item("status", text("menu.status"), lambda: app.open_external(links.status)),
        item("logs", text("menu.logs"), lambda: app.open_folder("logs")),
        item("diagnostics", text("menu.diagnostics"), lambda: app.show_settings("about")),
    ]
    return ((text("menu.chat"), chat), (text("menu.view"), view), (text("menu.help"), tuple(help_items)))


def zoom(app: App, factor: float) -> None:
    wanted = 1.0 if factor == 0 else app.context.settings.zoom * factor
    app.context.settings_store.update({"zoom": round(min(3.0, max(0.5, wanted)), 2)})
