"""Where chats come from: OpenAI, ChatKit servers, the agents inside the app. Each lists, reads, renames, deletes."""
