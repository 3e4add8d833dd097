"""The client of a team's ChatKit server. Imports no SDK, so it works without the extra `agents`."""
