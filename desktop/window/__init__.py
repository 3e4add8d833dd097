"""All that imports webview: the shell, the bridge, the page server, one lockdown file per engine. Knows no page."""
