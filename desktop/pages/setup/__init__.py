"""The page of the first launch."""
