"""MCP servers for agents: starts them, lists their tools, calls these with approval, ends them. Imports `mcp` late."""
