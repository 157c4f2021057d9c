"""The page is one file that loads and runs nothing, whatever the logs say, and that everybody can read."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest

from detector.lake.ledger.gaps import Gap
from detector.report.render import markdown, page, shown
from detector.report.report import Report
from detector.report.strip import EventDays
from detector.severity import Severity
from detector.story.story import Connection, Counted, Link, Made, MadeKind, Phase
from detector.verify.coverage import HourState
from fixtures.expect import AS_OF, TRAILS, found_report, lake_of, report_path, report_text
from tests.report.hostile import IMAGE, SCRIPT, WORDS, hostile_lake
from tests.report.html import Element, parse
from tests.report.samples import NOON, PROVEN, a_report, a_story, an_alert, an_event, answered, answers

ORDER = ["judgement-title", "rests-on", "posture", "stories", "alerts", "not-proven", "check"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return found_report(hostile_lake(tmp_path_factory.mktemp("hostile")))


def large_report() -> Report:
    """An organisation of 500 accounts in a year, a few of which are in trouble."""
    accounts = [f"{number:012}" for number in range(500)]
    first = date(2025, 4, 1)
    days: EventDays = {
        account: {first + timedelta(days=n): 1 for n in range(360) if n % 7 or len(account) % 2} for account in accounts
    }
    posture = [
        one for n, account in enumerate(accounts) for one in answers(account, *(["root_unused"] if n % 50 == 0 else []))
    ]
    alerts = [an_alert(n, Severity.CRITICAL if n == 7 else Severity.LOW, accounts[n % 500]) for n in range(5_000)]
    alerts.sort(key=lambda alert: alert.event_time)
    stories = [
        a_story(n, [an_event(m) for m in range(100)], account_id=accounts[n], severity=Severity.LOW) for n in range(300)
    ]
    return a_report(alerts, stories, posture, days, gaps=[Gap("s3://bucket/key", "denied", None)] * 100)


def check_everybody_can_read(root: Element) -> None:
    """Hold a page against what a screen reader, a keyboard and paper need."""
    everything = list(root.all())
    [html] = root.all("html")
    assert html.attributes["lang"] == "en"
    for tag in ("main", "h1", "header", "nav", "footer"):
        assert len(list(root.all(tag))) == 1, tag
    [head] = root.all("head")
    assert [title.text for title in head.all("title")] != [""]
    levels = [int(one.tag[1]) for one in root.all("h1", "h2", "h3", "h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [one.attributes["id"] for one in everything if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in everything:
        for name in ("aria-labelledby",):
            assert set(one.attributes.get(name, "").split()) <= set(ids)
        if one.tag == "a":
            assert one.attributes["href"].removeprefix("#") in ids
        if one.tag == "th":
            assert one.attributes["scope"] in ("col", "row", "rowgroup")
        if one.tag == "svg":
            assert one.attributes.get("role") == "img" or one.attributes.get("aria-hidden") == "true"


def check_nothing_is_loaded_or_run(text: str) -> None:
    """Hold a page against its own policy."""
    root = parse(text)
    allowed = {
        "html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "article", "footer", "a",
        "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "span", "strong", "code", "pre", "time", "div",
        "table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "svg", "g", "rect", "path",
    }  # fmt: skip
    assert {one.tag for one in root.all()} <= allowed
    for one in root.all():
        for name, value in one.attributes.items():
            assert name != "style"
            assert not name.startswith("on")
            assert "http" not in value or name == "http-equiv"
            assert name != "href" or value.startswith("#")
    [style] = root.all("style")
    [css] = style.parts
    assert isinstance(css, str)
    policy = next(one.attributes["content"] for one in root.all("meta") if "http-equiv" in one.attributes)
    digest = b64encode(sha256(css.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "url(" not in css
    assert "@import" not in css


def test_a_trail_gives_the_page_and_the_markdown_that_are_expected(trail_report: Report) -> None:
    for form in ("html", "markdown"):
        expected = report_path(TRAILS / "compromised_root", form).read_text(encoding="utf-8")
        assert report_text(form, trail_report) == expected, "if it is meant: python -m fixtures.expect"


@pytest.mark.slow
@pytest.mark.parametrize("trail", sorted(path.name for path in TRAILS.iterdir() if path.is_dir()))
def test_every_trail_gives_what_is_expected_and_the_same_again(trail: str) -> None:
    with lake_of(TRAILS / trail) as lake:
        first, again = found_report(lake), found_report(lake)
    for form in ("html", "markdown"):
        expected = report_path(TRAILS / trail, form).read_text(encoding="utf-8")
        assert report_text(form, first) == expected, "if it is meant: python -m fixtures.expect"
        assert report_text(form, again) == expected
    check_nothing_is_loaded_or_run(page(first))
    check_everybody_can_read(parse(page(first)))


def test_the_page_begins_with_the_judgement_and_ends_with_how_to_check_it(trail_report: Report) -> None:
    root = parse(page(trail_report))
    assert [one.attributes["id"] for one in root.all("h2")] == ORDER
    text = root.with_id("judgement").text
    assert "12 critical and 12 high alerts in account 111122223333" in text
    assert "The gravest session: root signed in to account 111122223333" in text


def test_a_page_loads_and_runs_nothing_and_can_be_read_by_everybody(trail_report: Report) -> None:
    text = page(trail_report)
    check_nothing_is_loaded_or_run(text)
    check_everybody_can_read(parse(text))


def test_each_alert_says_what_to_do_and_leads_to_its_session(trail_report: Report) -> None:
    article = parse(page(trail_report)).with_id("critical-root_mfa_deactivated")
    assert "What to do" in article.text
    assert len(list(article.all("li"))) >= 3
    story = trail_report.stories.told[0].story
    assert f"#story-{story.id}" in {one.attributes["href"] for one in article.all("a")}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_an_attacker_is_text_wherever_it_stands(word: str) -> None:
    event = an_event(0, target=word, source_ip=word, event_name=word, region=word, actor=word, event_id=word, mfa=word)
    story = a_story(0, [event], sentence=word, who=word, account_id=word, mfa_device=word)
    alert = an_alert(
        0, account=word, summary=word, source_ip=word, event_ids=(word,), mfa=word, context={"story": word}
    )
    text = page(a_report([alert], [story], answers(word), {word: {NOON.date(): 1}}, gaps=[Gap(word, word, None)]))
    check_nothing_is_loaded_or_run(text)
    check_everybody_can_read(parse(text))
    assert parse(text).text.count(" ".join(shown(word).split())) > 10


@pytest.mark.slow
def test_what_attackers_write_stays_text(hostile: Report) -> None:
    text = page(hostile)
    check_nothing_is_loaded_or_run(text)
    check_everybody_can_read(parse(text))
    visible = parse(text).text
    assert SCRIPT in visible
    assert IMAGE in visible
    assert "[click](javascript:alert(1))" in visible


@pytest.mark.slow
def test_characters_that_cannot_be_seen_are_written_out(hostile: Report) -> None:
    for text in (page(hostile), markdown(hostile)):
        assert not any(char in text for char in "\u202e\u202c\x1b\x07")
        assert "\\u202egnp.exe" in text.replace("&#92;", "\\")


@pytest.mark.slow
def test_one_value_cannot_fill_the_page(hostile: Report) -> None:
    assert "x" * 600 not in page(hostile)
    assert "2,025 characters" in page(hostile)


def test_a_long_value_is_cut_and_an_unknown_one_is_called_so() -> None:
    assert shown("y" * 601) == "y" * 600 + "… (601 characters)"
    assert shown("y" * 600) == "y" * 600
    assert shown(None) == "unknown"


@pytest.mark.slow
def test_five_hundred_accounts_stay_readable() -> None:
    report = large_report()
    text = page(report)
    root = parse(text)
    check_nothing_is_loaded_or_run(text)
    check_everybody_can_read(root)
    assert len(text) < 1_500_000
    assert len(markdown(report)) < 400_000
    assert "1 critical alert in account 000000000007" in root.with_id("judgement").text
    folded = [one.text for one in root.all("summary")]
    assert "460 more accounts" in folded
    assert "490 accounts alike" in folded
    assert "… and 80 more" in root.text


@pytest.mark.parametrize("unseen", "\u3164\ufe0f\u2800\u1160\U000e0100")
def test_a_name_with_characters_that_nobody_sees_does_not_look_like_another(unseen: str) -> None:
    report = a_report([an_alert(summary=f"bk{unseen}")], [a_story(sentence=f"it made user bk{unseen}")])
    for written in (page(report), markdown(report)):
        assert unseen not in written
        assert written.count(f"u{ord(unseen):04x}" if ord(unseen) < 0x10000 else f"U{ord(unseen):08x}") >= 2


def test_a_lake_of_nothing_still_says_what_it_is_worth() -> None:
    text = page(a_report())
    check_everybody_can_read(parse(text))
    for said in (
        "There is no event of that time",
        "There is no account to answer for",
        "No session of root was seen.",
        "No alert.",
    ):
        assert said in text


def test_signed_hours_holes_and_damage_have_shapes_of_their_own() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    states = [HourState.COMPLETE, HourState.DARK, HourState.DAMAGED, HourState.UNATTESTED]
    hours = {start + timedelta(days=n): state for n, state in enumerate(states)}
    hours[start + timedelta(days=4)] = HourState.COMPLETE
    hours[start + timedelta(days=4, hours=1)] = HourState.DARK
    report = a_report(hours={("111122223333", "us-east-1"): hours})
    root = parse(page(report))
    cells = {re.sub(r"^\S+: ", "", cell.text): cell for cell in root.all("g")}
    shapes = {
        name: [(one.tag, *sorted(one.attributes.items())) for one in cell.children if one.tag != "title"]
        for name, cell in cells.items()
    }
    assert len(shapes) == 5
    drawn = [
        str([(tag, [pair for pair in rest if pair[0] not in ("x", "width", "d")]) for tag, *rest in one])
        for one in shapes.values()
    ]
    assert len(set(drawn)) == 5, "no two states look the same, colour aside"
    assert "keep them as they are" in root.text
    assert "dark" in markdown(report)


def test_a_story_tells_what_it_made_what_it_is_connected_with_and_what_is_not_shown() -> None:
    made = tuple(
        Made(MadeKind.KEY, f"AKIA{n}", "bob" if n else None, NOON, "e", n, NOON if n else None) for n in range(25)
    )
    links = tuple(
        Connection(f"{n:016x}", link, "203.0.113.9", n % 2 == 0) for n, link in enumerate([*Link, *Link, *Link])
    )
    events = [
        an_event(0, Phase.SIGN_IN, mfa="no", event_name="ConsoleLogin"),
        an_event(1, Phase.AFTER, actor="arn:aws:iam::111122223333:user/bob", is_probable=True, integrity="verified"),
        an_event(2, Phase.REFUSED, succeeded=False, error_code="AccessDenied", target="thing"),
    ]
    addresses = tuple(Counted(f"203.0.113.{n}", 1) for n in range(9))
    story = a_story(
        2, events, made=made, made_count=30, connections=links, until=NOON + timedelta(days=1), mfa_device="arn:device",
        addresses=addresses, address_count=12, alerts=(an_alert(),),
    )  # fmt: skip
    story = replace(story, counts={**story.counts, Phase.READ: 1_000})
    report = a_report([an_alert(context={"story": story.id})], [story])
    for text in (parse(page(report)).section("stories").text, markdown(report)):
        for said in ("AKIA0", "no use seen", "AKIA9", "of bob", "arn:device", "AccessDenied", "probably", "and 7 more"):
            assert said in text, said
    text = parse(page(report)).text
    for said in ("and 10 more", "What it read: 1,000 events, 1,000 not shown", "verified", "and 5 more", "its session"):
        assert said in text, said
    assert "read | 1,000 more events" in markdown(report)


def test_what_is_answered_for_and_what_was_not_read_is_said() -> None:
    alerts = [answered(an_alert(0)), an_alert(1), *(an_alert(n, Severity.MEDIUM) for n in range(30))]
    report = a_report(
        alerts, gaps=[Gap("s3://bucket/<b>key</b>", "access denied", None)], basis=replace(PROVEN, gaps=1)
    )
    doubts = replace(
        report.doubts, rules=("my_rule: stopped",), rule_count=3, warnings=("strange times",), warning_count=2
    )
    report = replace(report, doubts=doubts)
    for text in (parse(page(report)).text, markdown(report)):
        for said in ("1 of them answered for", "nswered for: it was us", "my", "strange times", "1 gap"):
            assert said in text, said
    text = parse(page(report)).text
    for said in ("s3://bucket/<b>key</b>: access denied", "10 not shown", "and 2 more rules", "and 1 more warning"):
        assert said in text, said


def test_the_question_stands_at_the_top_and_accounts_that_are_not_there_are_named() -> None:
    report = a_report(posture=answers("111122223333"))
    question = replace(report.question, accounts=frozenset({"111122223333", "9"}), since=NOON, until=AS_OF)
    report = replace(report, question=question, posture=replace(report.posture, missing=("9",)))
    for text in (parse(page(report)).text, markdown(report)):
        assert "nly of 111122223333, 9" in text
        assert "f the time since 2026-03-04 12:00:00" in text
        assert "Nothing of account 9 is in the lake" in text
