"""One module a page: each owns its list of methods and their parameter models. Pages know no pywebview."""
