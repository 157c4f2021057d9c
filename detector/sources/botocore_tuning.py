"""botocore's parsers, made faster for listings and safe against odd answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import botocore.session
    from botocore.exceptions import BotoCoreError

_USUAL_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)  # S3's


def tune_parsers(session: botocore.session.Session) -> None:
    """Have a session's answers parsed one at a time, and S3's times quickly."""
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=_parse_timestamp)
    parsers.create_parser = partial(_parser_of_one_at_a_time, parsers.create_parser, Lock())


def _parser_of_one_at_a_time(create_parser: Callable[[str], Any], turn: Lock, protocol: str) -> Any:  # noqa: ANN401
    """Return a parser that waits for its turn.

    Python runs one thread at a time: of a dozen pages of a listing that are parsed side by side the first is ready as
    late as the last. What is not a number or a time where AWS has one is an error like any other of botocore's.
    """
    from botocore.parsers import ResponseParserError

    parser = create_parser(protocol)
    parse = parser.parse

    def parse_in_turn(*arguments: Any) -> Any:  # noqa: ANN401 - botocore's
        with turn:
            try:
                return parse(*arguments)
            except (ResponseParserError, ValueError, OverflowError) as error:
                raise odd_answer()(error=error) from error

    parser.parse = parse_in_turn
    return parser


@cache
def odd_answer() -> type[BotoCoreError]:
    """Return the error of an answer that is not in AWS's form: HTML, or words for numbers."""
    from botocore.exceptions import BotoCoreError

    class OddAnswer(BotoCoreError):  # noqa: N818 - a verdict on the answer
        fmt = "the answer cannot be understood: {error}"

    return OddAnswer


def _parse_timestamp(value: str) -> datetime:
    """Return the moment that AWS names; botocore's own way takes longer for it than for the rest of a listing."""
    from botocore.utils import parse_timestamp

    if _USUAL_TIMESTAMP.fullmatch(str(value)):  # JSON has numbers
        return datetime.fromisoformat(value)
    return parse_timestamp(value)
