"""The tests, and what they run on: the rig, the stand-ins. A package, so that no other `tests` can be meant."""
