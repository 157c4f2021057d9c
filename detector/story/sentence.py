"""A story in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from detector.story.from_lake import Part
from detector.story.story import Counted, Made, MadeKind, Phase, StoryKind
from detector.text import counted, printable

_BY_NAME: Final = 3
_LONGEST: Final = 64  # characters of one name, as of a user: none pushes out what is said after it
_MFA: Final = {"yes": " with MFA", "no": " without MFA"}
_NOUNS: Final = {
    MadeKind.KEY: "access key",
    MadeKind.USER: "user",
    MadeKind.ROLE: "role",
    MadeKind.PASSWORD: "password of user",
    MadeKind.SESSION: "session",
}


def who(part: Part) -> str:
    """Return who acts in a session, in a few words."""
    if part.kind is StoryKind.KEY:
        return f"root by access key {_name(part.key.partition(' ')[0])}"
    if part.kind is StoryKind.ASSUME_ROOT:
        return f"root by AssumeRoot of {_short(part.assumed_by)}"
    return "root"


def sentence(part: Part, addresses: Sequence[Counted], counts: Mapping[Phase, int], made: Sequence[Made]) -> str:
    """Return what happened.

    Args:
        part: the session that the story is about.
        addresses: most events first, also of the sessions that are told with it.
        counts: of all events.
        made: what was made in it.
    """
    said = [_beginning(part, addresses), *filter(None, (_deeds(counts), _made(made), _afterwards(counts)))]
    return "; ".join(said)


def _beginning(part: Part, addresses: Sequence[Counted]) -> str:
    account = f"account {_name(part.account_id or 'unknown')}"
    whence = _from(addresses)
    if part.kind is StoryKind.KEY:
        return f"root's access key {_name(part.key.partition(' ')[0])} of {account} was used{whence}"
    if part.kind is StoryKind.ASSUME_ROOT:
        return f"{_short(part.assumed_by)} acted as root of {account} by AssumeRoot{whence}"
    if part.kind is StoryKind.LOOSE:
        return f"what was done or tried as root of {account} on {_name(part.key)}{whence} belongs to no session"
    deed = "root signed in to" if part.counts[Phase.SIGN_IN] else "root was signed in to"
    before = ", ".join(_before(part))
    return f"{deed} {account}{whence}{_MFA.get(part.mfa, '')}" + (f", after {before}" if before else "")


def _short(arn: str | None) -> str:
    """Return the name at the end of an ARN."""
    return "an unknown caller" if arn is None else _name(arn.rpartition("/")[2] or arn)


def _name(text: str) -> str:
    name = printable(text[: _LONGEST + 1])
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def _before(part: Part) -> Iterator[str]:
    if part.failures_before:
        yield counted(part.failures_before, "failed sign-in")
    # The password was asked for and the code taken: that is how a sign-in goes.
    yield from (_name(name) for name in part.opened_by if name != "CheckMfa")


def _from(addresses: Sequence[Counted]) -> str:
    if not addresses:
        return ""
    more = f" and {counted(len(addresses) - 1, 'other address', 'other addresses')}" if len(addresses) > 1 else ""
    return f" from {_name(addresses[0].value)}{more}"


def _deeds(counts: Mapping[Phase, int]) -> str:
    deeds = [
        f"changed {counts[Phase.CHANGED]:,}" if counts[Phase.CHANGED] else "changed nothing",
        f"read {counts[Phase.READ]:,}" if counts[Phase.READ] else "",
        f"{counts[Phase.REFUSED]:,} failed" if counts[Phase.REFUSED] else "",
    ]
    return ", ".join(filter(None, deeds))


def _made(made: Sequence[Made]) -> str:
    if not made:
        return ""
    named = [f"{_NOUNS[one.kind]} {_name(one.name)}" for one in made[:_BY_NAME]]
    more = [f"{len(made) - _BY_NAME:,} more"] if len(made) > _BY_NAME else []
    return "made " + ", ".join([*named, *more])


def _afterwards(counts: Mapping[Phase, int]) -> str:
    after = counts[Phase.AFTER]
    return f"what it made was used for {counted(after, 'call')}" if after else ""
