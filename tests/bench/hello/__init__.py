"""The bare page that everything is measured against: pywebview, one file, one script."""
