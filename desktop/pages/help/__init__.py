"""The window that shows the app's help."""
