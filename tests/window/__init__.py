"""Tests of desktop/window."""
