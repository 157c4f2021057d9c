"""A bag in one file: as good as its folder, and no way out of it."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.bundle import zipped
from detector.bundle.check import Checked, check
from detector.bundle.opened import Unfit
from detector.bundle.zipped import open_any, write_zip
from detector.errors import SourceError, UsageError
from tests.bundle.conftest import Case
from tests.running import Result

Write = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def packed(bag: Path, tmp_path: Path) -> Path:
    """The bag, zipped."""
    target = tmp_path / "case-42.zip"
    with target.open("wb") as file:
        write_zip(bag, file, "case-42")
    return target


def checked(place: Path) -> Checked:
    return check(place, None)


def problems(place: Path) -> dict[str, str]:
    return {one.path: one.what for one in checked(place).problems}


def test_a_zip_is_found_to_be_what_its_folder_is(bag: Path, packed: Path) -> None:
    folder, one_file = checked(bag), checked(packed)

    assert (one_file.sha256, one_file.files, one_file.problems) == (folder.sha256, folder.files, [])
    assert one_file.judged
    assert folder.judged
    assert one_file.judged.integrity.to_json() == folder.judged.integrity.to_json()
    assert not one_file.is_damaged


def test_the_same_bag_is_the_same_file_in_one_folder(bag: Path, packed: Path) -> None:
    again = io.BytesIO()
    (bag / "bagit.txt").touch()
    write_zip(bag, again, "case-42")

    assert again.getvalue() == packed.read_bytes()
    assert {name.partition("/")[0] for name in zipfile.ZipFile(packed).namelist()} == {"case-42"}


@pytest.mark.slow
def test_an_output_that_ends_in_zip_is_one_file(detector: Callable[..., Result], case: Case, tmp_path: Path) -> None:
    target = tmp_path / "case-42.zip"

    detector("bundle", "--lake", case.lake, "--output", target)

    assert [path.name for path in tmp_path.iterdir() if "case" in path.name] == ["case-42.zip"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "signed and intact" in detector("bundle", "verify", target, "--keys", "bundle").err
    assert "exists already" in detector("bundle", "--lake", case.lake, "--output", target, code=2).errors[0]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("../outside", "outside of the folder of the bag"),
        ("/etc/passwd", "outside of the folder of the bag"),
        ("other/bagit.txt.bak", "outside of the folder of the bag"),
        ("case-42/../../outside", "a name that leads elsewhere"),
        ("case-42//outside", "a name that leads elsewhere"),
        ("case-42/data\\..\\outside", "a name that leads elsewhere"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_and_told(packed: Path, name: str, what: str) -> None:
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, b"x")

    found = problems(packed)

    assert found == {name.removeprefix("case-42/"): what}
    assert checked(packed).is_damaged


@pytest.mark.parametrize(
    ("mode", "what"), [(stat.S_IFLNK | 0o777, "a symbolic link"), (stat.S_IFIFO | 0o600, "no regular file")]
)
def test_what_is_no_file_is_refused(packed: Path, mode: int, what: str) -> None:
    entry = zipfile.ZipInfo("case-42/data/more")
    entry.external_attr = mode << 16
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(entry, b"/etc/passwd")

    assert problems(packed) == {"data/more": what}


def test_of_two_files_with_one_name_neither_is_taken(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("case-42/data/alerts.jsonl", b"")

    found = checked(packed)

    whats = [one.what for one in found.problems if one.path == "data/alerts.jsonl"]
    assert sorted(whats) == ["missing", "there twice"]


def test_an_empty_folder_in_a_zip_is_nothing(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("case-42/data/empty/", b"")

    assert problems(packed) == {}


def test_a_changed_byte_is_noticed(packed: Path) -> None:
    entry = next(one for one in zipfile.ZipFile(packed).infolist() if "/objects/" in one.filename)
    content = bytearray(packed.read_bytes())
    content[entry.header_offset + 30 + len(entry.filename) + 12] ^= 1
    packed.write_bytes(bytes(content))

    assert "cannot be read: Bad CRC-32" in problems(packed)[entry.filename.removeprefix("case-42/")]


def test_an_encrypted_file_is_none(packed: Path) -> None:
    content = packed.read_bytes()
    at = content.index(b"PK\x01\x02")  # the first of the central directory: bag-info.txt
    packed.write_bytes(content[: at + 8] + b"\x01\x00" + content[at + 10 :])

    assert problems(packed)["bag-info.txt"] in ("encrypted", "missing")
    assert "encrypted" in [one.what for one in checked(packed).problems]


def test_what_would_inflate_to_too_much_is_not_read(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "_ALWAYS_BYTES", 1 << 10)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("case-42/data/more", bytes(300 * packed.stat().st_size))

    with pytest.raises(SourceError, match="would inflate to more than"):
        checked(packed)


def test_more_files_than_a_bag_has_are_not_listed(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MOST_FILES", 3)

    with pytest.raises(SourceError, match="holds more than 3 files"):
        checked(packed)


def test_a_file_larger_than_its_cap_or_absent_is_unfit(packed: Path) -> None:
    with open_any(packed) as bag:
        assert bag.read("bagit.txt", 1_000).startswith(b"BagIt-Version")
        with pytest.raises(Unfit, match="larger than the cap of 3 bytes"):
            bag.read("bagit.txt", 3)
        with pytest.raises(Unfit, match="missing"):
            bag.read("../outside", 100)


@pytest.mark.parametrize("names", [[], ["a/bagit.txt", "b/bagit.txt"], ["a/b/bagit.txt"], ["bagit.txt"]])
def test_a_zip_without_one_bag_is_none(tmp_path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")

    with pytest.raises(UsageError, match="is no bag"):
        checked(tmp_path / "some.zip")


def test_another_file_is_no_bag(tmp_path: Path) -> None:
    (tmp_path / "notes.zip").write_text("no zip")

    with pytest.raises(UsageError, match="it is no zip"):
        checked(tmp_path / "notes.zip")
