"""The built-in view: a chat page of our own."""
