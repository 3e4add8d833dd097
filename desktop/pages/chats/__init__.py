"""The page of all chats."""
