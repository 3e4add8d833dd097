"""`make bench`: what the app costs over a bare pywebview page on the same engine, measured in the same run."""
