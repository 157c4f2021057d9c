"""detector, and behind its output the CPU seconds of this process without its workers. Arguments: those of detector."""

from __future__ import annotations

import sys
from time import process_time

from detector.cli.app import main as detector


def main() -> None:
    """Run it."""
    sys.argv[0] = "detector"
    try:
        detector()
    finally:
        sys.stdout.write(f"{process_time():.4f}\n")


if __name__ == "__main__":
    main()
