"""What the guide says about checking by hand is so: gunzip, sha256sum, jq and openssl, without this program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("gunzip", "jq", "sha256sum", "base64", "openssl", "xxd")


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {', '.join(TOOLS)}")
def test_a_digest_and_a_log_file_are_checked_as_the_guide_says(tmp_path: Path) -> None:
    page = (ROOT / "docs/guide/evidence.md").read_text(encoding="utf-8")
    [script] = re.findall(r"```sh\n(.*?)```", page[page.index("## By hand") :], re.DOTALL)

    ended = subprocess.run(
        ["sh", "-eu", "-c", script.replace("/tmp/", f"{tmp_path}/")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "Verified OK" in ended.stdout
    listed, found = re.findall(r"^[0-9a-f]{64}", ended.stdout, re.MULTILINE)
    assert listed == found
