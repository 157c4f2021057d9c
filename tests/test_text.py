"""Text that others chose, as people are shown it."""

from __future__ import annotations

import pytest

from detector.text import printable


@pytest.mark.parametrize(
    ("unseen", "written"),
    [
        ("\u3164", r"\u3164"),  # Hangul filler, a letter
        ("\uffa0", r"\uffa0"),
        ("\u115f", r"\u115f"),
        ("\ufe0f", r"\ufe0f"),  # a variation selector, a mark
        ("\u034f", r"\u034f"),
        ("\u2800", r"\u2800"),  # Braille without a dot
        ("\U000e0101", r"\U000e0101"),
        ("\u200b", r"\u200b"),
        ("\u202e", r"\u202e"),
        ("\x1b", r"\x1b"),
    ],
)
def test_what_cannot_be_seen_is_written_out(unseen: str, written: str) -> None:
    assert printable(f"bk{unseen}") == f"bk{written}"


def test_what_can_be_seen_stays() -> None:
    for text in ("bob", "Zoë", "e\u0301", "한글", "नमस्ते", "ประเทศ", "😀"):
        assert printable(text) == text
