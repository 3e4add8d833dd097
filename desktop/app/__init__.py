"""The app's own life: how it starts, which windows are open, what it remembers, and how it ends."""
