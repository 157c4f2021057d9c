"""The alerts of one trail in every format, as files that a person can read; `python -m fixtures.expect` writes them."""

from __future__ import annotations

import pytest

from detector.alerts.alert import Alert
from detector.alerts.formats.formatting import header
from detector.alerts.formats.names import AlertFormat, NoticeFormat
from fixtures.expect import GOLDEN_TRAIL, found_alerts, golden_path, lake_of, lines, told, told_path
from fixtures.receivers import alert_id_of, read_line


@pytest.fixture(scope="module")
def alerts() -> list[Alert]:
    with lake_of(GOLDEN_TRAIL) as lake:
        return found_alerts(lake)


@pytest.mark.parametrize("form", AlertFormat)
def test_the_trail_is_written_as_expected(alerts: list[Alert], form: AlertFormat) -> None:
    assert lines(alerts, form) == golden_path(form).read_bytes(), "if it is meant: python -m fixtures.expect"


@pytest.mark.parametrize("form", AlertFormat)
def test_its_receiver_takes_it(alerts: list[Alert], form: AlertFormat) -> None:
    written = golden_path(form).read_bytes().removeprefix(header(form) or b"").splitlines(keepends=True)
    documents = [read_line(form, line) for line in written]
    found = [alert_id_of(form, document) for document in documents]
    assert found == [None if form is AlertFormat.TABLE else alert.alert_id for alert in alerts]


@pytest.mark.parametrize("form", NoticeFormat)
def test_people_are_told_as_expected(alerts: list[Alert], form: NoticeFormat) -> None:
    assert told(alerts, form) == told_path(form).read_bytes(), "if it is meant: python -m fixtures.expect"
