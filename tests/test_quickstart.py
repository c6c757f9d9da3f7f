"""docs/quickstart.md, done as it is written: from an empty project to a gate that blocks, in three commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.acceptance.harness import UNMEASURED
from tests.size import FULL

PAGE = Path(__file__).resolve().parents[1] / "docs" / "quickstart.md"
PERSON = {
    f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
PREPARED = {
    # The first command finds what is installed here; no index is asked.
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of the page, without their indentation."""
    found = re.findall(rf"(?ms)^( *)```{kind}\n(.*?)^\1```$", PAGE.read_text("utf-8"))
    return [textwrap.dedent(text) for _, text in found]


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **UNMEASURED, **PERSON, **PREPARED}
    argv = ["bash", "-e", "-c", command]
    return subprocess.run(
        argv,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=170,
        check=False,
    )


def verdicts(folder: Path) -> dict[str, str]:
    report = json.loads((folder / ".failhard" / "report.json").read_bytes())
    return {gate["id"]: gate["verdict"] for gate in report["gates"]}


def test_three_commands_lead_from_an_empty_project_to_a_gate_that_blocks(tmp_path: Path) -> None:
    assert shell(blocks("bash")[0], tmp_path).returncode == 0
    project = tmp_path / "shop"
    commands = blocks("console")[0].splitlines()
    assert len(commands) == 3
    done = [shell(command, project) for command in commands]
    assert [each.returncode for each in done] == [0, 0, 0], "\n".join(
        each.stdout + each.stderr for each in done
    )
    assert "fill in" not in done[1].stdout
    assert set(verdicts(project).values()) == {"pass"}
    assert len(verdicts(project)) == 10
    product = project / "app" / "__init__.py"
    product.write_text(product.read_text().replace("sum(prices)", "sum(prices) + 1"))
    # The rest of the gates has been seen: in the size of CI the one that must block is asked alone.
    blocked = shell(f"{commands[2]}{'' if FULL else ' --only tests'} && echo merged", project)
    assert (blocked.returncode, "merged" in blocked.stdout) == (1, False), blocked.stdout
    assert verdicts(project)["tests"] == "fail"
