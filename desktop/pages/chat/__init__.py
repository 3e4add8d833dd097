"""The chat page, with OpenAI's component in it."""
