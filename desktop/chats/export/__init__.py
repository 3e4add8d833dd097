"""Chats written into files: HTML, Markdown, JSON."""
