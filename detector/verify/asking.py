"""AWS's answers about its keys: from a file, or from AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.sources.aws_options import AwsOptions
from detector.verify.keys import KeyRing, Span, key_ring, load_answers

if TYPE_CHECKING:
    from detector.sources.public_keys import AnsweredPage

LIVE = "live"


@dataclass(frozen=True, slots=True)
class KeyAnswers:
    """What was said about keys."""

    answers: Mapping[str, Any]  # region → an answer of ListPublicKeys, as JSON
    refused: Mapping[str, str] = field(default_factory=dict)  # region → why there is none
    asked: Mapping[str, Span] = field(default_factory=dict)  # region → for which time; none: for all
    pages: tuple[AnsweredPage, ...] = ()  # as they came from AWS

    def ring(self) -> KeyRing:
        """Return the keys.

        Raises:
            UsageError: an answer is none.
        """
        return key_ring(self.answers, self.refused, self.asked)


AskKeys = Callable[[Mapping[str, Span]], KeyAnswers]


def key_source(keys: str, aws: AwsOptions) -> AskKeys:
    """Return what answers for regions and spans of time.

    Args:
        keys: `live`, or the path of a file or folder.
        aws: how to reach AWS; only for `live`.

    Raises:
        UsageError: the file cannot be read, or holds no keys.
    """
    if keys != LIVE:
        answers = KeyAnswers(load_answers(Path(keys)))
        answers.ring()  # refuses what is none
        return lambda _spans: answers

    def ask(spans: Mapping[str, Span]) -> KeyAnswers:
        from detector.sources.public_keys import list_public_keys

        answered = list_public_keys(spans, aws)
        return KeyAnswers(answered.answers, answered.refused, spans, answered.pages)

    return ask
