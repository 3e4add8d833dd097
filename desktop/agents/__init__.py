"""Agents that run in the app. Importing this package imports no SDK."""
