"""The command `detector`, and `python -m detector`.

Worker processes start by importing this module again, and have no use for the command line behind it.
"""

from detector.interpreter import collect_garbage_rarely, use_system_allocator


def main() -> None:
    """Run the command line."""
    collect_garbage_rarely()
    use_system_allocator()
    from detector.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
