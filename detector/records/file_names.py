"""What the name of a file says about its content, wherever it lies: a log, positively something else, or nothing."""

from __future__ import annotations

import re
from typing import Final

from detector.aws_regions import REGION_PATTERN as _REGION
from detector.reasons import Reason

# With any ending: copied, renamed, downloaded in part.
_OWN_NAME: Final = re.compile(rf"[0-9]{{12}}_CloudTrail_{_REGION}_[0-9]{{8}}T[0-9]{{4}}Z")
_LOG_EXTENSIONS: Final = frozenset({"json", "jsonl", "ndjson", "log"})
# Archives are not among them: what is handed over in one may be logs.
OTHER_EXTENSIONS: Final = frozenset(
    (  # noqa: SIM905 - a list of words
        "csv tsv avro feather orc parquet db sqlite sql "  # tables
        "doc docx html htm md msg eml odp ods odt pdf ppt pptx rst rtf tex xls xlsx "  # documents
        "bmp gif ico jpeg jpg png svg webp avi mov mp3 mp4 wav webm woff woff2 "  # pictures, sound, letters
        "c cfg class conf cpp css go h hcl ini ipynb java js lua pl ps1 py pyc rb rs sh swift tf toml ts xml yaml yml "
        "cer crc crt key lock md5 pem pub sha1 sha256 sig tfstate "  # keys, checksums, states
        "dll evtx exe iso jar msi pcap pcapng so vmdk wasm"  # programs, disks, other recordings
    ).split(" ")
)
_NOTE_NAMES: Final = frozenset({"readme", "license", "licence", "notice", "changelog", "makefile"})


def other_kind(name: str) -> str | None:
    """Say which other kind of file a name is that of; None when it may be a log file's."""
    if name.startswith("."):
        return Reason.HIDDEN_FILE.of()
    if name == "ELBAccessLogTestFile":
        return Reason.LOAD_BALANCER_TEST.of()
    if _OWN_NAME.match(name):
        return None
    if name.lower() in _NOTE_NAMES:
        return Reason.NOTE.of()
    endings = _endings(name)
    other = next((ending for ending in endings if ending in OTHER_EXTENSIONS), None)
    return Reason.OTHER_EXTENSION.of(extension=".".join(endings)) if other else None


def is_named_as_log(name: str) -> bool:
    """Tell whether a name is one that logs have: if not, what holds no record of CloudTrail is some other text."""
    endings = _endings(name)
    return not endings or endings[0] in _LOG_EXTENSIONS or _OWN_NAME.match(name) is not None


def _endings(name: str) -> list[str]:
    """Return the extension, in lower case; of something in gzip that inside, and then `gz`."""
    found = name.lower().split(".")[1:][-2:]
    if found[-1:] == ["gz"]:
        return found if len(found) > 1 else []
    return found[-1:]
