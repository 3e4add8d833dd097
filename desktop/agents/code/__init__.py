"""Code agents: a user's Python file, run in a child process. None of it ever runs in the app's own process."""
