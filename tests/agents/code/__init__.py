"""Code agents: files of the tests, run in real child processes against a model API over real HTTP."""
