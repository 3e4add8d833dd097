"""What can be done from a terminal: one module a command. Knows no window."""
