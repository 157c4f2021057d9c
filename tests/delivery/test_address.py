"""What is written after --output: a place, a format, and options behind blanks; and what of it may be shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.alerts.formats.names import AlertFormat
from detector.alerts.sinks.address import Address, Wishes, parse_addresses, shown_output, written_output
from detector.alerts.sinks.opening import open_outputs
from detector.cli.app import app
from detector.errors import UsageError
from detector.severity import Severity
from detector.text import url_without_path

HOOK = "https://hooks.example/services/T0/B0/s3cr3t"


def parse(*outputs: str) -> list[Address]:
    return parse_addresses(outputs)


@pytest.mark.parametrize(
    ("output", "place", "form", "wishes"),
    [
        ("alerts.jsonl", "alerts.jsonl", None, Wishes()),
        ("a b.csv:csv", "a b.csv", AlertFormat.CSV, Wishes()),
        ("my alerts min-severity=high", "my alerts", None, Wishes(Severity.HIGH)),
        (f"{HOOK} digest", HOOK, None, Wishes(is_digest=True)),
        (f"{HOOK}:ecs  digest=false  min-severity=low", HOOK, AlertFormat.ECS, Wishes(Severity.LOW, is_digest=False)),
        (f"{HOOK} name=x", HOOK, None, Wishes(name="x")),
        ("daily digest digest=false", "daily", None, Wishes(is_digest=False)),
        ("digest", "digest", None, Wishes()),
        ("min-severity=high", "min-severity=high", None, Wishes()),
        ("x=1 y=2", "x=1 y=2", None, Wishes()),
    ],
)  # fmt: skip
def test_options_follow_a_place(output: str, place: str, form: AlertFormat | None, wishes: Wishes) -> None:
    assert parse(output) == [Address(place, form, wishes)]


def test_a_variable_parts_options_from_their_output() -> None:
    outputs = f"alerts.jsonl digest {HOOK} min-severity=high digest - min-severity=low colour=red".split()
    assert parse(*outputs) == [
        Address("alerts.jsonl", None),
        Address("digest", None),  # as it was before there were options
        Address(HOOK, None, Wishes(Severity.HIGH, is_digest=True)),
        Address("-", None, Wishes(Severity.LOW)),
        Address("colour=red", None),
    ]


@pytest.mark.parametrize(
    ("output", "message", "hint"),
    [
        (f"{HOOK} min-severty=high", "'min-severty' is no option", "did you mean min-severity?"),
        (f"{HOOK} loud", "what stands behind the URL is no option", "outputs.md"),
        (f"{HOOK} digests", "what stands behind the URL is no option", "did you mean digest?"),
        (f"{HOOK} /s3cr3t", "what stands behind the URL is no option", "outputs.md"),
        (f"{HOOK} s3cr3t=", "what stands behind the URL is no option", "outputs.md"),
        (f"{HOOK}  format=csv", "'format' is no option", "behind a colon: https://HOST/PATH:csv"),
        (f"{HOOK}  colour=red digest", "'colour' is no option", "outputs.md"),
        (f"{HOOK} min-severity=severe", "no severity", "info, low, medium, high, critical"),
        (f"{HOOK} digest=daily", "true or false", "digest=false"),
        (f"{HOOK} name=a/b", "a name has letters", "name="),
        ("@on/call", "a name has letters", "./@on/call"),
        ("@nobody", "DETECTOR_OUTPUT_NOBODY holds no output", "for a file of this name, write ./@nobody"),
        ("@round", "holds a name again", "a URL"),
    ],
)
def test_an_option_that_cannot_be_is_bad_usage(
    monkeypatch: pytest.MonkeyPatch, output: str, message: str, hint: str
) -> None:
    monkeypatch.setenv("DETECTOR_OUTPUT_ROUND", "@round")
    with pytest.raises(UsageError, match=message) as caught:
        parse(output)
    assert hint in caught.value.hint
    assert "s3cr3t" not in str(caught.value) + caught.value.hint


def test_a_name_stands_for_what_the_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_OUTPUT_ON_CALL", f" {HOOK} min-severity=high digest ")
    assert parse("@on-call") == [Address(HOOK, None, Wishes(Severity.HIGH, is_digest=True, name="on-call"))]
    assert parse("@on-call min-severity=low name=other")[0].wishes == Wishes(Severity.LOW, is_digest=True, name="other")
    monkeypatch.setenv("DETECTOR_OUTPUT_ARCHIVE", "alerts.jsonl")
    assert parse("@archive") == [Address("alerts.jsonl", None)]  # known by its path
    with open_outputs(["@on-call"]) as [output]:
        assert output.sink.name == "https:on-call"
        assert output.sink.limits.documents > 1
        assert (output.min_severity, output.is_digest) == (Severity.HIGH, True)


@pytest.mark.parametrize(
    ("settings", "output"),
    [
        ({"to": HOOK, "min-severity": "high", "digest": True}, f"{HOOK} min-severity=high digest=true"),
        ({"digest": False, "to": "my file:csv"}, "my file:csv digest=false"),
    ],
)
def test_a_table_is_an_output(settings: dict[str, Any], output: str) -> None:
    assert written_output(settings) == output


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min-severity": "high"}, "has no `to`"),
        ({"to": 1}, "has no `to`"),
        ({"to": HOOK, "min-severity": 3}, "min-severity cannot be set"),
        ({"to": HOOK, "name": "a b"}, "name cannot be set"),
        ({"to": HOOK, "min-severity": "loud"}, "no severity"),
        ({"to": HOOK, "colour": "red"}, "'colour' is no option"),
    ],
)
def test_a_table_that_is_none_is_bad_usage(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        written_output(settings)


# What may be shown ----------------------------------------------------------------------------------------------------


def test_of_a_url_that_is_a_secret_only_the_host_is_shown() -> None:
    shown = shown_output(f"{HOOK}:ecs min-severity=high")
    assert shown.startswith("https://hooks.example/~")
    assert shown.endswith(" min-severity=high")
    assert "s3cr3t" not in shown + repr(parse(HOOK))
    assert shown_output("alerts.jsonl min-severity=high") == "alerts.jsonl min-severity=high"


@pytest.mark.parametrize(
    "url",
    [
        "https://siem.example",
        "https://siem.example:8443/",
        "s3://bucket/prefix/",
        "hec+https://h/services/x",
        "a.jsonl",
    ],
)
def test_what_has_no_secret_is_shown_as_it_is(url: str) -> None:
    assert url_without_path(url) == url


def test_a_fingerprint_tells_urls_apart_and_stays_what_it_is() -> None:
    urls = [HOOK, f"{HOOK}/", f"{HOOK}?a=1", f"{HOOK}?a=2", "https://hooks.example/?a=1", "http://hooks.example/x"]
    names = [url_without_path(url) for url in urls]
    assert len(set(names)) == len(urls)
    assert [url_without_path(name) for name in names] == names
    assert url_without_path(f"{HOOK}#part") == url_without_path(HOOK)
    assert url_without_path("https://user:pa55@hooks.example/x").startswith("https://hooks.example/~")
    assert url_without_path("https://[hooks.example/s3cr3t") == "https://…"


def test_a_webhook_is_known_by_host_and_fingerprint() -> None:
    for url in (HOOK, f"{HOOK}?sig=1"):
        with open_outputs([url]) as [output]:
            assert output.sink.name == url_without_path(url)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("daily digest", "takes no digest"),
        ("- digest", "takes no digest"),
        (f"{HOOK}:ecs digest", "takes no digest"),
        ("alerts.jsonl name=x", "a file is known by its path"),
        (f"{HOOK}:csv", "a webhook takes JSON"),
        ("telegram:s3cr3t", "nothing is known of telegram:"),
        ("telegram+https://x/s3cr3t", "nothing is known of telegram"),
        ("hec+https://x/s3cr3t:csv", "takes the format hec alone"),
    ],
)
def test_an_output_that_cannot_be_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message), open_outputs([output]):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("slack://hooks.example/x", "did you mean slack+https://?"),
        ("teams:hooks.example", "did you mean teams+https://?"),
        ("hec://splunk.example", "did you mean hec+https://?"),
        ("slak+https://hooks.example/x", "did you mean slack+https://?"),
        ("htps://hooks.example/x", "did you mean https://?"),
        ("mail:a@b.example", "did you mean mailto:?"),
        ("telegram:x", "write a file, -, s3://"),
    ],
)
def test_a_scheme_that_is_none_is_answered_by_the_one_that_was_meant(output: str, hint: str) -> None:
    with pytest.raises(UsageError, match="nothing is known of") as caught, open_outputs([output]):
        pass
    assert caught.value.hint.startswith(hint)


def test_an_output_named_twice_is_told_by_what_may_be_shown() -> None:
    with pytest.raises(UsageError, match="is given twice") as caught, open_outputs([HOOK, f"{HOOK} digest"]):
        pass
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["detect", "--output", HOOK, "digest"],
        ["run", "AWSLogs", f"--output={HOOK}", "min-severity=high"],
        ["watch", "--output", "-", "--output", HOOK, "name=on-call", "AWSLogs"],
    ],
)
def test_options_that_the_shell_took_off_their_output_are_told_to_be_quoted(words: list[str]) -> None:
    with pytest.raises(UsageError, match="stands outside of the output") as caught:
        app(words, standalone_mode=False)
    assert "write quotes around" in caught.value.hint
    assert "s3cr3t" not in str(caught.value) + caught.value.hint


def test_a_source_may_have_the_name_of_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digest").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=r"No such option.*--nothing"):
        app(["run", "--output", "alerts.jsonl", "digest", "--nothing"], standalone_mode=False)
