"""The page that shows a code agent's files before they run."""
