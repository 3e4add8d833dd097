"""Exports chats to files: HTML, Markdown, JSON."""
