"""The command `detector`, and `python -m detector`.

Worker processes start by importing this module again, and have no use for the command line behind it.
"""

from detector.interpreter import look_seldom, share_one_heap


def main() -> None:
    """Run the command line."""
    look_seldom()
    share_one_heap()
    from detector.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
