"""The page that asks whether a tool may run."""
