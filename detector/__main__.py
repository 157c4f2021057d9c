"""The command `detector`, and `python -m detector`.

Worker processes start by importing this module again, and have no use for the command line behind it.
"""

import os

from detector.interpreter import collect_garbage_rarely, keep_out_array_libraries, use_system_allocator

_FOR_OWNER_ONLY = 0o077  # lakes, alerts and reports hold what logs do


def main() -> None:
    """Run the command line."""
    os.umask(_FOR_OWNER_ONLY)
    collect_garbage_rarely()
    use_system_allocator()
    keep_out_array_libraries()
    from detector.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
