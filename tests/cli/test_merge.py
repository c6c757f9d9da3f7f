"""Several jobs, one verdict: what they judged together, and everything that keeps them from one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.attestation import Attestation
from pytest_failhard.cli import joined, merge
from pytest_failhard.cli.merge import Asked, UsageError
from pytest_failhard.cli.shards import ForgedError, Shard, ShardsError
from pytest_failhard.distributions.attest import artefacts
from pytest_failhard.distributions.attest.dsse import Signer
from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.model import GateError, Policy, Report, Severity, Verdict
from pytest_failhard.redact import Redactor
from pytest_failhard.report import document
from pytest_failhard.store import Store
from tests.acceptance.project import commit, git, write
from tests.cli.test_verify import DAY, LEVEL, TERMS, TYPE_ERROR, WAIVER, again, edit, gate, make
from tests.cli.test_verify_provenance import Signed
from tests.distributions.attest.samples import wheel
from tests.support import GATES

COMMIT = "a" * 40
FIRST = ("tests", "coverage", "lint")
SECOND = tuple(rule.gate for rule in TERMS.rules if rule.gate not in FIRST)
OTHER = "b" * 40


def joint(
    *folders: Path,
    into: Path,
    project: Path | None = None,
    expected: int | None = None,
    environment: Mapping[str, str] | None = None,
    **terms: Path | int,
) -> Report:
    asked = Asked(folders=folders, into=into, project=project or into.parent, expected=expected)
    return merge.merge(replace(asked, **terms), GATES, environment or {})  # type: ignore[arg-type]


def written(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "report.json").read_bytes())
    return content


def refused(*folders: Path, into: Path, expected: int | None = None) -> tuple[str, ...]:
    """Return why there is no verdict, and see that there is no report either."""
    with pytest.raises(ShardsError) as caught:
        joint(*folders, into=into, expected=expected)
    assert not (into / "report.json").exists()
    return caught.value.mistakes


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("halves")
    make(root / "one", commit=COMMIT, only=FIRST)
    make(root / "two", TYPE_ERROR, commit=COMMIT, only=SECOND)
    make(root / "green", commit=COMMIT, only=SECOND)
    return root


@pytest.fixture
def one(halves: Path, tmp_path: Path) -> Path:
    return shutil.copytree(halves / "one" / ".failhard", tmp_path / "shards" / "one")


@pytest.fixture
def two(halves: Path, tmp_path: Path) -> Path:
    return shutil.copytree(halves / "two" / ".failhard", tmp_path / "shards" / "two")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "joint"


def test_the_joined_report_is_that_of_one_run_over_all_gates(
    one: Path, two: Path, into: Path, tmp_path: Path
) -> None:
    whole = written(make(tmp_path / "whole", TYPE_ERROR, commit=COMMIT))

    for folders in ((one, two), (two, one)):
        assert joint(*folders, into=into, expected=2).verdict is Verdict.FAIL
        found = written(into)
        assert found["digest"] == whole["digest"]
        assert (found["complete"], found["settings"]) == (True, whole["settings"])
        assert again(into)[0] == 1
    names = {path.name for path in into.iterdir()}
    assert names >= {"report.json", "report.sarif", "report.xml", "report.md", "report.html", "evidence"}
    notes = json.dumps(found["volatile"])
    assert "merged from two: types, fallbacks, integrity" in notes
    assert str(written(two)["digest"]) in notes


@pytest.mark.parametrize(("kept", "code"), [("green", 0), ("two", 1)])
def test_the_command_exits_as_check_does(
    capsys: pytest.CaptureFixture[str], halves: Path, into: Path, kept: str, code: int
) -> None:
    folders = [str(halves / name / ".failhard") for name in ("one", kept)]
    with pytest.raises(SystemExit) as ended:
        merge.command.main([*folders, "--into", str(into), "--expect", "2", "--level", str(LEVEL)])
    assert ended.value.code == code
    assert f"failhard: {'fail' if code else 'pass'}" in capsys.readouterr().out


def test_the_command_says_why_there_is_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, one: Path, two: Path, into: Path
) -> None:
    def ended(*arguments: str | Path) -> tuple[object, str]:
        with pytest.raises(SystemExit) as caught:
            merge.command.main([*map(str, arguments)])
        assert not (into / "report.json").exists()
        return (caught.value.code, capsys.readouterr().err)

    lines = ended(one, into.parent / "gone", "--into", into)
    assert (lines[0], lines[1].splitlines()[-1]) == (3, "failhard: no report was written")
    assert "gone: has no report.json" in lines[1]
    code, said = ended(one, two, "--into", one)
    assert (code, "name a folder of its own" in said) == (2, True)
    policy_file = into.parent / "ours.yaml"
    policy_file.write_text("level: 1\n")
    assert ended(one, two, "--into", into, "--policy", policy_file)[0] == 2
    monkeypatch.setenv("API_TOKEN", "a str where an int is meant")
    assert ended(one, two, "--into", into)[0] == 3
    _claimed(two)
    assert ended(one, two, "--into", into)[0] == 4


def test_no_source_is_shown_where_git_is_not_installed(
    one: Path, two: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(into))
    assert joint(one, two, into=into).verdict is Verdict.FAIL


def test_a_gate_that_could_not_look_stays_an_error(one: Path, into: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "p", commit=COMMIT, only=SECOND, broken="types")
    doubted = make(tmp_path / "d", commit=COMMIT, only=FIRST, doubt="tree-changed: app/main.py")

    made = joint(doubted, other, into=into)
    reasons = {result.gate: result.because for result in made.results}
    assert made.complete
    assert reasons["types"] == ("tool-missing: nothing to run",)
    assert reasons["lint"] == ("tree-changed: app/main.py",)
    assert {each.verdict for each in made.results if each.gate not in reasons or each.gate in FIRST} == {
        Verdict.ERROR
    }
    assert again(into)[0] == 3


def test_gates_that_no_shard_has_are_errors_of_a_partial_report(one: Path, into: Path) -> None:
    made = joint(one, into=into)
    lacking = {result.gate for result in made.results if "shard-missing: no shard" in result.because[0]}
    assert (made.verdict, made.complete, lacking) == (Verdict.ERROR, False, {*SECOND})
    assert written(into)["complete"] is False
    assert again(into)[0] == 4


def test_a_shard_that_was_not_handed_on_is_named(one: Path, two: Path, into: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    lines = refused(one, two, tmp_path / "gone", tmp_path / "empty", into=into)
    assert lines == tuple(
        f"shard-missing: {tmp_path / name}: has no report.json; its job left none, or it was not handed on"
        for name in ("gone", "empty")
    )
    assert refused(one, two, into=into, expected=3) == (
        "shard-missing: 3 shards are expected, and 2 are given",
    )
    assert any("is named more than once" in line for line in refused(one, one, into=into))


def test_an_earlier_verdict_does_not_outlive_a_refusal(one: Path, two: Path, into: Path) -> None:
    joint(one, two, into=into)
    assert (into / "report.json").is_file()
    refused(one, two, into=into, expected=5)


def _verdict(folder: Path) -> None:
    def change(content: dict[str, object]) -> None:
        content["verdict"] = "pass"
        gate(content, "types").update(verdict="pass")

    edit(folder, change)


def _evidence(folder: Path) -> None:
    (folder / "evidence" / "types" / "observation.json").write_text("{}")


def _waivers(folder: Path) -> None:
    (folder / "evidence" / "run" / "waivers.json").write_text("[1]")


def _models(folder: Path) -> None:
    edit(folder, lambda content: content.update(models=["openai:gpt-9"]))


def _dropped(folder: Path) -> None:
    def change(content: dict[str, object]) -> None:
        gates = content["gates"]
        assert isinstance(gates, list)
        content.update(gates=[part for part in gates if part["id"] != "types"], verdict="pass")

    edit(folder, change)


def _claimed(folder: Path) -> None:
    edit(folder, lambda content: content.update(verdict="pass"), seal=False)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_verdict, 'types: verdict: "pass" in the report, "fail" by the evidence'),
        (_evidence, "evidence/types/observation.json: its bytes are not those"),
        (_waivers, "evidence/run/waivers.json: its bytes are not those"),
        (_models, "models: 1 in the report, 0 by the evidence"),
        (_claimed, "digest: the report was edited"),
    ],
)
def test_a_forged_shard_is_named(
    one: Path, two: Path, into: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(two)
    with pytest.raises(ForgedError) as caught:
        joint(one, two, into=into)
    assert caught.value.mistakes[0].startswith(f"{two}: ")
    assert says in str(caught.value)
    assert not (into / "report.json").exists()


def test_a_gate_cut_out_of_a_shard_is_missed(one: Path, two: Path, into: Path) -> None:
    _dropped(two)
    (line,) = refused(one, two, into=into)
    assert line == (
        f"shard-unfinished: {two}: was asked for {', '.join(SECOND)}, and judged "
        f"{', '.join(sorted({*SECOND} - {'types'}))}"
    )


def test_a_run_that_was_interrupted_is_no_shard(one: Path, into: Path, tmp_path: Path) -> None:
    part = make(tmp_path / "p", commit=COMMIT, only=SECOND, settings={"unfinished": True})
    assert f"shard-unfinished: {part}: its run did not come to its end" in refused(one, part, into=into)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"commit": OTHER}, f'project.commit is "{OTHER}"'),
        ({"dirty": True}, "project.dirty is true"),
        ({"settings": {"seed": 7}}, "settings.seed is 7"),
        ({"settings": {"base": "x"}}, 'settings.base is "x"'),
        ({"settings": {"tree_sha256": "0"}}, 'settings.tree_sha256 is "0"'),
        ({"accepted": (WAIVER,)}, "settings.waivers_sha256 is"),
    ],
)
def test_a_shard_of_something_else_is_named(
    one: Path, into: Path, tmp_path: Path, other: dict[str, object], says: str
) -> None:
    # The keywords of `make`, of one type each.
    folder = make(tmp_path / "p", **{"commit": COMMIT, "only": SECOND, **other})  # type: ignore[arg-type]
    lines = refused(one, folder, into=into)
    assert all(line.startswith(f"shard-foreign: {folder}: ") for line in lines)
    assert any(says in line for line in lines)


def test_a_shard_of_another_level_is_named(one: Path, into: Path, tmp_path: Path) -> None:
    later = policy.load(2, GATES, today=DAY)
    made = attested(tmp_path)
    folder = make(tmp_path / "p", commit=COMMIT, terms=later, only=("types",), attested=made)
    assert f"shard-foreign: {folder}: level is 2, in {one} it is 1" in refused(one, folder, into=into)


def test_trees_without_a_commit_are_told_by_their_digest(into: Path, tmp_path: Path) -> None:
    bare = [
        make(tmp_path / f"bare{number}", only=only, dirty=True) for number, only in enumerate((FIRST, SECOND))
    ]
    assert refused(*bare, into=into)[0].startswith(f"tree-unnamed: {bare[0]}: its tree has no commit")
    told = [
        make(tmp_path / f"told{number}", only=only, settings={"tree_sha256": "c" * 64})
        for number, only in enumerate((FIRST, SECOND))
    ]
    assert joint(*told, into=into).verdict is Verdict.PASS


def test_a_gate_in_two_shards_is_refused_whatever_they_say(
    one: Path, two: Path, halves: Path, into: Path, tmp_path: Path
) -> None:
    again_two = shutil.copytree(two, tmp_path / "again")
    green = halves / "green" / ".failhard"
    longer = make(tmp_path / "p", replace(TYPE_ERROR, line=9), commit=COMMIT, only=("types",))

    assert f"gate-twice: types: stands in {two} and in {again_two}, which says the same" in refused(
        one, two, again_two, into=into
    )
    lines = refused(one, two, green, into=into)
    assert (
        f"gate-twice: types: stands in {two} and in {green}, which contradicts it: fail there, pass here"
        in lines
    )
    (line,) = refused(one, two, longer, into=into)
    assert line.endswith("contradicts it: both say fail, for different reasons")


def test_all_is_judged_by_the_terms_of_the_last_day(into: Path, tmp_path: Path) -> None:
    ends = replace(WAIVER, expires=DAY)
    early = make(tmp_path / "a", TYPE_ERROR, commit=COMMIT, only=SECOND, accepted=(ends,))
    late = make(tmp_path / "b", commit=COMMIT, only=FIRST, accepted=(ends,), day=date(2026, 11, 21))
    assert written(early)["verdict"] == written(late)["verdict"] == "pass"

    made = joint(early, late, into=into)
    assert made.verdict is Verdict.FAIL
    assert made.judged_on == date(2026, 11, 21)
    assert again(into)[0] == 1


def test_what_may_be_waived_at_once_is_counted_over_all_shards(tmp_path: Path) -> None:
    """Each shard alone keeps to the level's number; together they do not, and so says one run."""
    terms = replace(TERMS, waivers=replace(TERMS.waivers, most=1, stale=Severity.MEDIUM))
    both = (WAIVER, replace(WAIVER, gate="lint"))
    shards = []
    for name, gates in (("a", ("lint",)), ("b", ("types",)), ("c", ())):
        only = gates or tuple(rule.gate for rule in terms.rules if rule.gate not in {"lint", "types"})
        folder = make(
            tmp_path / name,
            TYPE_ERROR,
            commit=COMMIT,
            only=only,
            accepted=both,
            terms=terms,
            found_by=("lint", "types"),
        )
        shards.append(Shard(folder=folder, document=document.load((folder / "report.json").read_bytes())))
    assert [shard.document.verdict for shard in shards] == ["pass"] * 3

    made = joined.report(shards, terms, DAY)
    said = "2 findings are waived at once, and the level admits 1"
    assert {(each.gate, found.message) for each in made.results for found in each.findings} == {
        ("lint", said),
        ("types", said),
    }
    assert made.verdict is Verdict.FAIL
    whole = make(
        tmp_path / "whole",
        TYPE_ERROR,
        commit=COMMIT,
        accepted=both,
        terms=terms,
        found_by=("lint", "types"),
    )
    assert document.build(made).digest == written(whole)["digest"]


@pytest.mark.parametrize("place", ["shards/one", "shards", "shards/one/deeper"])
def test_a_shard_is_not_written_over(one: Path, two: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="name a folder of its own"):
        joint(one, two, into=tmp_path / place)
    assert (one / "report.json").is_file()


def test_a_secret_that_only_this_job_knows_is_not_handed_on(one: Path, two: Path, into: Path) -> None:
    with pytest.raises(GateError, match=r"redaction-failed: evidence.types.observation\.json: secret-value"):
        joint(one, two, into=into, environment={"API_TOKEN": "a str where an int is meant"})
    assert not (into / "report.json").exists()


def test_source_is_shown_of_the_judged_tree_alone(into: Path, tmp_path: Path) -> None:
    root = write(tmp_path / "tree", {"app/main.py": "\n\nprice('one')\n"})
    git(root, "init", "--quiet")
    commit(root)
    head = git(root, "rev-parse", "HEAD").strip()
    shards = [
        make(tmp_path / name, *found, commit=head, only=only)
        for name, found, only in (("one", (), FIRST), ("two", (TYPE_ERROR,), SECOND))
    ]
    joint(*shards, into=into, project=root)
    assert "price(&#39;one&#39;)" in (into / "report.html").read_text()
    write(root, {"app/main.py": "\n\nprice('two')\n"})
    joint(*shards, into=into, project=root)
    assert "price(" not in (into / "report.html").read_text()


def test_evidence_that_changes_while_it_is_read_is_noticed(one: Path, tmp_path: Path) -> None:
    shard = Shard(folder=one, document=document.load((one / "report.json").read_bytes()))
    place = one / "evidence" / "lint" / "observation.json"
    place.write_bytes(place.read_bytes() + b" ")
    with (
        Store.open(tmp_path / "joint", tmp_path, Redactor(())) as store,
        pytest.raises(ForgedError, match=r"lint/observation\.json: changed while it was read"),
    ):
        merge.take(shard, store)


def attested(root: Path, *, signer: Signer | None = None, ref: str = "") -> Attestation:
    return Attestation(
        root=root,
        origin=Origin(repository="", ref=ref, source={"gitCommit": COMMIT}, commit=COMMIT),
        built=tuple(artefacts.subject(root, path) for path in artefacts.found(root, ["dist/*"])),
        signer=signer,
    )


def built(
    folder: Path, *, signer: Signer | None = None, own: Policy | None = None, refs: Sequence[str] = ("", "")
) -> tuple[Path, ...]:
    """Judge a project that was built in two jobs; those of two branches build two things."""
    terms = own or policy.load(4, GATES, today=DAY)
    gates = [rule.gate for rule in terms.rules]
    shards = []
    for at, ref in enumerate(refs):
        root = folder / f"job{at}"
        root.mkdir()
        wheel(root, {"shop/a.py": f"REF = {ref!r}\n"})
        made = attested(root, signer=signer, ref=ref)
        shards.append(make(root, commit=COMMIT, terms=terms, attested=made, only=tuple(gates[at::2])))
    return tuple(shards)


def test_the_statements_are_made_over_the_joined_report(into: Path, tmp_path: Path) -> None:
    shards = built(tmp_path)
    assert joint(*shards, into=into, project=tmp_path / "job0").verdict is Verdict.PASS
    lines = [json.loads(line) for line in (into / "provenance.intoto.jsonl").read_bytes().splitlines()]
    assert [each["name"] for each in lines[0]["subject"]] == ["sbom.cdx.json", "shop-1.0-py3-none-any.whl"]
    assert "click" in json.dumps(lines[0]["predicate"])
    # What was built does not lie beside the report yet.
    assert again(into)[0] == 4
    shutil.copytree(tmp_path / "job0" / "dist", tmp_path / "dist")
    assert again(into)[0] == 0


def test_signed_shards_make_a_signed_report_or_none(into: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    signed = Signed(tmp_path / "keys")
    own = policy.load(4, GATES, signed.file, today=DAY)
    shards = built(tmp_path, signer=signed.signer, own=own)
    project = tmp_path / "job0"
    with pytest.raises(GateError, match="not-attested: the shards are signed, and here is no key"):
        joint(*shards, into=into, project=project, policy_file=signed.file)
    key = {"FAILHARD_SIGNING_KEY": str(signed.key)}
    joint(*shards, into=into, project=project, policy_file=signed.file, environment=key)
    shutil.copytree(project / "dist", tmp_path / "dist")
    assert again(into, file=signed.file)[0] == 0


def test_shards_of_another_build_or_branch_are_refused(into: Path, tmp_path: Path) -> None:
    shards = built(tmp_path, own=policy.load(3, GATES, today=DAY), refs=("refs/heads/a", "refs/heads/b"))
    foreign, other = refused(*shards, into=into)
    assert foreign == (
        f"shard-foreign: {shards[1]}: is of no repository refs/heads/b gitCommit {COMMIT}, "
        f"{shards[0]} is of no repository refs/heads/a gitCommit {COMMIT}"
    )
    assert other == (
        f"digest-mismatch: dist/shop-1.0-py3-none-any.whl: has other bytes in {shards[1]} than in {shards[0]}"
    )


def test_a_shard_of_another_verifier_is_refused(tmp_path: Path) -> None:
    found = [
        Shard(folder=folder, document=document.load((folder / "report.json").read_bytes()))
        for folder in built(tmp_path)
    ]
    place = found[0].folder / "evidence" / "run" / "provenance.json"
    place.write_text(place.read_text().replace('"version": "', '"version": "9.'))
    with pytest.raises(ShardsError, match=r"was judged by pytest-failhard 9\."):
        joined.statement_inputs(found, {})
    place.unlink()
    with pytest.raises(GateError, match="cannot be read"):
        joined.statement_inputs(found, {})
