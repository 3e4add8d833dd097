"""What tests need around the app: a keyring, a display, a person."""
