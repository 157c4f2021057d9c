"""`python -m tests.slips`."""

import sys

from .rounds import main

if __name__ == "__main__":
    sys.exit(main())
