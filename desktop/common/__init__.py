"""What every part of the app may lean on: files, logs, texts. Knows none of them."""
