"""ChatKit Desktop: an OpenAI ChatKit chat as a desktop application, with no server to run."""

__version__ = "0.1.0"
