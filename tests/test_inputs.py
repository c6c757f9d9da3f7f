"""What answers depend on: no byte of it can change without being named."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard import inputs, plan
from pytest_failhard.inputs import Inputs
from pytest_failhard.model import Clarification, GateError, Mode
from pytest_failhard.stamps import Memo
from tests.acceptance.project import commit, git, write
from tests.size import FULL
from tests.support import nobody

TODAY = date(2026, 6, 1)
CLARIFIED = Clarification(package="x", version="3", expression="MIT", files=(), reason="read", owner="me")
PACKAGES = {"site/ruff/__init__.py": "", "site/ruff-0.15.dist-info/METADATA": "Name: ruff\nVersion: 0.15\n"}
IGNORED = {".gitignore": "__pycache__/\nout/\n*.bin\n", "out/made.py": "a = 1\n", "out/data.bin": "x"}


def resolved(root: Path, **more: object) -> plan.Plan:
    gates = plan.collect_gates(())
    request = plan.Request(root=root, level=2, mode=Mode.SUPERVISED, only=("lint", "vulnerabilities"))
    return plan.resolve(
        dataclasses.replace(request, **more),  # type: ignore[arg-type]
        gates,
        [gate.id for gate in gates],
        TODAY,
    )


@pytest.fixture
def project(shop: Path) -> plan.Plan:
    write(shop, IGNORED)
    commit(shop)
    write(shop.parent, PACKAGES)
    return resolved(shop)


def read(found: plan.Plan, memo: Memo | None = None) -> Inputs:
    return inputs.of_run(found, memo or Memo(), [found.request.root.parent / "site"])


def test_two_readings_are_equal_and_name_each_file(project: plan.Plan) -> None:
    first, second = read(project), read(project)
    assert first == second
    assert first.digest == second.digest
    named = {"pyproject.toml", "shop/prices.py", "tests/test_prices.py", ".gitignore", "out/made.py"}
    assert named <= set(first.parts)
    assert "out/data.bin" not in first.parts
    words = {"policy", "seed", "level", "commit", "merge base", "our own code", "environment", "git index"}
    assert words <= set(first.parts)
    assert all(len(part) == 64 for part in first.parts.values())
    assert first.obstacles == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200 if FULL else 8)
@given(which=st.integers(0, 10**6), where=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_byte_of_an_input_can_change_unnoticed(
    project: plan.Plan, which: int, where: int, bit: int
) -> None:
    root = project.request.root
    memo = Memo()
    before = read(project, memo)
    files = sorted(path for path in before.parts if (root / path).is_file())
    outside = [str(Path("..") / name) for name in PACKAGES if (root.parent / name).stat().st_size]
    paths = [*files, *outside]
    path = root / paths[which % len(paths)]
    content, state = path.read_bytes(), path.stat()
    changed = bytearray(content or b"\0")
    changed[where % len(changed)] ^= 1 << bit
    path.write_bytes(changed)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    try:
        # With what the last run remembers of each file.
        after = read(project, Memo(known=dict(memo.fresh)))
    finally:
        path.write_bytes(content)
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    said = f"packages in {root.parent / 'site'}" if ".." in name else name
    differing = before.differing(after.parts)
    assert before.digest != after.digest
    assert said in differing
    # Another list of what git ignores has other files beside it.
    assert differing == (said,) or name == ".gitignore"


CHANGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "new file": (lambda root: write(root, {"shop/new.py": ""}), {"shop/new.py"}),
    "file gone": (lambda root: (root / "README.md").unlink(), {"README.md"}),
    "executable": (lambda root: (root / "README.md").chmod(0o755), {"README.md"}),
    "ignored code": (lambda root: write(root, {"out/made.py": "a = 2\n"}), {"out/made.py"}),
    "ignored name": (lambda root: write(root, {"out/more.bin": ""}), {"names of ignored files"}),
    "ignored data": (lambda root: write(root, {"out/data.bin": "y"}), set()),
    "a cache": (lambda root: write(root, {".mypy_cache/x.json": "{}", "shop/__pycache__/x.pyc": ""}), set()),
    "git's settings": (lambda root: git(root, "config", "core.autocrlf", "true"), {"git settings"}),
    "a hidden file": (
        lambda root: git(root, "update-index", "--assume-unchanged", "README.md"),
        {"git index"},
    ),
    "an environment": (lambda root: write(root, {".venv/pyvenv.cfg": "", ".venv/x.py": ""}), set()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_is_named(project: plan.Plan, name: str) -> None:
    change, expected = CHANGES[name]
    before = read(project)
    change(project.request.root)
    assert set(before.differing(read(project).parts)) == expected


def test_links_are_followed_to_files_and_stand_in_the_way_where_they_lead_out(project: plan.Plan) -> None:
    root = project.request.root
    write(root.parent, {"outside/x.py": "", "common.txt": "flask\n", "elsewhere/pyvenv.cfg": ""})
    (root / "requirements.txt").symlink_to("../common.txt")
    (root / "inner").symlink_to("shop")
    (root / ".venv").symlink_to("../elsewhere")
    before = read(project)
    assert before.obstacles == ()
    write(root.parent, {"common.txt": "django\n"})
    assert before.differing(read(project).parts) == ("requirements.txt",)
    (root / "vendor").symlink_to("../outside")
    assert read(project).obstacles == ("vendor is a link to a folder outside the project",)


def test_a_source_root_in_a_folder_that_is_left_out_is_read(project: plan.Plan) -> None:
    write(project.request.root, {"node_modules/app/x.py": "a = 1\n"})
    found = dataclasses.replace(project, source=("shop", "node_modules/app"))
    assert "node_modules/app/x.py" in read(found).parts
    assert "node_modules/app/x.py" not in read(project).parts


def test_without_git_all_files_count(tmp_path: Path, shop: Path) -> None:
    root = write(tmp_path / "plain", {"pyproject.toml": (shop / "pyproject.toml").read_text(), **IGNORED})
    write(root, {"shop/a.py": "", "tests/test_a.py": ""})
    parts = read(resolved(root)).parts
    assert {"out/data.bin", "out/made.py"} <= set(parts)
    assert "git index" not in parts


def test_a_linked_work_tree_has_the_settings_of_its_repository(project: plan.Plan, tmp_path: Path) -> None:
    git(project.request.root, "worktree", "add", str(tmp_path / "tree"))
    found = resolved(tmp_path / "tree")
    before = read(found)
    git(project.request.root, "config", "core.autocrlf", "true")
    assert before.differing(read(found).parts) == ("git settings",)


def test_a_folder_that_cannot_be_read_is_an_error(project: plan.Plan, tmp_path: Path) -> None:
    gone = dataclasses.replace(
        project, request=dataclasses.replace(project.request, root=tmp_path / "nowhere")
    )
    with pytest.raises(GateError, match=r"cannot-read: .*nowhere"):
        read(gone)
    with pytest.raises(GateError, match=r"cannot-read: .*nowhere"):
        inputs.again(gone, Memo(), read(project))


def test_what_the_run_was_asked_for_is_a_part_of_it(
    project: plan.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read(project)
    for change, expected in (
        ({"level": 3}, "level"),
        ({"source": ("shop/prices.py",)}, "roots"),
        ({"policy": dataclasses.replace(project.policy, sha256="0" * 64)}, "policy"),
        ({"facts": dataclasses.replace(project.facts, commit="0" * 40)}, "project"),
        ({"request": dataclasses.replace(project.request, seed=1)}, "seed"),
        ({"clarifications": (CLARIFIED,)}, "clarifications"),
        ({"base": None}, "merge base"),
    ):
        other = dataclasses.replace(project, **change)
        assert expected in before.differing(read(other).parts)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert before.differing(read(project).parts) == ("environment",)


def test_the_judged_environment_is_a_part_of_it(project: plan.Plan) -> None:
    parts = inputs.of_run(project, Memo()).parts
    assert [name for name in parts if name.startswith("packages in ")]


def test_another_interpreter_is_asked_where_its_packages_are(project: plan.Plan, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    ours = {name for name in inputs.of_run(project, Memo()).parts if name.startswith(inputs.PACKAGES)}
    found = dataclasses.replace(project, interpreter=other)
    assert ours <= {*inputs.of_run(found, Memo()).parts}
    other.write_text("#!/bin/sh\necho no\n")
    with pytest.raises(GateError, match="gives no description of itself"):
        inputs.of_run(found, Memo())
    with pytest.raises(GateError, match="cannot-read"):
        inputs.of_run(dataclasses.replace(project, interpreter=tmp_path / "none"), Memo())


LONG = "d" * 250


def test_what_was_looked_at_ahead_counts_as_it_was_then(
    project: plan.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = write(tmp_path / "usr" / "site", {"x.py": ""})
    with monkeypatch.context() as patched:
        patched.setattr(sys, "prefix", str(tmp_path / "usr"))
        patched.setattr(sys, "path", [str(site)])
        looked = inputs.ahead()
        assert set(looked) == {site}
        too_deep = os.open(write(tmp_path / "deep", {"x.py": ""}), os.O_RDONLY)
        for _ in range(20):
            os.mkdir(LONG, dir_fd=too_deep)
            above, too_deep = too_deep, os.open(LONG, os.O_RDONLY, dir_fd=too_deep)
            os.close(above)
        os.close(too_deep)
        patched.setattr(sys, "path", [str(tmp_path / "deep")])
        assert inputs.ahead() == {}
    folders = [site, tmp_path / "usr" / "lib"]
    before = inputs.of_run(project, Memo(), folders, looked)
    assert before == inputs.of_run(project, Memo(), folders)
    write(site, {"x.py": "NEW = 1\n"})
    assert inputs.of_run(project, Memo(), folders, looked) == before
    # What a gate answers from the new file is kept under the name of the old ones, which are gone for ever.
    assert inputs.of_run(project, Memo(), folders).differing(before.parts) == (f"{inputs.PACKAGES}{site}",)


def test_what_is_around_a_project_stays_while_somebody_edits_it(project: plan.Plan) -> None:
    root = project.request.root
    own = write(root / ".venv", {"pyvenv.cfg": "", "lib/x.py": ""})
    folders = [root / "shop", own / "lib", root.parent / "site"]

    def around() -> str:
        return inputs.of_run(resolved(root), Memo(), folders).around

    before = around()
    write(root, {"shop/more.py": "A = 1\n", "README.md": "more\n"})
    commit(root)
    assert around() == before
    for place in (own / "lib" / "x.py", root.parent / "site" / "ruff" / "__init__.py"):
        place.write_text("A = 2\n")
        changed = around()
        assert changed != before
        before = changed


def test_outside_an_environment_the_folders_beside_the_packages_count(
    project: plan.Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"usr/bin/tool": "", "usr/lib/python3/asyncio/x.py": "", "usr/lib/site/x.py": ""})
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "usr"))
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "usr/lib" / name) for name in ("python3", "site", "x.zip")]
    )
    found = inputs.installed(dataclasses.replace(project, interpreter=Path(sys.executable)))
    names = {folder.name for folder in found}
    assert names == {"site", *inputs.INSTALLED}


def test_a_file_that_a_setting_names_and_nobody_may_read_is_an_error(
    project: plan.Plan, tmp_path: Path
) -> None:
    rule = next(rule for rule in project.policy.rules if rule.gate == "vulnerabilities")
    settings = dataclasses.replace(project.settings[rule.gate], path="../hidden/known.json")  # type: ignore[call-arg]
    found = dataclasses.replace(project, settings={rule.gate: settings})
    place = write(project.request.root.parent, {"hidden/known.json": ""}) / "hidden"
    place.chmod(0)
    with nobody(), pytest.raises(GateError, match="the settings of vulnerabilities name it"):
        inputs.of_gate(found, rule, (), day=False)
    place.chmod(0o700)


def test_a_gate_depends_on_its_rule_its_settings_its_tools_and_the_files_it_names(
    project: plan.Plan, tmp_path: Path
) -> None:
    root = project.request.root
    rule = next(rule for rule in project.policy.rules if rule.gate == "vulnerabilities")
    write(root.parent, {"known.json": "[]", "known.json.sha256": "1", "records/a.json": "{}"})

    def of(name: str, **more: object) -> dict[str, str]:
        settings = {**project.settings}
        settings[rule.gate] = dataclasses.replace(settings[rule.gate], path=name)  # type: ignore[call-arg]
        found = dataclasses.replace(project, settings=settings)
        return inputs.of_gate(found, rule, ("ruff", "no-such-tool"), day=bool(more.get("day")))

    before = of("../known.json")
    assert {"gate", "policy rule vulnerabilities", "settings vulnerabilities", "tool ruff"} <= set(before)
    assert set(of("../known.json", day=True)) - set(before) == {"day"}
    for path in ("known.json", "known.json.sha256"):
        write(root.parent, {path: "[1]"})
        after = of("../known.json")
        assert {name for name in after if after[name] != before[name]} == {"file ../known.json"}
        before = after
    assert "file ../records" in of("../records")
    assert not [name for name in of("shop") if name.startswith("file ")]
    stricter = dataclasses.replace(rule, at_most={"known": 0, "new": 1})
    other = inputs.of_gate(project, stricter, (), day=False)
    assert other["policy rule vulnerabilities"] != before["policy rule vulnerabilities"]
