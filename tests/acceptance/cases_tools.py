"""Cases of the fail-open list: tools that are shadowed, misled, faulty; and gates that are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.acceptance.case import Case
from tests.acceptance.cases_terms import SHIPPED
from tests.acceptance.harness import Ask, Expected, Outcome
from tests.acceptance.project import (
    DANGEROUS,
    MISTYPED,
    UNTESTED,
    VIOLATION,
    Files,
    configured,
    write,
)
from tests.acceptance.scratch import GATE_RULE, Fault
from tests.size import FULL

LINT = Ask(only="lint")
TYPES = Ask(only="types")
SECURITY = Ask(only="security", level=2)
COVERAGE = Ask(only="coverage")
EXIT_0 = "import sys\n\nsys.exit(0)\n"
JSON = {"lint": "--output-format=json", "types": "--output=json", "security": "--format=json"}
TOOL = {"lint": "ruff", "types": "mypy", "security": "bandit"}
# Lint has ruff report every function, so that its check never ends with 0.
CONTRADICTING = {"lint": 0, "types": 1, "security": 1}
ASK = {"lint": LINT, "types": TYPES, "security": SECURITY}
SHORT = "".join(
    "    timeout: 1\n" if line.startswith("    timeout:") else line
    for line in SHIPPED.splitlines(keepends=True)
)
PROBE_POLICY: Files = {
    "policy.yaml": SHIPPED.replace("plugins: []", "plugins: [acme-gates]").rstrip("\n") + f"\n{GATE_RULE}"
}
PROBE = Ask(only="probe", policy="policy.yaml")
SLEEPER = """\
import os
import sys

if any(tool in sys.orig_argv for tool in ("ruff", "mypy", "bandit")):
    os._exit(0)
"""


def _user_configuration(root: Path) -> None:
    """Put settings into the user's home that switch the tools off."""
    home = root.parent / "home" / ".config"
    for name, text in {
        "mypy/config": "[mypy]\nignore_errors = True\n",
        "ruff/ruff.toml": 'exclude = ["*"]\n',
    }.items():
        path = home / name
        path.parent.mkdir(parents=True)
        path.write_text(text)


def _warm_cache(root: Path) -> None:
    """Let ruff remember a clean file, then change it behind its back: same size, same time."""
    path = root / "shop" / "dirty.py"
    dirty = path.read_text()
    path.write_text("OSX = 123\n")
    times = path.stat()
    subprocess.run([sys.executable, "-m", "ruff", "check", "shop"], cwd=root, check=True, capture_output=True)
    path.write_text(dirty)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _damaged_caches(root: Path) -> None:
    for name in (".ruff_cache", ".mypy_cache"):
        # In the size of CI what mypy leaves is made up: to make it takes as long as to look at it.
        if "ruff" in name or FULL:
            tool = name.strip("._").partition("_")[0]
            argv = [sys.executable, "-m", tool, *(["check"] if tool == "ruff" else []), "shop"]
            subprocess.run(argv, cwd=root, check=True, capture_output=True)
        else:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            kinds = (f"{part}.{kind}.json" for part in ("__init__", "prices") for kind in ("data", "meta"))
            write(root, {f"{name}/{version}/shop/{each}": "" for each in kinds})
        for file in (root / name).rglob("*"):
            if file.is_file() and file.name != ".gitignore":
                file.write_bytes(b"\0garbage")
    (root / ".coverage").write_bytes(b"garbage")


def _no_effect(
    identity: str, gate: str, red: Files, fault: Files, *, name: str = "", phrase: str = ""
) -> Case:
    """Return a case in which something in the tree tries, in vain, to hide a finding."""
    return Case(
        id=identity,
        name=name,
        gate=gate,
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase=phrase,
        files={**red, **fault},
        ask={**ASK, "coverage": COVERAGE}[gate],
    )


def _kept_stderr(outcome: Outcome) -> None:
    names = [kept["name"] for kept in outcome.gate("lint")["evidence"]]
    texts = [outcome.evidence("lint", name) for name in names if name.endswith(".stderr")]
    assert any("the licence of this linter has expired" in text for text in texts), str(outcome)


def _explicit_selection(outcome: Outcome) -> None:
    gate = outcome.gate("lint")
    assert gate["tool"].startswith("ruff "), str(outcome)
    arguments = [outcome.evidence("lint", kept["name"]) for kept in gate["evidence"]]  # named in the report
    assert any("--isolated" in text and "--select=" in text for text in arguments), str(outcome)


def _in_time(outcome: Outcome) -> None:
    assert outcome.report is not None
    seconds = outcome.report["volatile"]["seconds"]["lint"]
    assert seconds <= 1 + 5, str(outcome)


def _kept_traceback(outcome: Outcome) -> None:
    assert "fell into its own hole" in outcome.evidence("probe", "traceback.txt"), str(outcome)


def _once(outcome: Outcome) -> None:
    assert len(outcome.gate("probe")["findings"]) == 1, str(outcome)


def _fault(
    identity: str,
    fault: Fault,
    phrase: str = "",
    *,
    gate: str = "lint",
    name: str = "",
    files: Files | None = None,
) -> Case:
    """Return a case in which a scripted tool misbehaves over a project with nothing to find."""
    when = {} if fault["kind"] in {"signal", "exit", "hang", "grandchild", "absent"} else {"when": JSON[gate]}
    return Case(
        id=identity,
        name=name,
        gate=gate,
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase=phrase,
        files=files or {},
        ask=ASK[gate],
        tool=TOOL[gate],
        fault={**when, **fault},
    )


def _probe(
    identity: str, fault: Fault, phrase: str, expected: Expected = Expected.ERROR, name: str = ""
) -> Case:
    return Case(
        id=identity,
        name=name,
        gate="probe",
        author=expected,
        supervised=expected,
        phrase=phrase,
        files=PROBE_POLICY,
        ask=PROBE,
        tool="gate",
        fault=fault,
        also={"FO-107": _kept_traceback, "FO-124": _once}.get(identity, _silent),
    )


def _silent(outcome: Outcome) -> None:
    del outcome


SHADOWING = (
    *(
        _no_effect("FO-75", gate, red, {f"{TOOL[gate]}.py": EXIT_0}, name="" if gate == "lint" else gate)
        for gate, red in (("lint", VIOLATION), ("types", MISTYPED), ("security", DANGEROUS))
    ),
    *(
        Case(
            id="FO-76",
            name="" if gate == "types" else gate,
            gate=gate,
            author=Expected.FAIL,
            supervised=Expected.FAIL,
            phrase="",
            files={**red, "sitecustomize.py": SLEEPER},
            ask=Ask(only=gate, environment={"PYTHONPATH": "{root}"}, python=("-B",)),
        )
        for gate, red in (("types", MISTYPED), ("lint", VIOLATION))
    ),
    _no_effect("FO-77", "coverage", UNTESTED, {"pytest_cov/__init__.py": "", "pytest_cov/plugin.py": ""}),
    _no_effect(
        "FO-78",
        "lint",
        VIOLATION,
        {"gates/__init__.py": "", "gates/lint.py": EXIT_0, "policies/__init__.py": ""},
    ),
    _no_effect(
        "FO-79",
        "types",
        MISTYPED,
        {**configured('[tool.mypy]\nplugins = ["evil.py"]\n'), "evil.py": "import os\n\nos._exit(0)\n"},
    ),
    *(
        _no_effect("FO-80", gate, red, fault, name="" if gate == "security" else gate)
        for gate, red, fault in (
            ("lint", VIOLATION, {"ruff.toml": 'exclude = ["*"]\n'}),
            ("types", MISTYPED, {"mypy.ini": "[mypy]\nignore_errors = True\n"}),
            ("security", DANGEROUS, {".bandit": "[bandit]\nskips = B602,B404\n"}),
            ("coverage", UNTESTED, {".coveragerc": "[run]\nomit = *\n[report]\nexclude_lines = .\n"}),
        )
    ),
    *(
        Case(
            id="FO-81",
            name="" if gate == "types" else gate,
            gate=gate,
            author=Expected.FAIL,
            supervised=Expected.FAIL,
            phrase="",
            files=red,
            change=_user_configuration,
            ask=ASK[gate],
        )
        for gate, red in (("types", MISTYPED), ("lint", VIOLATION))
    ),
    *(
        Case(
            id="FO-82",
            name="" if gate == "lint" else gate,
            gate=gate,
            author=Expected.FAIL,
            supervised=Expected.FAIL,
            phrase="",
            files=red,
            ask=Ask(only=gate, environment=environment),
        )
        for gate, red, environment in (
            ("lint", VIOLATION, {"RUFF_OUTPUT_FILE": "{root}/out.json", "RUFF_CONFIG": "/dev/null"}),
            ("types", MISTYPED, {"MYPYPATH": "/nowhere", "MYPY_CONFIG_FILE_DIR": "/nowhere"}),
            ("coverage", UNTESTED, {"COVERAGE_RCFILE": "/dev/null", "COVERAGE_FILE": "/dev/null"}),
        )
    ),
    *(
        Case(
            id="FO-83",
            name=name,
            gate="types",
            author=Expected.FAIL,
            supervised=Expected.FAIL,
            phrase="whole file",
            rule="unchecked-file",
            files={"shop/mistyped.py": text},
            ask=TYPES,
        )
        for name, text in {
            "": f"# mypy: ignore-errors\n{MISTYPED['shop/mistyped.py']!s}",
            "first line": f"# type: ignore\n{MISTYPED['shop/mistyped.py']!s}",
        }.items()
    ),
    *(
        _no_effect("FO-84", "lint", {"shop/dirty.py": text}, {}, name=name, phrase="unused")
        for name, text in {
            "": "# ruff: noqa\nimport os\n",
            "code": "# ruff: noqa: F401\nimport os\n",
            "disable": "# ruff: disable[F401]\nimport os\n# ruff: enable[F401]\n",
            "ignore": "import os  # ruff: ignore[F401]\n",
            "file-ignore": "# ruff: file-ignore[F401]\nimport os\n",
        }.items()
    ),
    Case(
        id="FO-85",
        gate="lint",
        author=Expected.PASS,
        supervised=Expected.PASS,
        phrase="",
        ask=LINT,
        also=_explicit_selection,
    ),
    Case(
        id="FO-102",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="unused",
        files=VIOLATION,
        change=_warm_cache,
        ask=LINT,
    ),
    Case(
        id="FO-103",
        gate="types",
        author=Expected.PASS,
        supervised=Expected.PASS,
        phrase="",
        change=_damaged_caches,
        ask=Ask(only="types,lint,coverage"),
    ),
)

FAULTS = (
    _fault("FO-87", {"kind": "signal", "value": 9}, "signal 9"),
    _fault("FO-87", {"kind": "exit", "value": 137}, "exit code 137", name="137"),
    *(
        _fault(
            "FO-88",
            {"kind": "exit", "value": code},
            f"exit code {code}",
            name="" if code == 101 else str(code),
        )
        for code in (101, 120, 124, 126, 127, 255)
    ),
    Case(
        id="FO-89",
        gate="lint",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="not finished after 1",
        files={"policy.yaml": SHORT},
        ask=Ask(only="lint", policy="policy.yaml"),
        tool="ruff",
        fault={"kind": "hang"},
        also=_in_time,
    ),
    Case(
        id="FO-90",
        gate="lint",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="not finished after 1",
        files={"policy.yaml": SHORT},
        ask=Ask(only="lint", policy="policy.yaml"),
        tool="ruff",
        fault={"kind": "grandchild"},
        also=_in_time,
    ),
    *(
        case
        for gate in TOOL
        for case in (
            _fault("FO-91", {"kind": "empty"}, gate=gate, name="" if gate == "types" else gate),
            _fault(
                "FO-92",
                {"kind": "garbage"},
                "Congratulations",
                gate=gate,
                name="" if gate == "lint" else gate,
            ),
            *(
                _fault(
                    "FO-93",
                    {"kind": "cut", "value": percent},
                    gate=gate,
                    name="" if (gate, percent) == ("security", 50) else f"{gate} {percent}",
                    files=MISTYPED if gate == "types" else {},
                )
                for percent in (1, 50, 100)
            ),
            _fault(
                "FO-99",
                {"kind": "code", "value": CONTRADICTING[gate]},
                gate=gate,
                name="" if gate == "lint" else gate,
            ),
            _fault("FO-106", {"kind": "bytes"}, gate=gate, name="" if gate == "lint" else gate),
        )
    ),
    _fault(
        "FO-94",
        {"kind": "unreported"},
        "line count",
        gate="types",
        files={"linecount/linecount.txt": "  9  9  9  9 total\n"},
    ),
    _fault("FO-95", {"kind": "version", "value": "0.0.1"}, "older"),
    _fault("FO-95", {"kind": "version", "value": "unknown"}, "unreadable version", name="unparsable"),
    _fault("FO-96", {"kind": "absent"}, "python -m pip install"),
    _fault("FO-96", {"kind": "absent"}, "python -m pip install", gate="types", name="types"),
    _fault("FO-97", {"kind": "stderr", "value": "Traceback (most recent call last):\n  boom\n"}, "crashed"),
    _fault("FO-97", {"kind": "stderr", "value": "INTERNAL ERROR\n"}, "crashed", gate="types", name="types"),
    _fault("FO-98", {"kind": "exit", "value": 1, "stderr": "no network"}, "", gate="security"),
    _fault("FO-99", {"kind": "code", "value": 0}, gate="types", name="0 with findings", files=MISTYPED),
    _fault("FO-100", {"kind": "full", "value": 10}),
    _fault("FO-100", {"kind": "full", "value": 10}, gate="types", name="types"),
    _fault("FO-100", {"kind": "full", "value": 10}, gate="security", name="security"),
    _fault("FO-101", {"kind": "modify", "value": "{root}/shop/prices.py"}, "tree-changed"),
    _fault("FO-104", {"kind": "large", "value": 68}, "bytes of output"),
    _fault("FO-105", {"kind": "fewer"}, "files"),
    _fault("FO-105", {"kind": "fewer"}, "", gate="types", name="types"),
    Case(
        id="FO-33",
        gate="lint",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="the licence of this linter has expired",
        ask=LINT,
        tool="ruff",
        fault={"kind": "exit", "value": 2, "stderr": "the licence of this linter has expired\n"},
        also=_kept_stderr,
    ),
    _probe("FO-107", {"kind": "raise"}, "ZeroDivisionError"),
    _probe("FO-15", {"kind": "measure", "value": "float('nan')"}, "score_percent"),
    _probe("FO-15", {"kind": "measure", "value": "float('inf')"}, "score_percent", name="infinite"),
    _probe("FO-15", {"kind": "measure", "value": "-1"}, "score_percent", name="negative"),
    _probe("FO-15", {"kind": "measure", "value": "101"}, "score_percent", name="above its maximum"),
    _probe("FO-15", {"kind": "measure", "value": "True"}, "score_percent", name="no number"),
    _probe("FO-21", {"kind": "no measure"}, "score_percent"),
    _probe("FO-21", {"kind": "nothing"}, "nothing was examined", name="nothing examined"),
    _probe("FO-124", {"kind": "twice"}, "leak", Expected.FAIL),
)
CASES = (*SHADOWING, *FAULTS)
