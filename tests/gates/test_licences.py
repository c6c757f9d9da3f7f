"""Tests of what the gate `licences` sees, and that it knows what pip-licenses read."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.distributions import supply
from pytest_failhard.gates.licences import LicencesGate
from pytest_failhard.gates.licences.settings import LicencesSettings
from pytest_failhard.model import (
    Clarification,
    GateError,
    Memory,
    Observation,
    Option,
    Settings,
    Severity,
)
from pytest_failhard.run import GateRun
from tests.conftest import Script
from tests.distributions.licence import samples
from tests.distributions.licence.samples import Headers, classifiers, distribution, expression, licence
from tests.support import GATES, TODAY, FakeTools, Kept, gate_run, observe, write

GATE = LicencesGate()
Member = tuple[str, Headers]
GOOD: tuple[Member, ...] = (("lib", expression("MIT")),)


def shipped() -> Mapping[str, Option]:
    [rule] = [each for each in policy.load(3, GATES, today=TODAY).rules if each.gate == "licences"]
    return {name: option.value for name, option in rule.options.items()}


# The policy's values are lists of text.
SETTINGS = LicencesSettings(**shipped())  # type: ignore[arg-type]


def target(folder: Path, members: Sequence[Member], files: Mapping[str, str]) -> Path:
    """Make an environment of made-up distributions, without anything installed, and return its interpreter."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = Path(sys.base_prefix, "bin")
    write(folder, {"pyvenv.cfg": f"home = {home}\ninclude-system-site-packages = false\n"})
    for name, headers in members:
        distribution(folder / "lib" / version / "site-packages", headers, files, name)
    (folder / "lib" / version / "site-packages").mkdir(parents=True, exist_ok=True)
    (folder / "bin").mkdir()
    interpreter = folder / "bin" / "python"
    interpreter.symlink_to(home / version)
    return interpreter


def project(root: Path, required: Sequence[str], head: str = 'license = "MIT"\n') -> Path:
    text = f'[project]\nname = "shop"\nversion = "1"\n{head}dependencies = {json.dumps(list(required))}\n'
    return write(root, {"pyproject.toml": text, "LICENSE": samples.MIT, "app/__init__.py": ""})


def rows(members: Sequence[Member]) -> list[dict[str, str]]:
    """Return what pip-licenses prints of members."""
    found = []
    for name, headers in members:
        fields = {key.lower(): value for key, value in headers}
        names = sorted(value.split(" :: ")[-1] for key, value in headers if key == "Classifier")
        found.append(
            {
                "Name": name,
                "Version": "1.0",
                "License-Metadata": fields.get("license", "UNKNOWN"),
                "License-Classifier": "; ".join(names) or "UNKNOWN",
                "License-Expression": fields.get("license-expression", "UNKNOWN"),
            }
        )
    return found


def hexed(document: object) -> str:
    return json.dumps(document).encode().hex()


def prepared(
    tools: FakeTools,
    tmp_path: Path,
    members: Sequence[Member] = GOOD,
    files: Mapping[str, str] | None = None,
    required: Sequence[str] | None = None,
    head: str = 'license = "MIT"\n',
    clarifications: tuple[Clarification, ...] = (),
    keep: Kept | None = None,
    settings: Settings = SETTINGS,
    memory: Memory | None = None,
) -> GateRun:
    """Return a run over a project that requires these members, with scripted tools."""
    needed = [name for name, _ in members] if required is None else required
    return gate_run(
        project(tmp_path / "project", needed, head),
        GATE,
        scratch=tmp_path / "scratch",
        settings=settings,
        executable=tools.executable,
        packages=tools.packages,
        interpreter=target(tmp_path / "target", members, files or {}),
        clarifications=clarifications,
        keep=keep,
        memory=memory,
    )


def seen(script: Script, tmp_path: Path, members: Sequence[Member], **more: object) -> Observation:
    """Return what the gate sees where pip-licenses lists all members."""
    tools = script(("out", hexed(rows(members))), ("exit", 0))
    # The caller names parameters of `prepared`.
    return observe(prepared(tools, tmp_path, members, **more), GATE)  # type: ignore[arg-type]


def named(observation: Observation) -> list[tuple[str, Severity, str, int]]:
    return [(each.rule, each.severity, each.path, each.line) for each in observation.findings]


def test_a_project_under_allowed_licences(script: Script, tmp_path: Path) -> None:
    members: tuple[Member, ...] = (
        ("lib", (*expression("MIT"), ("Requires-Dist", "deep>=1"))),
        ("deep", licence("MPL-2.0") + classifiers("Mozilla Public License 2.0 (MPL 2.0)")),
        ("tool-of-ours", expression("GPL-3.0-only")),
    )
    observation = seen(script, tmp_path, members, required=["lib"])
    assert (observation.examined, observation.findings) == (3, ())
    assert observation.measures == {"disallowed": 0, "undetermined": 0, "clarified": 0, "copyleft": 1}
    assert observation.tool.startswith("pip-licenses ")


def test_what_is_not_allowed_is_named_with_the_way_to_it(script: Script, tmp_path: Path) -> None:
    members: tuple[Member, ...] = (
        ("lib", (*expression("MIT"), ("Requires-Dist", "deep"))),
        ("deep", expression("MIT AND LGPL-3.0")),
    )
    observation = seen(script, tmp_path, members, required=["lib"])
    assert named(observation) == [("licence-not-allowed", Severity.HIGH, "pyproject.toml", 5)]
    assert observation.findings[0].message == (
        "deep 1.0 is under MIT AND LGPL-3.0-only; not allowed: LGPL-3.0-only (copyleft, LGPL family); "
        "required by shop -> lib -> deep"
    )
    assert observation.findings[0].anchor == "deep MIT AND LGPL-3.0-only"
    assert observation.measures["disallowed"] == observation.measures["copyleft"] == 1


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        (expression("MIT AND GPL-3.0-only"), "licence-not-allowed"),
        (licence("Proprietary; redistribution not permitted"), "licence-undetermined"),
        (licence("Copyright ACME Limited"), "licence-undetermined"),
        (licence("MIT; GPL-3.0"), "licence-undetermined"),
        (classifiers("MIT License", "GNU General Public License v3 (GPLv3)"), "licence-undetermined"),
        (licence("GPL-3.0-only") + classifiers("MIT License"), "licence-undetermined"),
        ((), "licence-undetermined"),
        (licence("LGPL-3.0-only"), "licence-not-allowed"),
        (expression("MIT OR GPL-2.0-only"), ""),
        (licence("Apache-2.0") + classifiers("Apache Software License"), ""),
    ],
)
def test_what_passes_elsewhere_does_not_here(
    script: Script, tmp_path: Path, headers: Headers, rule: str
) -> None:
    observation = seen(script, tmp_path, [("lib", headers)])
    assert [each.rule for each in observation.findings] == ([rule] if rule else [])
    assert all("lib 1.0" in each.message and "shop -> lib" in each.message for each in observation.findings)


@pytest.mark.parametrize("name", ["pip", "prettytable", "setuptools", "wcwidth", "wheel"])
def test_what_pip_licenses_calls_the_system_is_judged(script: Script, tmp_path: Path, name: str) -> None:
    assert [each.rule for each in seen(script, tmp_path, [(name, expression("GPL-3.0-only"))]).findings] == [
        "licence-not-allowed"
    ]


def test_an_open_licence_says_why_and_which_family(script: Script, tmp_path: Path) -> None:
    lgpl = classifiers("GNU Library or Lesser General Public License (LGPL)")
    observation = seen(script, tmp_path, [("lib", lgpl)])
    [finding] = observation.findings
    assert finding.message.startswith("lib 1.0: it says LGPL-2.0-only or ")
    assert finding.message.endswith(" (copyleft, LGPL family); required by shop -> lib")
    assert "clarifications" in finding.fix
    assert (observation.measures["undetermined"], observation.measures["copyleft"]) == (1, 1)


def test_what_is_not_installed_has_no_licence_that_is_known(script: Script, tmp_path: Path) -> None:
    observation = seen(script, tmp_path, GOOD, required=["lib", "absent>=2"])
    assert named(observation) == [("licence-undetermined", Severity.HIGH, "pyproject.toml", 5)]
    assert observation.findings[0].message.startswith("absent is not installed")
    assert (observation.examined, observation.measures["undetermined"]) == (2, 1)


@pytest.mark.parametrize(
    ("head", "rules"),
    [
        ('license = "LicenseRef-Proprietary"\n', []),
        ("", ["own-licence-missing"]),
        ('license = "Proprietary"\n', ["own-licence-missing"]),
        ('license = "MIT"\nlicense-files = ["LICENSE", "NOTICE"]\n', ["own-licence-file-missing"]),
        ('license-files = ["COPYING"]\n', ["own-licence-file-missing", "own-licence-missing"]),
    ],
)
def test_the_project_names_its_own_licence(
    script: Script, tmp_path: Path, head: str, rules: list[str]
) -> None:
    observation = seen(script, tmp_path, GOOD, head=head)
    assert named(observation) == [(rule, Severity.MEDIUM, "pyproject.toml", 0) for rule in rules]


def test_a_project_without_dependencies_is_examined_itself(script: Script, tmp_path: Path) -> None:
    observation = seen(script, tmp_path, GOOD, required=[])
    assert (observation.examined, observation.findings) == (1, ())


def test_the_project_itself_is_no_member(script: Script, tmp_path: Path) -> None:
    members: tuple[Member, ...] = (
        ("shop", licence("LicenseRef-Proprietary")),
        ("lib", (*expression("MIT"), ("Requires-Dist", "shop"))),
    )
    observation = seen(script, tmp_path, members, required=["lib"])
    assert (observation.examined, observation.findings) == (2, ())


def meant(**changes: object) -> Clarification:
    values: dict[str, object] = {
        "package": "lib",
        "version": "1.0",
        "expression": "MIT",
        "files": (("LICENSE", hashlib.sha256(samples.PROPRIETARY.encode()).hexdigest()),),
        "reason": "the author answered by mail",
        "owner": "Ada",
    }
    # The caller names fields.
    return Clarification(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "given", "rules", "why"),
    [
        (licence("Custom"), meant(), [], ""),
        (licence("Custom"), meant(expression="GPL-3.0-only"), ["licence-not-allowed"], ""),
        (
            licence("Custom"),
            meant(version="0.9"),
            ["clarification-lapsed", "licence-undetermined"],
            "version 0.9",
        ),
        (
            licence("Custom"),
            meant(files=(("LICENSE", "0" * 64),)),
            ["clarification-lapsed", "licence-undetermined"],
            "another text",
        ),
        (
            expression("GPL-3.0-only"),
            meant(),
            ["clarification-lapsed", "licence-not-allowed"],
            "only a waiver",
        ),
        (
            expression("MIT"),
            meant(package="gone"),
            ["clarification-lapsed"],
            "no member of the runtime closure",
        ),
    ],
)
def test_clarifications(
    script: Script, tmp_path: Path, headers: Headers, given: Clarification, rules: list[str], why: str
) -> None:
    files = {"LICENSE": samples.PROPRIETARY}
    observation = seen(script, tmp_path, [("lib", headers)], files=files, clarifications=(given,))
    found = {each.rule: each for each in observation.findings}
    assert sorted(found) == rules
    assert observation.measures["clarified"] == (not why)
    if why:
        lapsed = found["clarification-lapsed"]
        assert (lapsed.severity, lapsed.path) == (Severity.MEDIUM, "failhard-waivers.yaml")
        assert why in lapsed.message


def test_the_evidence_says_what_was_read(script: Script, tmp_path: Path) -> None:
    members: tuple[Member, ...] = (
        ("lib", licence("Custom")),
        ("open", licence("Other")),
        ("deep", expression("GPL-3.0-only")),
    )
    documents = []
    for folder in ("one", "two"):
        keep = Kept()
        seen(script, tmp_path / folder, members, files={"LICENSE": samples.MIT}, keep=keep)
        documents.append(keep.files)
    assert documents[0] == documents[1]
    document = json.loads(documents[0]["licences.json"])
    deep, lib, _ = document["packages"]
    assert (deep["not_allowed"], deep["copyleft"], deep["chain"]) == (
        ["GPL-3.0-only"],
        ["GPL"],
        "shop -> deep",
    )
    assert lib["undetermined"].startswith("the field License says 'Custom'")
    metadata = next((tmp_path / "one" / "target").rglob("lib-1.0.dist-info")) / "METADATA"
    assert lib["described"] == {"METADATA": hashlib.sha256(metadata.read_bytes()).hexdigest()}
    [text] = lib["texts"]
    assert (text["path"], text["licences"]) == ("LICENSE", [["MIT"]])
    assert text["sha256"] == hashlib.sha256(samples.MIT.encode()).hexdigest()
    assert document["own"]["expression"] == "MIT"


def test_the_evidence_names_who_clarified(script: Script, tmp_path: Path) -> None:
    keep = Kept()
    files = {"LICENSE": samples.PROPRIETARY}
    seen(script, tmp_path, [("lib", licence("Custom"))], files=files, clarifications=(meant(),), keep=keep)
    [package] = json.loads(keep.files["licences.json"])["packages"]
    assert (package["source"], package["clarification"]["owner"]) == ("clarification", "Ada")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [], "it lists 0 distributions and not lib"),
        (lambda each: [{**each, "Name": "other"}], "it lists 1 distributions and not lib"),
        (lambda each: [{**each, "Version": "1.1"}], "it reads Version of lib otherwise"),
        (
            lambda each: [{**each, "License-Expression": "UNKNOWN"}],
            "it reads License-Expression of lib otherwise",
        ),
        (lambda each: [{**each, "License-Metadata": "GPL"}], "it reads License-Metadata of lib otherwise"),
        (lambda each: [{"Name": each["Name"]}], "a row lacks one of License-Classifier, "),
    ],
)
def test_pip_licenses_must_have_read_the_same(
    script: Script, tmp_path: Path, change: object, message: str
) -> None:
    assert callable(change)
    tools = script(("out", hexed(change(rows(GOOD)[0]))), ("exit", 0))
    with pytest.raises(GateError, match=message):
        GATE.observe(prepared(tools, tmp_path))


def test_a_name_is_compared_in_its_canonical_form_and_of_two_one_must_fit(
    script: Script, tmp_path: Path
) -> None:
    row = rows(GOOD)[0]
    tools = script(("out", hexed([{**row, "Version": "0.1"}, {**row, "Name": "Lib"}])), ("exit", 0))
    assert GATE.observe(prepared(tools, tmp_path)).findings == ()


@pytest.mark.parametrize(
    "steps",
    [
        [("exit", 0)],
        [("exit", 1)],
        [("out", b"all is well".hex()), ("exit", 0)],
        [("out", b"[1]".hex()), ("exit", 0)],
        [("out", b"{}".hex()), ("exit", 0)],
        [("out", b"3".hex()), ("exit", 0)],
        [("out", b'[{"Name": "li'.hex()), ("exit", 0)],
        [("out", b"\xff\xfe[]".hex()), ("exit", 0)],
        [("out", hexed(rows(GOOD))), ("exit", 1)],
        [("out", hexed(rows(GOOD))), ("err", "Traceback (most recent call last):"), ("exit", 0)],
        [("kill", 9)],
    ],
    ids=lambda steps: " ".join(f"{step}-{str(value)[:12]}" for step, value in steps),
)
def test_a_faulty_tool_is_an_error(script: Script, tmp_path: Path, steps: list[tuple[str, object]]) -> None:
    with pytest.raises(GateError, match="piplicenses"):
        GATE.observe(prepared(script(*steps), tmp_path))


def test_a_hanging_tool_is_an_error(script: Script, tmp_path: Path) -> None:
    tools = script(("hang", 0))
    run = prepared(tools, tmp_path)
    short = gate_run(
        run.root,
        GATE,
        scratch=tmp_path / "again",
        settings=SETTINGS,
        seconds=1.0,
        executable=tools.executable,
        packages=tools.packages,
        interpreter=run.interpreter,
    )
    with pytest.raises(GateError, match="not finished after"):
        GATE.observe(short)


def test_a_missing_tool_is_an_error_with_the_command(tmp_path: Path) -> None:
    run = gate_run(project(tmp_path / "p", []), GATE, settings=SETTINGS, packages=(str(tmp_path),))
    with pytest.raises(GateError, match=r"pip-licenses is not installed for .*: python -m pip install"):
        GATE.observe(run)


def test_a_project_that_declares_nothing_is_an_error(script: Script, tmp_path: Path) -> None:
    run = prepared(script(("out", hexed(rows(GOOD))), ("exit", 0)), tmp_path)
    write(run.root, {"pyproject.toml": ""})
    with pytest.raises(GateError, match="no dependency declaration"):
        GATE.observe(run)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(), "settings are Settings, not LicencesSettings"),
        (
            LicencesSettings(allowed=["MIT OR ISC"]),
            "`allowed` or `exceptions`: 'MIT OR ISC' is more than one",
        ),
        (LicencesSettings(exceptions=["none"]), "`allowed` or `exceptions`: Unknown license exception"),
    ],
)
def test_settings_that_make_no_sense_are_an_error(
    script: Script, tmp_path: Path, settings: Settings, message: str
) -> None:
    with pytest.raises(GateError, match=message):
        GATE.observe(prepared(script(("exit", 0)), tmp_path, settings=settings))


def test_without_a_policy_nothing_is_allowed(script: Script, tmp_path: Path) -> None:
    observation = seen(script, tmp_path, GOOD, settings=LicencesSettings())
    assert [each.rule for each in observation.findings] == ["licence-not-allowed"]


REAL: tuple[Member, ...] = (
    ("lib", licence(samples.MIT) + classifiers("MIT License")),
    ("wcwidth", (*expression("GPL-3.0-only"), ("Classifier", "License :: OSI Approved"))),
    ("bare", ()),
)


@pytest.mark.parametrize("folder", ["plain", "with a space"])
def test_the_tool_itself_reads_the_same(tmp_path: Path, folder: str) -> None:
    run = gate_run(
        project(tmp_path / "project", ["lib", "wcwidth", "bare"]),
        GATE,
        scratch=tmp_path / "scratch",
        settings=SETTINGS,
        interpreter=target(tmp_path / folder, REAL, {}),
    )
    assert [each.rule for each in observe(run, GATE).findings] == [
        "licence-not-allowed",
        "licence-undetermined",
    ]


def test_a_tool_that_sees_nothing_for_a_space_is_an_error(tmp_path: Path) -> None:
    run = gate_run(
        project(tmp_path / "project", ["lib"]),
        GATE,
        scratch=tmp_path / "with a space" / "scratch",
        settings=SETTINGS,
        interpreter=target(tmp_path / "with a space" / "target", GOOD, {}),
    )
    with pytest.raises(
        GateError, match="not lib: either is blind; let `python` name an interpreter on a path"
    ):
        GATE.observe(run)


@pytest.mark.parametrize(("name", "is_green"), [("triage_service", True), ("triage_service_lazy", False)])
def test_the_two_examples(tmp_path: Path, name: str, is_green: bool) -> None:
    root = Path(__file__).parents[2] / "examples" / name
    observation = observe(gate_run(root, GATE, scratch=tmp_path / "scratch", settings=SETTINGS), GATE)
    expected = [] if is_green else ["own-licence-file-missing", "own-licence-missing"]
    assert [each.rule for each in observation.findings] == expected
    assert observation.examined > 20


def again(run: GateRun, tools: FakeTools, left: Memory, scratch: Path) -> tuple[GateRun, Kept]:
    """Return a later run of which the tools are others: it knows what an earlier one left."""
    kept = Kept()
    scratch.mkdir()
    memory = Memory(earlier=left.left)
    changed = dataclasses.replace(
        run,
        executable=tools.executable,
        memory=memory,
        keep=kept,
        scratch=scratch,
        _numbers=itertools.count(1),
    )
    return changed, kept


def test_what_the_tool_said_of_these_packages_is_put_back(script: Script, tmp_path: Path) -> None:
    first, memory = Kept(), Memory()
    run = prepared(script(("out", hexed(rows(GOOD))), ("exit", 0)), tmp_path, keep=first, memory=memory)
    seen = observe(run, GATE)
    called = json.loads(first.files["piplicenses-1.json"])["argv"]
    assert called[called.index("--packages") + 1 : called.index("--from=all")] == ["lib"]
    silent = script(("exit", 1))
    known, kept = again(run, silent, memory, tmp_path / "second")
    assert observe(known, GATE) == seen
    assert kept.files == first.files
    # What the project says itself is read anew.
    write(run.root, {"LICENSE": ""})
    known, _ = again(run, silent, memory, tmp_path / "third")
    assert named(observe(known, GATE)) == [("own-licence-file-missing", Severity.MEDIUM, "pyproject.toml", 0)]
    # So is what is compared with what the tool said.
    [metadata] = run.interpreter.parent.parent.rglob("METADATA")
    write(metadata.parent, {"METADATA": metadata.read_text().replace("1.0", "2.0")})
    supply._KEPT.clear()
    known, _ = again(run, silent, memory, tmp_path / "fourth")
    with pytest.raises(GateError, match="it reads Version of lib otherwise than we"):
        GATE.observe(known)


def test_of_other_members_the_tool_is_asked_again(script: Script, tmp_path: Path) -> None:
    memory = Memory()
    members = (*GOOD, ("more", expression("MIT")))
    run = prepared(
        script(("out", hexed(rows(GOOD))), ("exit", 0)), tmp_path, members, required=["lib"], memory=memory
    )
    observe(run, GATE)
    project(run.root, ["lib", "more"])
    known, _ = again(run, script(("exit", 1)), memory, tmp_path / "second")
    with pytest.raises(GateError, match="piplicenses ended with exit code 1"):
        GATE.observe(known)


def test_an_answer_with_a_secret_or_a_place_in_it_is_not_left(script: Script, tmp_path: Path) -> None:
    said: tuple[Member, ...] = (("lib", licence(f"MIT, {tmp_path / 'project'}")),)
    memory = Memory()
    observe(prepared(script(("out", hexed(rows(said))), ("exit", 0)), tmp_path, said, memory=memory), GATE)
    assert memory.left is None


def test_of_a_project_that_needs_nothing_the_tool_lists_itself(script: Script, tmp_path: Path) -> None:
    kept = Kept()
    tools = script(("out", hexed([])), ("exit", 0))
    assert observe(prepared(tools, tmp_path, required=[], keep=kept), GATE).examined == 1
    assert '"--packages",\n  "pip-licenses",\n  "--from=all"' in kept.files["piplicenses-1.json"].decode()
