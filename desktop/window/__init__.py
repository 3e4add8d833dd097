"""Everything that imports pywebview: windows, bridge, page server, and an adapter for each engine. Knows no page."""
