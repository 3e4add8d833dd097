"""Windows on a Debian: CPython for Windows under wine, for `make test-windows`.

What was run where: this package itself runs on Linux, as root. What it starts runs as an ordinary user, in a system of
its own below `build/windows`, on CPython 3.13 for Windows as the Python Software Foundation signed it. wine is not
Windows: it has no WebView2 and no .NET window, and what it lets pass Windows may refuse. The README's table says what
was only seen here.
"""
