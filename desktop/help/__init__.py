"""The app's help: reads its topics, and finds them by name, by error code and by words. Knows no window."""
