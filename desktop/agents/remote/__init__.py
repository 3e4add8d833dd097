"""The client of a ChatKit server that a team runs. Imports none of the SDKs: it works without the extra `agents`."""
