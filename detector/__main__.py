"""The command `detector`, and `python -m detector`.

Worker processes start by importing this module again, and have no use for the command line behind it.
"""

from detector.garbage import look_seldom


def main() -> None:
    """Run the command line."""
    look_seldom()
    from detector.cli import main as run

    run()


if __name__ == "__main__":
    main()
