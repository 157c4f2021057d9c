"""A notice as subject and text of a mail; the sink makes the mail of it."""

from __future__ import annotations

from typing import Any

from detector.alerts.formats.json_line import cut
from detector.alerts.formats.notice import Notice, plain_lines

_SUBJECT_BYTES = 200


def to_mail(notice: Notice) -> dict[str, Any]:
    """Return both; the subject is one printable line."""
    return {
        "id": notice.id,
        "subject": cut(notice.subject, _SUBJECT_BYTES),
        "text": "\n".join(plain_lines(notice)) + "\n",
    }
