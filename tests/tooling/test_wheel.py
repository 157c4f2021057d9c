"""The wheel, installed outside the checkout, is the whole program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from hatch_build import platform_tag

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it is built from the source archive, and not from the checkout."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the built wheel in it; only the dependencies come from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", wheel], check=True
    )
    # A path file adds the dependencies; path files inside that folder (the checkout's own) are not followed.
    [site] = (folder / "env" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python.with_name("detector")


def test_the_installed_program_runs_its_main_job(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    trail = ROOT / "fixtures" / "trails" / "compromised_root"
    run = subprocess.run(
        [installed, "run", trail / "AWSLogs", "--lake", "lake"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) == len((trail / "expected.jsonl").read_text().splitlines())
    posture: list[str | Path] = [installed, "posture", "--lake", "lake", "--format", "csv"]
    answers = subprocess.run(posture, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "root_mfa_on,3,fail,off" in answers.stdout
    report: list[str | Path] = [installed, "report", "--lake", "lake", "--output", "report.html"]
    subprocess.run(report, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert "12 critical and 12 high alerts" in (tmp_path / "report.html").read_text(encoding="utf-8")
    listing: list[str | Path] = [installed, "rules", "list", "--format", "jsonl"]
    rules = subprocess.run(listing, cwd=tmp_path, env=environment, capture_output=True,
                           text=True, check=True)  # fmt: skip
    assert str(ROOT) not in rules.stdout, "the rules come from the wheel, not from the checkout"
    assert "_queries/root_mfa_deactivated.sql" in rules.stdout


def test_the_installed_package_has_the_public_interface_and_its_types(installed: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    (tmp_path / "example.py").write_text(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0])
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python = installed.with_name("python")
    ended = subprocess.run(
        [python, "example.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "complete: True" in ended.stdout
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "example.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


@pytest.mark.skipif(not shutil.which("c++"), reason="needs a C++ compiler")
def test_the_wheel_has_one_core_for_every_python_of_its_platform(wheel: Path, installed: Path) -> None:
    assert wheel.name.endswith(f"-py3-none-{platform_tag()}.whl")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DETECTOR_PURE")}
    for variables, state in (({}, "in use"), ({"DETECTOR_PURE": "1"}, "not in use: DETECTOR_PURE is set")):
        shown = subprocess.run(
            [installed, "--version", "--verbose"],
            env=environment | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.splitlines()[1] == f"compiled core: {state}"


def test_the_wheel_says_under_which_license_it_is(installed: Path) -> None:
    [metadata] = (installed.parents[1] / "lib").glob(
        "python*/site-packages/cloudtrail_root_detector-*.dist-info/METADATA"
    )
    assert "\nLicense-Expression: Apache-2.0\n" in metadata.read_text(encoding="utf-8")
    assert (metadata.parent / "licenses/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
