"""Tests of what the gate `provenance` sees of a project that was built, and of what cannot get past it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pytest_failhard.gates.provenance import ProvenanceGate
from pytest_failhard.gates.provenance.settings import ProvenanceSettings
from pytest_failhard.model import Base, Evidence, GateError, Observation, ProjectFacts, Settings, Severity
from tests.distributions.attest.samples import ATTESTING, COMMIT, PLACE, flip, key, sdist, wheel
from tests.support import FACTS, Kept, gate_run, observe, write

MODULES = {"app/__init__.py": "", "app/prices.py": "PRICE = 1\n"}
PYPROJECT = '[project]\nname = "shop"\nversion = "1.0"\ndependencies = []\n'
LOCKED = "--hash=sha256:" + "a" * 64
WHEEL = "dist/shop-1.0-py3-none-any.whl"


@dataclass(frozen=True)
class Merged:
    """A merge base with the files that it is given."""

    files: Mapping[str, str] = field(default_factory=dict)
    commit: str = "b" * 40
    chosen: str = "chosen by the test"

    def read(self, path: str) -> bytes | None:
        return self.files[path].encode() if path in self.files else None

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        return {}

    def differing(self) -> frozenset[str]:
        return frozenset()


@dataclass
class Touching(Kept):
    """Keeps evidence, and changes a file as soon as the subjects are written down."""

    touch: Callable[[], None] = field(default=lambda: None)

    def __call__(
        self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
    ) -> Evidence:
        kept = super().__call__(name, data, volatile=volatile, has_contacts=has_contacts)
        if name == "subjects.json":
            self.touch()
        return kept


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose environment holds one package, `click 8.1`."""
    folder = tmp_path_factory.mktemp("target") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    write(site, {"click-8.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: click\nVersion: 8.1\n"})
    return folder / "bin" / "python"


@dataclass(frozen=True, kw_only=True)
class Look:
    """Observes a project in the environment of the tests."""

    root: Path
    interpreter: Path

    def __call__(
        self,
        *,
        base: Base | None = None,
        settings: Settings | None = None,
        facts: ProjectFacts = FACTS,
        keep: Kept | None = None,
        signing_key: Path | None = None,
    ) -> Observation:
        gate = ProvenanceGate()
        run = gate_run(
            self.root,
            gate,
            base=base,
            settings=settings,
            keep=keep,
            signing_key=signing_key,
            interpreter=self.interpreter,
            level=4,
        )
        try:
            return observe(replace(run, facts=facts), gate)
        finally:
            run.close()


@pytest.fixture
def look(tmp_path: Path, interpreter: Path) -> Look:
    """A project whose wheel is built, whose workflow attests, and whose tree is clean."""
    root = write(tmp_path / "p", {"pyproject.toml": PYPROJECT, PLACE: ATTESTING, **MODULES})
    wheel(root, MODULES)
    return Look(root=root, interpreter=interpreter)


def names(observation: Observation) -> list[str]:
    return [finding.name for finding in observation.findings]


ATTESTED = Merged({PLACE: ATTESTING})


def test_a_project_that_was_built_and_is_attested(look: Look) -> None:
    sdist(look.root)
    kept = Kept()
    observation = look(base=ATTESTED, keep=kept)
    assert observation.findings == ()
    assert (observation.examined, observation.tool) == (2, "https://slsa.dev/provenance/v1, unsigned")
    assert observation.measures == {
        "subjects": 2,
        "mismatched": 0,
        "undigested": 0,
        "signed": 0,
        "attestable": 1,
    }
    subjects = json.loads(kept.files["subjects.json"])
    assert [each["path"] for each in subjects] == [WHEEL, "dist/shop-1.0.tar.gz"]


def test_nothing_built_is_an_error(look: Look) -> None:
    (look.root / WHEEL).unlink()
    with pytest.raises(GateError, match=r"no wheel and no sdist matches dist/\*: build them before the gate"):
        look(base=ATTESTED)


def test_the_project_says_where_it_builds(look: Look) -> None:
    wheel(look.root, MODULES, folder="out")
    (look.root / WHEEL).unlink()
    assert look(base=ATTESTED, settings=ProvenanceSettings(distributions=["out/*.whl"])).examined == 1


def test_a_byte_that_changes_after_writing_is_seen(look: Look) -> None:
    keep = Touching(touch=lambda: flip(look.root / WHEEL))
    observation = look(base=ATTESTED, keep=keep)
    (finding,) = observation.findings
    assert (finding.name, finding.path, finding.severity) == ("digest-mismatch", WHEEL, Severity.HIGH)
    assert observation.measures["mismatched"] == 1


def test_a_file_that_goes_after_writing_is_seen(look: Look) -> None:
    keep = Touching(touch=(look.root / WHEEL).unlink)
    assert names(look(base=ATTESTED, keep=keep)) == ["digest-mismatch"]


def test_a_broken_wheel_is_an_error(look: Look) -> None:
    write(look.root, {WHEEL: b"PK"})
    with pytest.raises(GateError, match="build it again"):
        look(base=ATTESTED)


@pytest.mark.parametrize(("name", "version"), [("stop", "1.0"), ("shop", "0.9")])
def test_a_distribution_of_another_name_or_version(look: Look, name: str, version: str) -> None:
    wheel(look.root, MODULES, name=name, version=version)
    (finding,) = look(base=ATTESTED).findings
    assert finding.name == "foreign-artifact"
    assert f"is {name} {version}, and the project is shop 1.0" in finding.message


def test_a_wheel_of_yesterday(look: Look) -> None:
    write(look.root, {"app/prices.py": "PRICE = 2\n"})
    (finding,) = look(base=ATTESTED).findings
    assert (finding.name, finding.anchor) == ("stale-artifact", "app/prices.py")


def test_a_tree_that_no_commit_names(look: Look) -> None:
    assert names(look(base=ATTESTED, facts=replace(FACTS, dirty=True))) == ["dirty-tree"]
    (finding,) = look(base=ATTESTED, facts=replace(FACTS, commit="")).findings
    assert finding.message == "the tree is of no commit"


def test_a_project_without_a_version_is_an_error(look: Look) -> None:
    write(look.root, {"pyproject.toml": PYPROJECT.replace('version = "1.0"', 'dynamic = ["version"]')})
    with pytest.raises(GateError, match="install the project"):
        look(base=ATTESTED, facts=replace(FACTS, version=""))


def test_every_member_of_the_closure_has_a_digest(look: Look) -> None:
    write(look.root, {"pyproject.toml": PYPROJECT.replace("[]", '["click"]')})
    observation = look(base=ATTESTED)
    (finding,) = observation.findings
    assert (finding.name, finding.anchor) == ("undigested-dependency", "click")
    assert finding.message == "no lock says the SHA-256 of click 8.1 (click)"
    assert observation.measures["undigested"] == 1
    for hashes in (LOCKED, f"{LOCKED} --hash=sha256:{'b' * 64}"):
        write(look.root, {"requirements.txt": f"click==8.1 {hashes}\n"})
        assert look(base=ATTESTED).measures["undigested"] == 0


def test_a_key_of_the_policy_signs(look: Look, tmp_path: Path) -> None:
    path, public = key(tmp_path)
    observation = look(settings=ProvenanceSettings(public_key=public), signing_key=path)
    assert observation.findings == ()
    assert observation.tool.endswith(", signed by the policy's key")
    assert (observation.measures["signed"], observation.measures["attestable"]) == (1, 1)


def test_a_key_of_another_is_an_error(look: Look, tmp_path: Path) -> None:
    path, _ = key(tmp_path)
    _, other = key(tmp_path, "other.pem")
    with pytest.raises(GateError, match="not that of the policy's public_key"):
        look(base=ATTESTED, settings=ProvenanceSettings(public_key=other), signing_key=path)
    with pytest.raises(GateError, match="public_key: is no public key"):
        look(base=ATTESTED, signing_key=path)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("      attestations: write\n", "", "its permissions lack `attestations: write`"),
        (f"actions/attest@{COMMIT}", "actions/attest@v4", "actions/attest@v4 is not pinned"),
    ],
)
def test_a_workflow_that_does_not_attest_here_or_at_the_base(
    look: Look, before: str, after: str, expected: str
) -> None:
    weak = ATTESTING.replace(before, after)
    for base, here in ((weak, ATTESTING), (ATTESTING, weak), (weak, weak)):
        write(look.root, {PLACE: here})
        observation = look(base=Merged({PLACE: base}))
        assert observation.measures["attestable"] == 0
        (finding,) = observation.findings
        assert (finding.name, finding.path, finding.severity) == ("not-attestable", PLACE, Severity.LOW)
        assert finding.message.count(expected) == 1


def test_a_workflow_counts_once_it_is_merged(look: Look) -> None:
    observation = look(base=Merged())
    (finding,) = observation.findings
    assert (finding.message, observation.measures["attestable"]) == (
        "is not at the merge base yet: it counts once it is merged",
        0,
    )


def test_without_key_workflow_and_base_nobody_attests(look: Look) -> None:
    (finding,) = look().findings
    assert finding.message == "no workflow can be read from a merge base: no base in this test"
    (look.root / PLACE).unlink()
    (finding,) = look(base=ATTESTED).findings
    assert finding.message == "no key signs, and there is no workflow in .github/workflows"
    (look.root / PLACE).parent.rmdir()
    assert look(base=ATTESTED).measures["attestable"] == 0


def test_a_second_workflow_that_does_not_attest_is_only_named(look: Look) -> None:
    other = ".github/workflows/ci.yaml"
    write(look.root, {other: "on: push\n"})
    observation = look(base=Merged({PLACE: ATTESTING, other: "on: push\n"}))
    assert observation.measures["attestable"] == 1
    assert [finding.path for finding in observation.findings] == [other]


def test_settings_of_another_gate_are_an_error(look: Look) -> None:
    with pytest.raises(GateError, match="settings are Settings"):
        look(settings=Settings())
