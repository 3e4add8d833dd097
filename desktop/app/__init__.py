"""The running app: how it starts, which windows are open, what it remembers, and how it ends."""
