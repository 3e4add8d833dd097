"""`python -m desktop.packaging` starts here."""

import signal
import sys
from typing import NoReturn

from desktop.packaging.command import main
from desktop.packaging.errors import Terminated


def end(*_: object) -> NoReturn:
    raise Terminated


if __name__ == "__main__":
    # Whoever ends it finds nothing half made either.
    signal.signal(signal.SIGTERM, end)
    sys.exit(main())
