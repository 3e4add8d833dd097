"""The ChatKit server inside the app: requests, answers on their way to a page, what is asked of a person."""
