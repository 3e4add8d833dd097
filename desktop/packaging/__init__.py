"""Brand file -> installers. Not part of the app: neither wheel nor frozen app holds it, so its words are English only."""
