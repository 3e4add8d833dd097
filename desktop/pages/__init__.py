"""One folder per page, with the methods the page may call and the models of their parameters. Knows no pywebview."""
