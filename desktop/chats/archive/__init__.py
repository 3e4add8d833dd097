"""Copies of hosted chats on this computer."""
