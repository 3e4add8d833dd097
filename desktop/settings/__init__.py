"""What the app is set to: the model, the file, the brand, the layers over them, and where files live."""
