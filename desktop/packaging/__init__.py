"""Turns a brand file into installers. Not part of the app or the wheel, so its texts are in English only."""
