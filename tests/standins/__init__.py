"""Stand-ins over real sockets for what the tests can't reach: OpenAI's API, its component, a proxy, certificates."""
