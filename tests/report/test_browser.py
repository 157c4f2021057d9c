"""The page in a real browser: nothing is asked for, nothing complained about, and everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.report.render import page
from detector.report.report import Report
from fixtures.expect import TRAILS, found_report, lake_of
from tests.report.browser import AXE, CHROMIUM, Browser, open_browser
from tests.report.hostile import hostile_lake
from tests.report.test_page import large_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; scripts/test-slow does where it can"),
]
LOOKS: list[dict[str, Any]] = [
    {"width": 390},
    {"width": 1400},
    {"width": 1400, "dark": True},
    {"width": 794, "printed": True},
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(
    scope="module", params=["hostile", "large", *sorted(path.name for path in TRAILS.iterdir() if path.is_dir())]
)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "report.html"
    path.write_text(page(_report(str(request.param), folder)), encoding="utf-8")
    return path


def _report(name: str, folder: Path) -> Report:
    if name == "hostile":
        return found_report(hostile_lake(folder))
    if name == "large":
        return large_report()
    with lake_of(TRAILS / name) as lake:
        return found_report(lake)


def test_the_browser_asks_for_nothing_complains_of_nothing_and_scrolls_only_down(browser: Browser, file: Path) -> None:
    shown = browser.page()
    shown.open(file)
    for look in LOOKS:
        shown.look(**look)
        excess = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert excess == 0, look
    assert shown.evaluate("getComputedStyle(document.body).maxWidth") != "0px"
    assert shown.evaluate("document.querySelectorAll('script').length") == 0
    assert shown.requests == [file.as_uri()]
    assert shown.complaints == []


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed; scripts/test-slow does where it can")
def test_axe_finds_nothing_serious(browser: Browser, file: Path) -> None:
    shown = browser.page()
    shown.open(file)
    is_large = file.stat().st_size > 500_000  # each look takes half a minute then
    for look in LOOKS[: 1 if is_large else 3]:
        shown.look(**look)
        assert [(one["id"], one["nodes"][0]["html"]) for one in shown.violations()] == [], look


def test_a_style_or_a_script_that_got_in_would_not_run(browser: Browser, tmp_path: Path, trail_report: Report) -> None:
    intruder = "<script>document.title='run'</script><p id=intruder style='color:red'>x</p><img src=x>"
    path = tmp_path / "report.html"
    path.write_text(page(trail_report).replace("<main>", f"<main>{intruder}"), encoding="utf-8")
    shown = browser.page()
    shown.open(path)
    assert shown.evaluate("document.title") == "Root, MFA and trails: act now"
    assert shown.evaluate("getComputedStyle(document.getElementById('intruder')).color") != "rgb(255, 0, 0)"
    assert len(shown.complaints) >= 3
