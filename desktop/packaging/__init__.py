"""Brand file -> installers. Not part of the app: no wheel and no frozen app holds it, so its words are English only."""
