"""`python -m tests.mutation`."""

import sys

from .score import main

if __name__ == "__main__":  # worker processes import this module too
    sys.exit(main())
