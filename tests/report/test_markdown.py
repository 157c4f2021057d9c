"""The report as Markdown: whatever attackers write is text in it, whoever renders it."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from detector.report.render import markdown, markdown_text
from detector.report.report import Report
from detector.severity import Severity
from tests.report.hostile import WORDS
from tests.report.samples import a_report, a_story, an_alert, an_event, answers

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_TEXT = {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}


def flat(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *flat(token.children or []))]


@pytest.mark.parametrize(
    "value",
    [
        *WORDS, "**bold** _it_ ~~no~~", "# heading", "- item", "+ item", "1. one", "=====", "---", "> quote", "a | b",
        "```\ncode\n```", "    indented", "<https://evil.example>", "https://evil.example", "www.evil.example", "a\\",
        "&lt;b&gt;", "[a]: https://evil.example", "![i](i)", "$x$", "line\n\n# heading", "\t# heading", "| - |",
    ],
)  # fmt: skip
def test_a_value_is_text_wherever_it_stands(value: str) -> None:
    text = markdown_text(value)
    for place in ("{}", "- {}", "**word** {}", "1. {}"):
        tokens = {one.type for one in flat(READER.parse(place.format(text)))}
        known = {*_TEXT, *(one.type for one in flat(READER.parse(place.format("word"))))}
        assert tokens <= known, place
    row = READER.parse(f"| a | b |\n| --- | --- |\n| {text} | end |")
    assert sum(one.type == "td_open" for one in row) == 2
    assert not {"link_open", "image", "html_inline", "code_inline"} & {one.type for one in flat(row)}
    assert "://" not in text
    assert "www." not in text


def test_a_report_of_hostile_words_has_the_structure_of_one_of_harmless_ones() -> None:
    def structure(word: str) -> list[str]:
        event = an_event(0, target=word, source_ip=word, event_name=word, service=None, actor=word, event_id=word)
        story = a_story(0, [event], sentence=word, who=word, account_id=word)
        alert = an_alert(0, Severity.HIGH, word, summary=word, title=word, event_ids=(word,))
        report = a_report([alert], [story], answers(word), {word: {}})
        return [
            one.type
            for one in flat(READER.parse(markdown(report)))
            if one.type not in ("text", "text_special", "softbreak")
        ]

    harmless = structure("word")
    assert "table_open" in harmless
    for word in WORDS:
        assert structure(word) == harmless, word


@pytest.mark.slow
def test_a_real_report_has_no_links_images_or_html(trail_report: Report) -> None:
    kinds = {one.type for one in flat(READER.parse(markdown(trail_report)))}
    assert not kinds & {"link_open", "image", "html_block", "html_inline", "code_block", "hr"}
    assert {"table_open", "ordered_list_open", "heading_open"} <= kinds
