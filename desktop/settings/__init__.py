"""Settings: the model, the settings file, the brand file, and the layers that combine them."""
