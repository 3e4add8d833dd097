"""The library of all chats: what it lists, what it writes, what it copies."""
