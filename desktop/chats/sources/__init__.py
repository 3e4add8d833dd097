"""The sources of chats: OpenAI, ChatKit servers, agents in the app. Each lists, reads, renames and deletes chats."""
