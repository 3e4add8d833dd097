"""`python -m desktop.packaging` starts here."""

import signal
import sys

from desktop.packaging.command import main

if __name__ == "__main__":
    # Whoever ends it finds nothing half made either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
