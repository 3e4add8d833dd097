"""The commands of the terminal, one module each. Knows no window."""
