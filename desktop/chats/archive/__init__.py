"""Copies of hosted chats on this machine."""
