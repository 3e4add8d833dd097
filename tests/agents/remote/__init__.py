"""Tests of the client of ChatKit servers."""
