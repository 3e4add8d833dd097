"""The chat page, which shows OpenAI's ChatKit."""
