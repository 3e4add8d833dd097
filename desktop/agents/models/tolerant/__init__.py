"""Normalizes the answers of model servers: whatever their quirks, the SDKs get what OpenAI's API would send.

Bytes in, bytes out, in the HTTP client's transport. The assistant, titles, dictation and the clients of code agents all
use it. Knows no chat, no run, no settings.
"""
