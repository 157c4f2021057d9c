"""botocore's parsers, made faster for listings and safe against odd answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import botocore.session
    from botocore.exceptions import BotoCoreError

_USUAL_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)  # S3's


def tune_parsers(session: botocore.session.Session) -> None:
    """Have a session's answers parsed one at a time, and S3's listings and times quickly."""
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
    if protocol == "rest-xml":
        parser._handle_structure = partial(_structure, parser._handle_structure)
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


def _structure(parse: Callable[[Any, Any], Any], shape: Any, node: Any) -> Any:  # noqa: ANN401 - botocore's
    """Return what an XML element holds; botocore takes five times as long for the objects of a listing."""
    usual = _usual_object(node) if shape.name == "Object" else None
    return parse(shape, node) if usual is None else usual


def _usual_object(node: Element) -> dict[str, Any] | None:
    """Return one object of a listing as botocore does; None where there is more to it than plain members, each once."""
    found: dict[str, Any] = {}
    for member in node:
        name = member.tag.rpartition("}")[2]
        read = _USUAL_MEMBERS.get(name)
        if read is None or name in found:
            return None
        found[name] = read(member.text or "")
    return found


def _parse_timestamp(value: str) -> datetime:
    """Return the moment that AWS names; botocore's own way takes longer for it than for the rest of a listing."""
    from botocore.utils import parse_timestamp

    if _USUAL_TIMESTAMP.fullmatch(str(value)):  # JSON has numbers
        return datetime.fromisoformat(value)
    return parse_timestamp(value)


_USUAL_MEMBERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "Key": str,
    "LastModified": _parse_timestamp,
    "ETag": str,
    "Size": int,
    "StorageClass": str,
}
