"""Check: a bag from its own bytes alone, made by anybody: manifests, objects, records, and what AWS signed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from detector.bundle import layout
from detector.bundle.claims import Answer, key_files, load_answers, load_statement
from detector.bundle.entry import MAX_LINE_BYTES, Entry, Held, parse_entry
from detector.bundle.facts import Contents, Facts, Judged
from detector.bundle.form import custody_problem, form_problems
from detector.bundle.opened import OpenBag, Unfit
from detector.bundle.programs import signature_problem
from detector.bundle.records import parse_place, record_lines
from detector.bundle.zipped import open_any
from detector.sources.log_source import MAX_OBJECT_BYTES
from detector.verify.asking import AskKeys
from detector.verify.keys import KeyRing, joined_ring
from detector.verify.place import parse_digest_uri
from detector.verify.survey import KeySpans

_MAX_PATH_BYTES: Final = 4 << 10
_MAX_TAGS_BYTES: Final = 16 << 20
_MAX_RECORD_BYTES: Final = 1 << 30  # of a line; no log file holds more


@dataclass(frozen=True, slots=True)
class Problem:
    """One file of a bag that is not as it should be."""

    path: str
    what: str
    is_damage: bool = True  # False: nothing could be found out


@dataclass(slots=True)
class Checked:
    """What is to be thought of a bag."""

    sha256: str  # of the tag manifest
    problems: list[Problem] = field(default_factory=list)
    files: int = 0  # as the manifests say
    judged: Judged | None = None  # None: it does not say what was asked, or which objects it holds
    contents: Contents = Contents.ALL
    has_signature: bool = False
    timestamps: tuple[str, ...] = ()  # files of a timestamp authority: whether they are good was not looked at

    @property
    def is_damaged(self) -> bool:
        """True when something differs from what was collected, or from what AWS signed."""
        return any(one.is_damage for one in self.problems) or (
            self.judged is not None and self.judged.integrity.is_damaged
        )

    @property
    def is_unproven(self) -> bool:
        """True when something could not be found out."""
        if self.problems or self.judged is None:
            return True
        return self.judged.integrity.is_unproven or self.judged.integrity.is_empty


def check(place: Path, ask_keys: AskKeys | None) -> Checked:
    """Check a bag.

    Args:
        place: of the bag: a folder, or a zip.
        ask_keys: answers about AWS's keys; None: the bag itself does.

    Raises:
        UsageError: it is no bag.
        SourceError: it cannot be listed, or AWS refuses the credentials.
    """
    with open_any(place) as bag:
        return _check(bag, ask_keys)


def _check(bag: OpenBag, ask_keys: AskKeys | None) -> Checked:
    checking = _Checking(bag, Checked(""))
    checking.check_files()
    try:
        contents, asked = load_statement(bag)
    except Unfit as error:
        checking.note(layout.STATEMENT, str(error))
        return checking.checked
    spans = KeySpans(asked)
    for place in filter(None, map(parse_digest_uri, checking.facts.digest_uris)):
        spans.note(place)
    keys = checking.saved_keys() if ask_keys is None else ask_keys(spans.to_ask()).ring()
    checking.checked.contents = contents
    checking.checked.judged = checking.facts.judge(contents, asked, keys)
    return checking.checked


@dataclass(slots=True)
class _Checking:
    """A bag that is being checked."""

    bag: OpenBag
    checked: Checked
    facts: Facts = field(default_factory=Facts)
    _kept: dict[str, str] = field(default_factory=dict)  # URI → SHA-256 of the stored bytes, as the bag says

    def check_files(self) -> None:
        """Hold every file against the manifests, and take the facts from the objects."""
        for path, what in sorted(self.bag.others.items()):
            self.note(path, what)
        payload = self._manifest(layout.MANIFEST)
        tags = self._manifest(layout.TAG_MANIFEST)
        entries = self._entries()
        lines = self._record_lines(entries)
        for path, sha256 in sorted(payload.items()):
            if named := layout.named_hash(path):
                self._object(path, sha256, named, entries, lines)
            else:
                self._compare(path, sha256)
        for path, sha256 in sorted(tags.items()):
            self._compare(path, sha256)
        for path in sorted({layout.MANIFEST, layout.DECLARATION, layout.INFORMATION} - tags.keys()):
            self.note(path, f"not in {layout.TAG_MANIFEST}")
        for path in sorted(self.bag.files - payload.keys() - tags.keys() - {layout.TAG_MANIFEST} - layout.MARKS):
            self.note(path, "in no manifest")
        for path, what in form_problems(self.bag):
            self.note(path, what, is_damage=False)
        if layout.CUSTODY in self.bag.files and (lacking := custody_problem(self.bag, self._kept)):
            self.note(layout.CUSTODY, lacking, is_damage=False)
        for listed in entries.values():
            for entry in listed:
                self.note(layout.OBJECTS, f"{entry.uri}: there is no object {entry.sha256}")
                self.facts.add(entry, None)
        for rest in lines.values():
            for uri, index in rest:
                self.note(layout.RECORDS, f"record {index} of {uri} is in no object of the bag")
        self._signature()
        self.checked.timestamps = tuple(sorted(self.bag.files & layout.TIMESTAMPS))

    def saved_keys(self) -> KeyRing:
        """Return the keys that the bag holds."""
        answers: list[Answer] = []
        for region, path in key_files(self.bag).items():
            try:
                answers += load_answers(self.bag, region)
            except Unfit as error:
                self.note(path, str(error))
        return joined_ring(answers)

    def note(self, path: str, what: str, *, is_damage: bool = True) -> None:
        """Note that a file is not as it should be."""
        self.checked.problems.append(Problem(path, what, is_damage))

    def _manifest(self, path: str) -> dict[str, str]:
        try:
            lines = [line.decode() for line in self.bag.lines(path, _MAX_PATH_BYTES)]
            if path == layout.TAG_MANIFEST:
                self.checked.sha256 = self.bag.hash(path)
        except ValueError as error:  # also what is no UTF-8
            self.note(path, str(error))
            return {}
        hashes, problems = layout.parse_manifest(lines)
        for problem in problems:
            self.note(path, problem)
        for named in [named for named in hashes if named.startswith(layout.PAYLOAD) != (path == layout.MANIFEST)]:
            self.note(path, f"{named} does not belong into it")
            del hashes[named]
        return hashes

    def _compare(self, path: str, sha256: str) -> None:
        self.checked.files += 1
        try:
            if self.bag.hash(path) != sha256:
                self.note(path, "not what the manifest says")
        except Unfit as error:
            self.note(path, str(error))

    def _entries(self) -> defaultdict[str, list[Entry]]:
        """Return the objects whose bytes the bag should hold, by their hash; the others are facts at once."""
        entries: defaultdict[str, list[Entry]] = defaultdict(list)
        seen: set[str] = set()
        for number, line in self._lines(layout.OBJECTS, MAX_LINE_BYTES):
            try:
                entry = parse_entry(line)
            except ValueError as error:
                self.note(layout.OBJECTS, f"line {number}: {error}")
                continue
            if entry.uri in seen:
                self.note(layout.OBJECTS, f"line {number} names {entry.uri} once more")
                continue
            seen.add(entry.uri)
            if entry.held is Held.KEPT and entry.sha256 is not None:
                entries[entry.sha256].append(entry)
                self._kept[entry.uri] = entry.sha256
            else:
                self.facts.add(entry, None)
        return entries

    def _record_lines(self, entries: dict[str, list[Entry]]) -> defaultdict[str, dict[tuple[str, int], bytes]]:
        """Return the hashes of the lines of `records.jsonl`, by log file and index, for each object."""
        objects = {entry.uri: sha256 for sha256, listed in entries.items() for entry in listed}
        lines: defaultdict[str, dict[tuple[str, int], bytes]] = defaultdict(dict)
        for number, line in self._lines(layout.RECORDS, _MAX_RECORD_BYTES):
            try:
                place = parse_place(line)
            except ValueError as error:
                self.note(layout.RECORDS, f"line {number}: {error}")
                continue
            sha256 = objects.get(place.log_file, "")
            lines[sha256][place.log_file, place.index] = hashlib.sha256(line + b"\n").digest()
        return lines

    def _lines(self, path: str, most_bytes: int) -> Iterator[tuple[int, bytes]]:
        try:
            yield from enumerate(self.bag.lines(path, most_bytes), 1)
        except Unfit as error:
            self.note(path, str(error))

    def _object(
        self,
        path: str,
        sha256: str,
        named: str,
        entries: defaultdict[str, list[Entry]],
        lines: defaultdict[str, dict[tuple[str, int], bytes]],
    ) -> None:
        """Check one object, and take the facts from it."""
        self.checked.files += 1
        stored: bytes | None = None
        try:
            stored = self.bag.read(path, MAX_OBJECT_BYTES)
        except Unfit as error:
            self.note(path, str(error))
        else:
            found = hashlib.sha256(stored).hexdigest()
            if found != sha256 or found != named:
                self.note(path, "not what the manifest says" if found != sha256 else "its name is not its hash")
                stored = None
        listed, expected = entries.pop(named, []), lines.pop(named, {})
        if not listed:
            self.note(path, f"{layout.OBJECTS} does not name it")
        for entry in listed:
            content = self.facts.add(entry, stored)
            if content is not None and content != entry.content_sha256:
                self.note(layout.OBJECTS, f"{entry.uri} holds {content}, not {entry.content_sha256}")
            wanted = {index for uri, index in expected if uri == entry.uri}
            if stored is not None and wanted:
                found_lines = dict(record_lines(entry.uri, named, stored, wanted))
                self._records(entry.uri, wanted, found_lines, expected)

    def _records(
        self, uri: str, wanted: set[int], found: dict[int, bytes], expected: dict[tuple[str, int], bytes]
    ) -> None:
        for index in sorted(wanted):
            line = found.get(index)
            if line is None or hashlib.sha256(line).digest() != expected[uri, index]:
                self.note(layout.RECORDS, f"record {index} of {uri} is not as it stands in the log file")

    def _signature(self) -> None:
        if layout.SIGNATURE not in self.bag.files:
            return
        self.checked.has_signature = True
        try:
            tags = self.bag.read(layout.TAG_MANIFEST, _MAX_TAGS_BYTES)
            signature = self.bag.read(layout.SIGNATURE, _MAX_PATH_BYTES)
        except Unfit as error:
            self.note(layout.SIGNATURE, str(error))
            return
        if problem := signature_problem(signature, tags):
            self.note(layout.SIGNATURE, problem[1], is_damage=problem[0])
