"""Agents that run inside the app. Importing this imports nothing: not the SDK, not `openai`, not `agents`."""
