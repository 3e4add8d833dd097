"""The settings: model, file, layers, brand."""
