"""The help that the app brings along: what stands in it, found by topic, by error and by words. Knows no window."""
