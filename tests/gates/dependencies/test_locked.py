"""Locks and records: one version, known bytes, old enough; nothing changed since the installation."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import replace

import pytest

from pytest_failhard.gates.dependencies.settings import DependenciesSettings
from pytest_failhard.model import GateError
from tests.gates.dependencies.support import ALL, Place
from tests.support import TODAY

HASH = "sha256:" + 64 * "a"
LOCK = DependenciesSettings(lock="required")
AGED = DependenciesSettings(min_age_days=7)


def pins(*pairs: tuple[str, str], header: str = "") -> str:
    """Return a requirements file that is a lock."""
    return header + "".join(f"{name}=={version} --hash={HASH}\n" for name, version in pairs)


def uv_lock(version: str = "1.0", uploaded: str | None = "2025-01-01T00:00:00Z", digest: str = HASH) -> str:
    """Return a uv.lock with the distributions `web` and `below`."""
    when = f', upload-time = "{uploaded}"' if uploaded else ""
    hashed = f', hash = "{digest}"' if digest else ""
    packages: Iterable[str] = (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://x.example" }}\n'
        f'wheels = [{{ url = "https://x.example/{name}-{version}-py3-none-any.whl"{hashed}{when} }}]\n'
        for name in ("web", "below")
    )
    return "version = 1\nrevision = 3\n" + "".join(packages)


@pytest.fixture(name="locked")
def _locked(project: Place) -> Place:
    """A project that requires `web`, which requires `below`, both installed and in use."""
    project.declares("web")
    project.has("web", requires=("below",))
    project.has("below")
    project.writes({"app/a.py": "import web\n"})
    return project


def test_a_lock_with_all_members_is_clean(locked: Place) -> None:
    locked.writes({"requirements.txt": pins(("web", "1.0"), ("below", "1.0"))})
    seen = locked.seen(ALL)
    assert seen.findings == ()
    assert (seen.measures["files_verified"], seen.measures["unpinned"], seen.measures["drifted"]) == (8, 0, 0)


def test_nothing_is_demanded_where_the_level_does_not(locked: Place) -> None:
    seen = locked.seen()
    assert seen.findings == ()
    assert (seen.measures["unpinned"], seen.measures["files_verified"]) == (2, 0)


def test_no_lock(locked: Place) -> None:
    assert locked.found(LOCK) == [("no-lock", "medium", "no-lock"), ("unpinned", "medium", "web")]


@pytest.mark.parametrize(
    ("requirement", "file"), [("web==1.0", ""), ("web", "web==1.0 # why\n"), ("web @ file:///srv/web", "")]
)
def test_no_lock_and_pinned_without_hashes(locked: Place, requirement: str, file: str) -> None:
    locked.declares(requirement)
    locked.writes({"constraints-requirements.txt": file})
    assert ("unpinned", "medium", "web") not in locked.found(LOCK)
    assert ("no-lock", "medium", "no-lock") in locked.found(LOCK)


@pytest.mark.parametrize("loose", ["web==1.*\n", "web>=1.0\n", "web\n"])
def test_what_is_no_pin(locked: Place, loose: str) -> None:
    locked.writes({"requirements-more.txt": loose})
    assert ("unpinned", "medium", "web") in locked.found(LOCK)


def test_a_member_in_another_version_and_one_in_no_lock_drift(locked: Place) -> None:
    locked.writes({"requirements.txt": pins(("web", "2.0"), ("other", "1.0"))})
    said = {each.anchor: each.message for each in locked.seen(LOCK).findings if each.rule == "drifted"}
    assert said == {
        "below": "`below` (web -> below) 1.0 is installed and in no lock (requirements.txt)",
        "web": "`web` is installed as 1.0, requirements.txt has 2.0",
    }
    assert locked.seen(LOCK).measures["drifted"] == 2


def test_two_locks_that_disagree(locked: Place) -> None:
    locked.writes({"requirements.txt": pins(("web", "1.0"), ("below", "1.0")), "uv.lock": uv_lock("3.0")})
    locked.writes({"requirements/other.txt": pins(("elsewhere", "1.0"))})
    found = [each for each in locked.seen(LOCK).findings if each.rule == "drifted"]
    assert [each.anchor for each in found] == ["below", "web"]
    assert all("uv.lock has 3.0" in each.message for each in found)


def test_an_environment_that_was_not_made_from_the_lock_is_one_finding(project: Place) -> None:
    names = [f"part{number}" for number in range(7)]
    project.declares(*names)
    for name in names:
        project.has(name)
    project.writes({"requirements.txt": pins(*((name, "2.0") for name in names))})
    seen = project.seen(LOCK)
    (finding,) = (each for each in seen.findings if each.rule == "drifted")
    assert finding.message == (
        "7 of 7 distributions are installed otherwise than in requirements.txt: part0, part1, part2, part3, part4 ..."
    )
    assert (finding.path, seen.measures["drifted"]) == ("requirements.txt", 7)


def test_a_lock_entry_without_a_hash(locked: Place) -> None:
    locked.writes({"uv.lock": uv_lock(digest="")})
    assert locked.found(DependenciesSettings(hashes="required")) == [
        ("unhashed", "medium", "below"),
        ("unhashed", "medium", "web"),
    ]


def test_a_member_that_is_installed_editable(locked: Place) -> None:
    locked.declares("web", "worked-on")
    locked.has("worked-on", direct_url={"url": "file:///srv/w", "dir_info": {"editable": True}})
    locked.writes({"app/b.py": "import worked_on\n"})
    assert locked.found(DependenciesSettings(editable="forbidden")) == [
        ("editable-install", "medium", "worked-on")
    ]


def test_a_flipped_byte_and_a_file_that_is_gone(locked: Place) -> None:
    (locked.site / "web.py").write_text("VALUE = 2\n")
    (locked.site / "below.py").unlink()
    seen = locked.seen(DependenciesSettings(verify_files=True))
    assert [(each.severity.name, each.anchor, each.line) for each in seen.findings] == [
        ("HIGH", "below below.py", 5),
        ("HIGH", "web web.py", 5),
    ]
    assert (seen.measures["modified_files"], seen.measures["files_verified"]) == (2, 8)


def test_a_file_that_two_members_bring_is_as_one_of_them_says(locked: Place) -> None:
    locked.declares("web", "first", "second")
    locked.has("first", files={"first.py": b"", "docs/conf.py": b"1"})
    locked.has("second", files={"second.py": b"", "docs/conf.py": b"2"})
    locked.writes({"app/b.py": "import first, second\n"})
    assert locked.found(DependenciesSettings(verify_files=True)) == []
    (locked.site / "docs" / "conf.py").write_bytes(b"3")
    assert [each[2] for each in locked.found(DependenciesSettings(verify_files=True))] == [
        "first docs/conf.py",
        "second docs/conf.py",
    ]


@pytest.mark.parametrize(
    ("uploaded", "said"),
    [
        ("2026-01-08T23:59:59Z", ""),
        ("2026-01-09T00:00:00Z", "1.0 was published on 2026-01-09, less than 7 days before 2026-01-15"),
        (None, "says not when its files were published"),
    ],
)
def test_the_age_of_what_is_locked_with_upload_times(locked: Place, uploaded: str | None, said: str) -> None:
    locked.writes({"uv.lock": uv_lock(uploaded=uploaded)})
    found = [each for each in locked.seen(AGED).findings if each.rule == "too-young"]
    assert [said in each.message for each in found] == ([] if not said else [True] * (2 if uploaded else 1))


def test_only_the_installed_version_of_several_must_be_old(locked: Place) -> None:
    young = uv_lock("2.0", uploaded="2026-01-14T00:00:00Z").removeprefix("version = 1\nrevision = 3\n")
    locked.writes({"uv.lock": uv_lock() + young})
    assert locked.found(replace(ALL, min_age_days=7)) == []


def test_one_file_without_its_time_among_others(locked: Place) -> None:
    text = uv_lock()
    locked.writes({"uv.lock": text.replace(', upload-time = "2025-01-01T00:00:00Z"', "", 1)})
    (finding,) = (each for each in locked.seen(AGED).findings if each.rule == "too-young")
    assert "of which it is not said when they were published" in finding.message


@pytest.mark.parametrize(
    ("bound", "is_old"),
    [
        ("2026-01-08T00:00:00Z", True),
        ("2026-01-09T00:00:00Z", False),
        ("2026-01-07", True),
        ("7 days", False),
    ],
)
def test_the_bound_of_a_requirements_file(locked: Place, bound: str, *, is_old: bool) -> None:
    header = f"# by:\n#    uv pip compile --exclude-newer '{bound}' x.in\n"
    locked.writes({"requirements.txt": pins(("web", "1.0"), ("below", "1.0"), header=header)})
    locked.writes({"requirements/unrelated.txt": pins(("elsewhere", "1.0"))})
    wanted = [] if is_old else [("too-young", "medium", "requirements.txt")]
    assert locked.found(AGED) == wanted


def test_the_age_counts_from_the_commit_and_of_a_changed_lock_from_today(locked: Place) -> None:
    locked.writes({"uv.lock": uv_lock(uploaded="2026-01-05T00:00:00Z")})
    settings = replace(AGED, min_age_days=30)
    assert len([each for each in locked.found(settings) if each[0] == "too-young"]) == 2
    day = "2026-02-14T12:00:00+00:00"
    environment = {**os.environ, "GIT_COMMITTER_DATE": day, "GIT_AUTHOR_DATE": day}
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *command], cwd=locked.root, check=True, env=environment)
    assert TODAY.isoformat() == "2026-01-15"
    assert [each for each in locked.found(settings) if each[0] == "too-young"] == []
    locked.writes({"uv.lock": uv_lock(uploaded="2026-01-05T01:00:00Z")})
    assert len([each for each in locked.found(settings) if each[0] == "too-young"]) == 2


def test_a_lock_that_is_named_and_none_is_an_error(locked: Place) -> None:
    locked.declares("web", more='[tool.failhard.dependencies]\nlocks = ["requirements.txt"]\n')
    locked.writes({"requirements.txt": "web\n"})
    with pytest.raises(GateError, match=r"requirements\.txt: no lock"):
        locked.seen()
