"""Chats of agents in the app: one SQLite file, and the files attached to messages."""
