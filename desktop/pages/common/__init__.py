"""Code shared by several pages."""
