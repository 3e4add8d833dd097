"""MCP servers of agents: started, asked for their tools, called with a person's yes, ended. `mcp` is imported late."""
