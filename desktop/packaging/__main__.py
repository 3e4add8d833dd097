"""`python -m desktop.packaging` starts here."""

import sys

from desktop.packaging.command import main

if __name__ == "__main__":
    sys.exit(main())
