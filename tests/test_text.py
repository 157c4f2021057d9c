"""Text that others chose, as it is shown."""

from __future__ import annotations

import pytest

from detector.report.render import markdown_text, shown
from detector.text import printable, spreadsheet_cell, table_lines

FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u200b\u2060\u2800\u3164\ufeff\uffa0"
SELECTORS = "\u180b\u180e\u180f\ufe00\ufe0f\U000e0100\U000e0041"


@pytest.mark.parametrize("character", FILLERS + SELECTORS, ids=ascii)
def test_a_character_that_nobody_sees_is_written_out_wherever_text_is_shown(character: str) -> None:
    name = f"bk{character}"
    for text in (printable(name), spreadsheet_cell(name), shown(name), [*table_lines(["user"], [[name]])][1]):
        assert text == f"bk{character.encode('unicode_escape').decode()}"
    assert character not in markdown_text(name)


@pytest.mark.parametrize("name", ["bk", "Jürgen", "이름", "नाम", "ชื่อ", "e\u0301", "\U0001f600"])
def test_letters_and_their_marks_stay_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_control_characters_are_written_out_beside_unseen_ones() -> None:
    assert printable("a\x1b\u3164\nü") == "a\\x1b\\u3164\\nü"
