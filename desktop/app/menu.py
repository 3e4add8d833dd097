"""The menu of the chat window: titles, actions and shortcuts. It only calls the app."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop.window.engine import MenuBar, MenuItem

if TYPE_CHECKING:
    from desktop.app.context import Context
    from desktop.pages.common.application import Application

ZOOM_STEP = 1.1


def menu(app: Application, context: Context, leave: Callable[[], None]) -> MenuBar:
    """Each menu's title and items; None is a separator. `leave` quits the app."""
    text = context.texts.get

    def item(name: str, title: str, run: Callable[[], None], shortcut: str = "") -> MenuItem:
        # Menus run on the window's thread. Their actions may wait for that thread, so they get their own.
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
        item("quit", text("menu.quit"), leave, "Ctrl+Q"),
    )
    view = (
        item("zoom-in", text("menu.zoom_in"), lambda: zoom(context, ZOOM_STEP), "Ctrl++"),
        item("zoom-out", text("menu.zoom_out"), lambda: zoom(context, 1 / ZOOM_STEP), "Ctrl+-"),
        item("zoom-reset", text("menu.zoom_reset"), lambda: zoom(context, 0), "Ctrl+0"),
        None,
        item("switch-view", text("menu.switch_view"), app.switch_view, "Ctrl+Shift+B"),
    )
    links = context.brand.links
    help_items: list[MenuItem | None] = [item("help", text("menu.help_open"), app.show_help, "F1")]
    if links.help:
        help_items.append(item("help-page", text("menu.help_page"), lambda: app.open_external(links.help)))
    if links.status:
        help_items.append(item("status", text("menu.status"), lambda: app.open_external(links.status)))
    help_items += [
        item("logs", text("menu.logs"), lambda: app.open_folder("logs")),
        item("diagnostics", text("menu.diagnostics"), lambda: app.show_settings("about")),
    ]
    return ((text("menu.chat"), chat), (text("menu.view"), view), (text("menu.help"), tuple(help_items)))


def words(context: Context) -> dict[str, str]:
    """pywebview's own texts in the app's language, by pywebview's keys: dialogs, and the standard menus of macOS."""
    text = context.texts.get
    return {
        "global.cancel": text("common.cancel"),
        "global.quit": text("menu.quit"),
        "global.saveFile": text("menu.save_download"),
        "cocoa.menu.about": text("menu.about"),
        "cocoa.menu.services": text("menu.services"),
        "cocoa.menu.edit": text("menu.edit"),
        "cocoa.menu.hide": text("menu.hide"),
        "cocoa.menu.hideOthers": text("menu.hide_others"),
        "cocoa.menu.showAll": text("menu.show_all"),
        "cocoa.menu.quit": text("menu.quit"),
        "cocoa.menu.cut": text("menu.cut"),
        "cocoa.menu.copy": text("menu.copy"),
        "cocoa.menu.paste": text("menu.paste"),
        "cocoa.menu.selectAll": text("menu.select_all"),
        "windows.fileFilter.allFiles": text("menu.all_files"),
        "linux.openFile": text("menu.open_file"),
        "linux.openFiles": text("menu.open_files"),
        "linux.openFolder": text("menu.open_folder"),
    }


def zoom(context: Context, factor: float) -> None:
    """Zoom by `factor`, between half and three times the size; 0 resets it."""
    wanted = 1.0 if factor == 0 else context.settings.zoom * factor
    context.settings_store.update({"zoom": round(min(3.0, max(0.5, wanted)), 2)})
