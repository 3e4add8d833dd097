"""Tests of agents that run inside the app."""
