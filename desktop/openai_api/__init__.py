"""OpenAI's REST API, as far as hosted chats need it. Knows no window, no page and no key store."""
