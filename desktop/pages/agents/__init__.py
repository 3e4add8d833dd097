"""The page for agents, endpoints and MCP servers."""
