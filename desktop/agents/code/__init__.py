"""Code agents: a Python file of the user's, run in a child process. Nothing of it ever runs in the app's own."""
