"""The assistant defined in the settings: instructions, a model and tools, run by the Agents SDK."""
