"""The assistant of the settings: instructions, a model and tools, run by the Agents SDK."""
