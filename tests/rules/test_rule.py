from __future__ import annotations

from pathlib import Path

import pytest

import detector
from detector.errors import RuleError, RuleQueryError
from detector.rules.rule import Confidence, Reads, load_rules, parse_rule, shipped_rules_directory
from detector.severity import Severity

HEADER = """\
-- /// rule
-- title = "T"
-- severity = "high"
-- confidence = "low"
-- attack = ["TA0001:T1078.004", "TA0003:T1098"]
-- description = \"\"\"
-- D
--
-- D
-- \"\"\"
-- response = "R"
-- false_positives = ["F"]
-- references = ["https://example.com"]
"""
END = "-- ///\n"


def write_rule(directory: Path, name: str, text: str) -> Path:
    path = directory / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rule_is_read_whole(tmp_path: Path) -> None:
    rule = parse_rule(write_rule(tmp_path, "root_login", HEADER + END + "SELECT a FROM Candidates\n"))
    assert (rule.id, rule.title, rule.response, rule.description) == ("root_login", "T", "R", "D\n\nD")
    assert (rule.severity, rule.confidence) == (Severity.HIGH, Confidence.LOW)
    assert rule.attack == ("TA0001:T1078.004", "TA0003:T1098")
    assert (rule.false_positives, rule.references) == (("F",), ("https://example.com",))
    assert (rule.monotone, rule.reads) == (False, Reads.CANDIDATES)
    assert rule.sql == "SELECT a FROM Candidates"
    assert rule.statement.tables == {"candidates"}
    assert rule.examples_path == tmp_path / "root_login.examples.json"


def test_a_rule_has_a_page_when_somebody_says_where_pages_are(tmp_path: Path) -> None:
    write_rule(tmp_path, "root_login", HEADER + END + "SELECT 1\n")
    assert load_rules(tmp_path).rules[0].url is None
    [rule] = load_rules(tmp_path, pages="https://wiki.example.com/rules.md#").rules
    assert rule.url == "https://wiki.example.com/rules.md#root_login"


def test_optional_metadata_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    text = HEADER + '-- monotone = true\n-- reads = "events"\n' + END + "SELECT 1\n"
    path = write_rule(tmp_path, "r", "\ufeff" + text.replace("\n", "\r\n"))
    rule = parse_rule(path)
    assert (rule.monotone, rule.reads) == (True, Reads.EVENTS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1\n", "no metadata"),
        ("\n" + HEADER + END + "SELECT 1\n", "no metadata"),
        (HEADER + "SELECT 1\n", "no metadata"),
        (HEADER.replace('-- title = "T"\n', "") + END + "SELECT 1\n", "missing key 'title'"),
        (HEADER.replace('"T"', '" "') + END + "SELECT 1\n", "'title' is empty"),
        (HEADER.replace('"T"', "7") + END + "SELECT 1\n", "'title' is not a str"),
        (HEADER.replace('["F"]', '"F"') + END + "SELECT 1\n", "'false_positives' is not a list"),
        (HEADER.replace('["F"]', "[7]") + END + "SELECT 1\n", "'false_positives' is not a list of strings"),
        (HEADER + "-- colour = 1\n" + END + "SELECT 1\n", "unknown key 'colour'"),
        (HEADER + '-- monotone = "yes"\n' + END + "SELECT 1\n", "'monotone' is not a bool"),
        (HEADER + '-- reads = "all"\n' + END + "SELECT 1\n", "'all' is not a valid Reads"),
        (HEADER + "-- title = 1 =\n" + END + "SELECT 1\n", "(?s)line 13"),
        (HEADER.replace("high", "urgent") + END + "SELECT 1\n", "'urgent' is not a valid Severity"),
        (HEADER.replace("low", "certain") + END + "SELECT 1\n", "'certain' is not a valid Confidence"),
        (HEADER.replace("TA0001:", "") + END + "SELECT 1\n", "bad ATT&CK id 'T1078.004'"),
        (HEADER.replace("T1098", "T1098.1") + END + "SELECT 1\n", "bad ATT&CK id 'TA0003:T1098.1'"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write_rule(tmp_path, "broken", text)
    with pytest.raises(RuleError, match=message) as caught:
        parse_rule(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_a_statement_that_is_no_select_names_the_file(tmp_path: Path) -> None:
    path = write_rule(tmp_path, "broken", HEADER + END + "DROP VIEW events; SELECT 1\n")
    with pytest.raises(RuleQueryError, match="exactly one SELECT") as caught:
        parse_rule(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match=r"r\.sql: cannot be read"):
        parse_rule(tmp_path / "r.sql")


def test_the_id_must_be_an_identifier(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="lower case"):
        parse_rule(write_rule(tmp_path, "Root-Login", HEADER + END + "SELECT 1\n"))


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    for name in ("b", "a", "_draft"):
        write_rule(tmp_path, name, HEADER + END + "SELECT 1\n")
    write_rule(tmp_path, "broken", "SELECT 1")
    loaded = load_rules(tmp_path)
    assert [rule.id for rule in loaded.rules] == ["a", "b"]
    assert [str(error) for error in loaded.errors] == [f"{tmp_path / 'broken.sql'}: no metadata"]


def test_the_same_id_in_two_directories_is_an_error_and_the_first_stays(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
        write_rule(tmp_path / name, "root_login", HEADER + END + "SELECT 1\n")
    loaded = load_rules(tmp_path / "ours", tmp_path / "theirs")
    assert [rule.path for rule in loaded.rules] == [tmp_path / "ours" / "root_login.sql"]
    assert [str(error) for error in loaded.errors] == [
        f"{tmp_path / 'theirs' / 'root_login.sql'}: rule id already used by {tmp_path / 'ours' / 'root_login.sql'}"
    ]


def test_a_rule_of_ones_own_cannot_silence_the_shipped_ones(tmp_path: Path) -> None:
    header = HEADER + '-- reports_alone = "root_logins"\n' + END
    write_rule(tmp_path, "mine", header + "SELECT 1 FROM root_logins\n")
    loaded = load_rules(tmp_path)
    assert loaded.rules == ()
    assert [str(error) for error in loaded.errors] == [f"{tmp_path / 'mine.sql'}: `reports_alone` is for shipped rules"]


def test_a_directory_without_rules_is_an_error(tmp_path: Path) -> None:
    assert [str(error) for error in load_rules(tmp_path / "absent").errors] == [f"{tmp_path / 'absent'}: no rules"]


def test_shipped_rules_are_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (shipped_rules_directory() / "_views").is_dir()
    package = tmp_path / "detector"
    (package / "_queries").mkdir(parents=True)
    monkeypatch.setattr(detector, "__file__", str(package / "__init__.py"))
    assert shipped_rules_directory() == package / "_queries"
