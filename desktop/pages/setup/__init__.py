"""The setup page, shown at the first launch."""
