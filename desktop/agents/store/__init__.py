"""Chats of agents inside the app on the disk: one SQLite file, and the files that go with messages."""
