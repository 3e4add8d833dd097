"""Used by every part of the app: errors, files, logs, texts. Knows none of those parts."""
