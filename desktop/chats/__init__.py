"""A library of all chats in a profile: find, read, export, archive and delete them. Knows no page and no terminal."""
