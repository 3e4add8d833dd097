"""What model servers send, read with patience: whatever their habits, the SDKs above get what OpenAI's own would send.

Bytes in, bytes out, at the place where the HTTP client hands them over: the assistant, titles, dictation and the
clients of code agents all go through it. Knows no chat, no run, no settings.
"""
