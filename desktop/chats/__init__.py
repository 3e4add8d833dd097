"""All chats of a profile as one library: found, read, taken along, archived, deleted. Knows no page and no terminal."""
