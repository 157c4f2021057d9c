"""Chains of digests: facts to verdicts. Pure, and the same for any order of arrival.

Newest first, so that a successor's word is known: a signature proves itself whoever hands it over, but only a verified
digest can say that another one is missing or was replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detector.verify.digest import ALGORITHM, DigestContent, FoundDigest, Previous
from detector.verify.keys import KeyRing, PublicKey
from detector.verify.place import DigestPlace, parse_digest_uri, same_place, split_key
from detector.verify.signature import signature_holds
from detector.verify.verdicts import GENUINE, Absence, Asked, DigestVerdict, JudgedDigest

_MAY_BE_PROVEN = frozenset({DigestVerdict.FORGED, DigestVerdict.UNSIGNED})


@dataclass(slots=True)
class _Digest:
    """One digest while its chain is being judged."""

    found: FoundDigest
    place: DigestPlace
    verdict: DigestVerdict
    reason: str
    key: PublicKey | None = None

    @property
    def is_genuine(self) -> bool:
        return self.verdict in GENUINE

    def judge(self, verdict: DigestVerdict, reason: str) -> None:
        self.verdict, self.reason = verdict, reason


def judge_chain(
    found: Iterable[tuple[FoundDigest, DigestPlace]], keys: KeyRing, asked: Asked, absence: Absence
) -> list[JudgedDigest]:
    """Return the verdict on each digest of one chain, also on those that are named and not there; oldest first.

    Args:
        found: the digests of one trail in one location.
        keys: of the regions.
        asked: a digest that ended before is not called missing.
        absence: what can be said of those that were not found.
    """
    digests = {digest.uri: _judge_alone(digest, place, keys) for digest, place in found}
    missing: dict[str, JudgedDigest] = {}
    for one in sorted(digests.values(), key=lambda one: (one.place.end, one.found.uri), reverse=True):
        if one.found.content is None or one.place.is_backfill or one.found.content.previous is None:
            continue
        named = _uri_of_previous(one.found.uri, one.found.content, one.found.content.previous)
        if named is None:
            continue
        before = digests.get(named)
        if before is not None:
            _take_word(one, one.found.content.previous, before)
        elif one.is_genuine and (lacking := _missing(named, one, asked, absence)):
            missing[named] = lacking
    judged = [
        JudgedDigest(one.found.uri, one.place, one.verdict, one.reason, one.found.content, one.found.bucket)
        for one in digests.values()
    ]
    return sorted([*judged, *missing.values()], key=lambda one: (one.place.end, one.uri))


def _judge_alone(found: FoundDigest, place: DigestPlace, keys: KeyRing) -> _Digest:
    """Judge a digest by what it says itself."""
    content, region = found.content, place.chain.location.region
    if content is None:
        return _Digest(found, place, _without_content(found), found.problem or "")
    is_here = same_place(found.uri, content.key)
    if not is_here or place.end != content.end or content.account != place.chain.location.account:
        return _Digest(found, place, DigestVerdict.MISPLACED, f"it says that it is {content.bucket}/{content.key}")
    if content.algorithm != ALGORITHM:
        return _Digest(found, place, DigestVerdict.UNCHECKED, f"signed with {content.algorithm[:40]}, not {ALGORITHM}")
    if place.is_backfill and found.generated is None:
        reason = "a backfill without the time of its making"
        return _Digest(found, place, DigestVerdict.UNSIGNED, reason)
    signed_at = found.generated if place.is_backfill and found.generated else content.end
    fingerprint = content.fingerprint.lower()
    key = keys.find(region, fingerprint)
    if key is None:
        if lacking := keys.lacks(region, fingerprint, signed_at):
            return _Digest(found, place, DigestVerdict.UNCHECKED, lacking)
        reason = f"AWS lists no key {content.fingerprint[:40]} in {region}"
        return _Digest(found, place, DigestVerdict.UNKNOWN_KEY, reason)
    if not key.was_valid(signed_at):
        reason = f"the key {key.fingerprint} was not valid at {signed_at:%Y-%m-%dT%H:%M:%SZ}"
        return _Digest(found, place, DigestVerdict.UNKNOWN_KEY, reason)
    if not found.signature:
        reason = "no signature in its metadata, and no next digest repeats one"
        return _Digest(found, place, DigestVerdict.UNSIGNED, reason, key)
    if signature_holds(content, found.signature, key):
        return _Digest(found, place, DigestVerdict.VERIFIED, "", key)
    return _Digest(found, place, DigestVerdict.FORGED, "no signature fits its bytes", key)


def _without_content(found: FoundDigest) -> DigestVerdict:
    if found.is_unread:
        return DigestVerdict.UNREAD
    return DigestVerdict.UNREADABLE if found.is_unreadable else DigestVerdict.MALFORMED


def _take_word(successor: _Digest, word: Previous, before: _Digest) -> None:
    """Judge a digest anew by what the next one says of it."""
    content = before.found.content
    if content is None:
        return
    if before.verdict in _MAY_BE_PROVEN:
        if before.key is None or not signature_holds(content, word.signature, before.key):
            return
        if before.found.signature:
            before.judge(DigestVerdict.METADATA_ALTERED, "the signature in its metadata is not that of its bytes")
        else:
            before.judge(DigestVerdict.VERIFIED_BY_SUCCESSOR, "by the signature that the next digest repeats")
        signature: str | None = word.signature
    else:
        signature = before.found.signature
    if before.is_genuine and successor.is_genuine:
        same = word.sha256 == content.sha256 and word.signature.lower() == (signature or "").lower()
        if not same:
            before.judge(DigestVerdict.BROKEN_LINK, "the next digest names another hash or signature in its place")


def _uri_of_previous(uri: str, content: DigestContent, previous: Previous) -> str | None:
    """Return where the digest before lies if the chain lies together; None when AWS put it somewhere else."""
    signed_root, _ = split_key(content.key)
    previous_root, tail = split_key(previous.key)
    if (previous.bucket, previous_root) != (content.bucket, signed_root):
        return None  # the trail was given another bucket or prefix then
    return split_key(uri)[0] + tail


def _missing(named: str, successor: _Digest, asked: Asked, absence: Absence) -> JudgedDigest | None:
    place = parse_digest_uri(named)
    if place is None or (asked.since is not None and place.end <= asked.since):
        return None
    if named.startswith(absence.denied):
        return JudgedDigest(named, place, DigestVerdict.UNREADABLE, "its folder cannot be listed")
    if not absence.is_certain(named):
        return None
    return JudgedDigest(named, place, DigestVerdict.MISSING, f"named by the digest of {successor.place.end:%H:%M:%S}")
