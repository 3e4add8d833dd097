"""The ChatKit server in the app: requests, answers on their way to a page, questions to a person."""
