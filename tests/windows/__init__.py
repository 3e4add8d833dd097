"""What is packaged for Windows, started on the Windows of `make test-windows` (CPython and PyInstaller under wine)."""
