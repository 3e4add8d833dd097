"""The window that asks for a ChatKit server's token."""
