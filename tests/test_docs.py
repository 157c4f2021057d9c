"""The documentation is tested: its commands run, and show what they show."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from itertools import chain
from pathlib import Path

import boto3
import pytest

from detector import Lake
from detector.alerts.formats.names import AlertFormat
from detector.alerts.formats.native import json_schema
from detector.cli.app import app
from detector.cli.bundle import bundle_app
from detector.cli.lake import lake_app
from detector.cli.rules import rules_app
from detector.rules.docs import pages
from detector.rules.rule import load_rules, shipped_rules_directory
from fixtures import posture_page
from fixtures.cli_reference import help_pages, reference
from fixtures.fields import page_with_table
from tests.inventories import Inventory, rows_of
from tests.lookup_server import LookupServer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {  # those with commands that can run anywhere; docs/operations.md needs a server to administer
    "README.md": README,
    "docs/architecture.md": (ROOT / "docs/architecture.md").read_text(encoding="utf-8"),
    **{
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for folder in ("guide", "reference")
        for path in sorted((ROOT / "docs" / folder).glob("*.md"))
    },
}


def commands_of(page: str) -> list[tuple[str, str]]:
    """Return (command, the output shown after it) pairs."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


WITH_COMMANDS = {name: commands for name, page in PAGES.items() if (commands := commands_of(page))}
SLOW = ["detector rules check"]  # a minute that tests/test_queries.py spends


@pytest.fixture(scope="module")
def bucket(s3_url: str) -> None:
    """The bucket that the pages name, with a trail at its top and below a prefix."""
    s3 = boto3.client(
        "s3",
        endpoint_url=s3_url,
        aws_access_key_id="AKIATESTING",
        aws_secret_access_key="the-secret-of-the-tests",
        region_name="us-east-1",
    )
    s3.create_bucket(Bucket="my-trail-bucket")
    s3.create_bucket(Bucket="my-lake-bucket")
    for path in sorted((ROOT / "fixtures/trails/compromised_root/AWSLogs").rglob("*.gz")):
        key = path.relative_to(ROOT / "fixtures/trails/compromised_root")
        for prefix in ("", "prefix/"):
            s3.put_object(Bucket="my-trail-bucket", Key=f"{prefix}{key}", Body=path.read_bytes())
    s3.create_bucket(Bucket="my-inventories")
    inventory = Inventory(source="my-trail-bucket").of(rows_of(s3, "my-trail-bucket"), "my-trail-bucket/all/")
    for name, body in inventory.items():
        s3.put_object(Bucket="my-inventories", Key=name, Body=body)


@pytest.fixture(scope="module")
def toured_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake that the tour leaves behind; readers of all pages but the README have it."""
    lake = tmp_path_factory.mktemp("tour") / "lake"
    Lake(lake).ingest(ROOT / "fixtures/trails/compromised_root/AWSLogs")
    return lake


@pytest.fixture
def workplace(tmp_path: Path, bucket: None, toured_lake: Path, page: str) -> Path:  # noqa: ARG001 - it is there
    """A folder as a reader of a page has it."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures", ignore=shutil.ignore_patterns("__pycache__"))
    [suppressions] = re.findall(r"```toml\n(.*?)```", PAGES["docs/reference/suppressions.md"], re.DOTALL)
    (tmp_path / "suppressions.toml").write_text(suppressions, encoding="utf-8")
    if page != "README.md":
        shutil.copytree(toured_lake, tmp_path / "lake")
    return tmp_path


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[] if page == "README.md" else pytest.mark.slow) for page in WITH_COMMANDS]
)
def test_the_commands_of_a_page_do_what_it_says(
    page: str, workplace: Path, aws_variables: dict[str, str], lookup_server: LookupServer
) -> None:
    environment = (
        aws_variables | lookup_server.variables | {"PATH": f"{Path(sys.executable).parent}:{aws_variables['PATH']}"}
    )
    for command, shown in WITH_COMMANDS[page]:
        if command in SLOW or (command.startswith("jq") and shutil.which("jq") is None):
            continue
        ended = subprocess.run(
            ["sh", "-c", command], cwd=workplace, env=environment, capture_output=True, text=True, check=False
        )
        reached = "--fail-on" in command  # the compromised account does reach it
        assert ended.returncode == (1 if reached else 0), f"{command}: {ended.stderr}"
        assert shown in ("", ended.stdout + ended.stderr), command


def test_every_command_has_an_example_and_is_used_on_a_page() -> None:
    used = [command for commands in WITH_COMMANDS.values() for command, _ in commands]
    for group, typer_app in (("", app), ("rules ", rules_app), ("lake ", lake_app), ("bundle ", bundle_app)):
        for registered in typer_app.registered_commands:
            assert registered.callback is not None
            assert "Example: detector " in (registered.callback.__doc__ or ""), registered.name
            name = f"detector {group}{registered.name}"
            assert any(name in command for command in used), name


def test_the_command_line_reference_is_current() -> None:
    assert PAGES["docs/reference/cli.md"] == reference(), "write it again: python -m fixtures.cli_reference"


def test_the_first_sentence_of_a_help_fits_a_list_of_commands() -> None:
    for command, text in help_pages():
        if command == "detector":  # is in no list
            continue
        summary = " ".join(text.split("\n\n")[1].split())
        assert len(summary) <= 45, command
        assert summary.endswith("."), command


def test_no_example_in_a_help_is_wrapped() -> None:
    paragraphs = [(command, paragraph) for command, text in help_pages() for paragraph in text.split("\n\n")]
    examples = [(command, paragraph) for command, paragraph in paragraphs if paragraph.startswith("  Example: ")]
    assert len(examples) >= len(app.registered_commands)
    for command, example in examples:
        assert len(example.strip().splitlines()) == 1, command


def test_help_says_what_a_command_does_and_names_no_half_sentences() -> None:
    for command, text in help_pages():
        for line in text.splitlines():
            assert not re.match(r" +(?:-\S+ .*?  +|\S+  +)?(?:Of|What) ", line), f"{command}: {line}"


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 120


def test_the_map_names_every_room_and_nothing_that_is_not_there() -> None:
    page = PAGES["docs/architecture.md"]
    named = set(re.findall(r"`((?:detector|queries|tests|fixtures|benchmarks|deploy)/[\w./]*)`", page))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    package = ROOT / "detector"
    rooms = {f"detector/{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {f"detector/{path.name}" for path in package.glob("*.py") if path.name != "__init__.py"}
    assert rooms | modules <= named


def test_the_index_of_decisions_has_them_all_as_they_are() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d+)\]\(([\w.-]+)\) \| (.+) \| (\S+) \| .+ \|$", index, re.MULTILINE)
    decisions = []
    for path in sorted(folder.glob("0*.md")):
        head = re.match(r"# (\d+)\. (.+)\n\nDate: (\d{4}-\d\d-\d\d)\n\n", path.read_text(encoding="utf-8"))
        assert head, f"{path.name}: a number, a title, and a date below it"
        number, title, date = head.groups()
        assert path.name.startswith(f"{int(number):04}-")
        decisions.append((number, path.name, title, date))
    assert rows == decisions


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{page.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in map(_anchor, headings), f"{page.name}: {target}"


@pytest.fixture(scope="module")
def lake_of_all_stories(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("stories") / "lake")
    lake.ingest(*(ROOT / "fixtures/trails").glob("*/AWSLogs"))
    return lake


VIEWS = PAGES["docs/reference/views.md"]


@pytest.mark.slow
def test_a_responders_ten_questions_have_answers(lake_of_all_stories: Lake) -> None:
    questions = re.findall(r"^```sql\n(.*?)^```", VIEWS, re.DOTALL | re.MULTILINE)
    assert len(questions) == 10
    for sql in questions:
        assert lake_of_all_stories.query(sql).num_rows > 0, sql


def test_the_page_of_views_names_views_and_columns_that_are_there(lake_of_all_stories: Lake) -> None:
    views, columns = (
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
        for section in (VIEWS[: VIEWS.index("## Columns")], VIEWS[VIEWS.index("## Columns") :])
    )
    assert len(views) > 30
    lake_of_all_stories.query(" UNION ALL ".join(f"SELECT count(*) FROM {view}" for view in views))
    assert set(columns) <= set(lake_of_all_stories.query("SELECT * FROM candidates LIMIT 0").column_names)


def test_the_rules_documentation_is_current() -> None:
    rules = load_rules(shipped_rules_directory()).rules
    for name, text in pages(rules).items():
        written = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert written == text, "write it again: detector rules docs"


def test_the_page_of_the_posture_is_current() -> None:
    written = (ROOT / "docs/posture.md").read_text(encoding="utf-8")
    assert written == posture_page.page(), "write it again: python -m fixtures.posture_page"


SIEM = (ROOT / "docs/siem.md").read_text(encoding="utf-8")


def test_the_table_of_fields_is_current() -> None:
    assert page_with_table(SIEM) == SIEM, "write it again: python -m fixtures.fields"
    assert "| `alert_id` |" in SIEM


def test_the_siem_page_has_every_format_and_configurations_that_parse() -> None:
    for form in AlertFormat:
        assert f"\n| `{form}` | " in SIEM
    blocks = re.findall(r"^```(json|toml|ini)\n(.*?)^```", SIEM, re.DOTALL | re.MULTILINE)
    assert {language for language, _ in blocks} == {"json", "toml", "ini"}
    for language, text in blocks:
        match language:
            case "json":
                json.loads(text)
            case "toml":
                tomllib.loads(text)
            case _:
                ConfigParser(interpolation=None).read_string(text)


def test_what_is_said_about_real_logs_is_said_of_the_rules_that_there_are() -> None:
    ids = {rule.id for rule in load_rules(shipped_rules_directory()).rules}
    page = (ROOT / "docs/real-logs.md").read_text(encoding="utf-8")
    counted = re.search(r"^(\d+) rules over", page, re.MULTILINE)
    assert counted is not None
    assert int(counted[1]) == len(ids), "run them over public logs again, and look at what is new"
    rows = re.findall(r"^\| ([a-z_, ]+) \| [\d, ]+ \| [\d, ]+ \| ", page, re.MULTILINE)
    assert {name for row in rows for name in row.split(", ")} - {"all others"} <= ids


def test_sentinels_columns_are_those_of_the_native_format() -> None:
    [rule] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", SIEM, re.DOTALL)]
    [stream] = rule["properties"]["streamDeclarations"].values()
    native = set(json_schema()["properties"]) - {"schema", "records_truncated"}
    assert {column["name"] for column in stream["columns"]} == native | {"TimeGenerated"}


def test_every_dependency_has_its_line_in_the_readme() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = chain(project["dependencies"], *(project["optional-dependencies"][extra] for extra in ("iceberg", "spark")))
    named = {re.split(r"[<>=\[]", dependency)[0] for dependency in asked}
    table = README[README.index("## Dependencies") :]
    rows = re.findall(r"^\| ([a-z][a-z0-9, -]*) \| ", table, re.MULTILINE)
    assert named == {name for row in rows for name in row.split(", ")} - {"package"}


def test_no_file_records_where_packages_come_from() -> None:
    for name in ("constraints.txt", "pyproject.toml"):
        text = (ROOT / name).read_text()
        assert "index-url" not in text
        assert "simple/" not in text
    assert "://" not in (ROOT / "constraints.txt").read_text()
