"""Tests of what the gate `vulnerabilities` sees: with the real pip-audit, over services on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from pytest_failhard import policy
from pytest_failhard.distributions.advisories.matching import match
from pytest_failhard.distributions.advisories.osv import served
from pytest_failhard.distributions.osv_server import OsvServer, Record
from pytest_failhard.gates.vulnerabilities import VulnerabilitiesGate, examine, sources
from pytest_failhard.gates.vulnerabilities.accounting import account
from pytest_failhard.gates.vulnerabilities.audit import Entry
from pytest_failhard.gates.vulnerabilities.checkout import commit_time
from pytest_failhard.gates.vulnerabilities.pins import pins
from pytest_failhard.judge import judge, settle_waivers
from pytest_failhard.model import Finding, GateError, Observation, Result, Settings, Severity, Verdict, Waiver
from tests.advisory_data import CANARIES, SLIGHT, database, record, small_file
from tests.conftest import Script
from tests.gates.vulnerabilities.support import (
    FOUND,
    clean,
    look,
    pattern,
    run_over,
    says,
    supply,
    told,
    vulnerable,
)
from tests.support import GATES, TODAY, Kept, gate_run, write

LID = record(
    "lid",
    "GHSA-lid",
    {"introduced": "0"},
    {"fixed": "1.2"},
    aliases=["CVE-2026-2", "PYSEC-2026-2"],
    severity=[{"type": "CVSS_V3", "score": SLIGHT}],
)
BOX = record("box", "PYSEC-2026-1", {"introduced": "0"}, {"last_affected": "1.13.1"})
VAGUE = record("rope", "PYSEC-2026-3", {"introduced": "0"}, {"fixed": "0.2-n653"})
MEMBERS = ("box==1.13.1+cu121", "lamp==1.0", "lamp>lid==1.0", "rope==0.1", "lamp>wick==odd")

ODD = "has the version 'odd', which PEP 440 does not know"
MAYBE = "may be affected by PYSEC-2026-3, whose versions cannot be evaluated"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PAUSES", ())


def test_each_member_ends_in_one_state_with_its_way_and_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither a proxy nor a service that the caller's environment names has a say.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_AUDIT_VULNERABILITY_SERVICE", "pypi")
    small_file(tmp_path / "p" / "data" / "known", BOX, LID, VAGUE)
    kept = [Kept(), Kept()]
    seen = [
        look(run_over(tmp_path / "p", keep=keep, mode="file", path="data/known"), supply(*MEMBERS))
        for keep in kept
    ]
    assert told(seen[0].findings) == [
        "known-vulnerability: box 1.13.1+cu121: PYSEC-2026-1; no fixed version known; app -> box",
        "known-vulnerability: lid 1.0: PYSEC-2026-2, CVE-2026-2, GHSA-lid; fixed in 1.2; app -> lamp -> lid",
        f"vulnerability-undetermined: wick odd {ODD}; app -> lamp -> wick",
        f"vulnerability-undetermined: rope 0.1 {MAYBE}; app -> rope",
    ]
    box, lid, *_ = seen[0].findings
    assert (box.severity, lid.severity) == (Severity.HIGH, Severity.LOW)
    assert (lid.path, lid.line) == ("pyproject.toml", 2), "where lamp is declared"
    assert lid.fix == "upgrade lid to 1.2 (lamp brings it; a newer one may, or pin it yourself)"
    assert "until_fixed" in box.fix
    assert seen[0].measures == {
        "known": 2,
        "undetermined": 2,
        "clean": 1,
        "advisory_age_days": 5,
        "canary_found": 1,
        "queries": 5,
        "attempts": 1,
    }
    states = json.loads(kept[0].files["states.json"])
    assert [each["state"] for each in states["members"]] == [
        "vulnerable", "clean", "vulnerable", "undetermined", "undetermined",
    ]  # fmt: skip
    assert states["file"]["records"] == 8
    assert "data/known as of 2026-01-10, 8 records, sha256" in seen[0].tool
    assert kept[0].files == kept[1].files, "two runs leave the same evidence"
    assert seen[0] == seen[1]


def test_a_file_is_compared_where_every_canary_is_a_member(tmp_path: Path) -> None:
    small_file(tmp_path / "p" / "known")
    members = ["jinja2==3.1", "requests==2.30", "pyyaml==6.0", "urllib3==2.0", "flask==0.12.2"]
    seen = look(run_over(tmp_path / "p", mode="file", path="known"), supply(*members))
    assert [finding.anchor for finding in seen.findings] == ["flask PYSEC-2018-66"]
    assert (seen.measures["canary_found"], seen.measures["queries"]) == (1, 6)


def test_a_service_on_loopback_is_asked_and_named(tmp_path: Path) -> None:
    held = database(*CANARIES, LID)

    def answer(name: str, version: str) -> list[Record]:
        return [served(each, name) for each in match(held, name, version).advisories]

    # A file beside it adds what it knows.
    small_file(tmp_path / "p" / "known", BOX)
    with OsvServer(answer, secret=False) as server:
        run = run_over(tmp_path / "p", mode="osv", osv_url=server.url, path="known")
        seen = look(run, supply("box==1.0", "lid==1.0", "lamp==1"))
    assert [finding.anchor for finding in seen.findings] == ["box PYSEC-2026-1", "lid PYSEC-2026-2"]
    assert seen.findings[1].severity is Severity.HIGH, "a service says no severity"
    assert seen.tool.endswith(f"answered by OSV at {server.url}")
    assert seen.measures["advisory_age_days"] == 0


class Bad(BaseHTTPRequestHandler):
    """A service that answers in one bad way."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, bytes]] = {
        "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>hi!",
        "half": b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"vulns": [',
        "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "slow": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
    }

    def do_POST(self) -> None:
        """Read the question, give the answer that the path names, hang up."""
        self.rfile.read(int(self.headers["Content-Length"]))
        how = self.path.strip("/")
        self.wfile.write(self.answers[how])
        self.wfile.flush()
        self.close_connection = True
        if how == "slow":
            # Until the client, whose time is over, is gone.
            self.rfile.read(1)

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing."""


@pytest.fixture
def bad_service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bad) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("how", "said", "seconds"),
    [
        ("garbage", "JSONDecodeError", 60),
        ("half", "could not ask", 60),
        ("404", "ServiceError", 60),
        ("empty", "canary-missed", 60),
        ("slow", "not finished after", 1.5),
    ],
)
def test_a_bad_service_is_an_error(
    tmp_path: Path, bad_service: str, how: str, said: str, seconds: float
) -> None:
    run = run_over(tmp_path / "p", mode="osv", osv_url=f"{bad_service}/{how}", seconds=seconds)
    with pytest.raises(GateError, match=said) as caught:
        look(run, supply("box==1.0"))
    assert caught.value.external is (how not in {"empty", "slow"})


def test_without_any_service_both_reasons_and_the_remedy_stand_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    run = run_over(tmp_path / "p", osv_url="https://osv.invalid/v1/query")
    expected = pattern("could not ask the package index", "could not ask OSV at", 'mode = "file"')
    with pytest.raises(GateError, match=expected) as caught:
        look(run, supply("box==1.0"))
    assert caught.value.external
    assert "\n" not in str(caught.value)


def test_auto_takes_the_second_source_where_the_first_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    held = database(*CANARIES)

    def answer(name: str, version: str) -> list[Record]:
        return [served(each, name) for each in match(held, name, version).advisories]

    with OsvServer(answer, secret=False) as server:
        seen = look(run_over(tmp_path / "p", osv_url=server.url), supply("box==1.0"))
    assert seen.tool.endswith(f"answered by OSV at {server.url}")
    assert seen.measures["attempts"] == 2


def test_a_member_that_is_lost_on_the_way_is_an_error() -> None:
    entry = Entry(name="box", version="1.0")
    with pytest.raises(GateError, match="does not add up"):
        account(pins([("box", "1.0")]), ["box"], {"box": entry}, None)


@pytest.mark.parametrize("url", ["ftp://x/", "https:///v1", "https://me:pw@x/", "x"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(GateError, match="osv_url"):
        look(run_over(tmp_path / "p", mode="osv", osv_url=url), supply("box==1.0"))


def test_file_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="add `path`"):
        look(run_over(tmp_path / "p", mode="file"), supply("box==1.0"))


def test_what_reaches_the_network_is_passed_and_our_own_machine_needs_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/ca.pem")
    monkeypatch.setenv("NO_PROXY", "inside")
    passed = sources.network()
    assert (passed["https_proxy"], passed["SSL_CERT_FILE"]) == ("http://proxy:1", "/ca.pem")
    assert passed["NO_PROXY"] == passed["no_proxy"] == "inside,127.0.0.1,localhost"
    assert not any(name.startswith("PIP_AUDIT") for name in passed)


def test_a_difference_to_our_own_matching_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_file(tmp_path / "p" / "known", LID)
    monkeypatch.setattr(sources, "served", lambda advisory, name: {**served(advisory, name), "id": "OTHER-1"})
    run = run_over(tmp_path / "p", mode="file", path="known")
    with pytest.raises(
        GateError, match=r"pip-audit says PYSEC-2026-2/.*/OTHER-1, our matching PYSEC-2026-2/"
    ):
        look(run, supply("lid==1.0"))


def test_a_missing_member_is_undetermined(tmp_path: Path, script: Script) -> None:
    run = run_over(tmp_path / "p", tools=script(), mode="online")
    script(says(run, clean("lamp", "1"), FOUND), ("exit", 1))
    seen = look(run, supply("lamp==1", missing=["lid"]))
    assert told(seen.findings) == [
        "vulnerability-undetermined: lid is required and not installed, so its version is not known; app -> lid"
    ]
    assert seen.examined == 2


class TestNothingDeclared:
    """An empty closure."""

    def test_an_explicit_empty_list_and_no_foreign_import_need_no_answer(self, tmp_path: Path) -> None:
        keep = Kept()
        seen = look(run_over(tmp_path / "p", keep=keep), supply())
        assert (seen.applies, seen.examined, len(seen.evidence)) == (False, 1, 1)
        assert json.loads(keep.files["applies.json"])["imported"] == []
        assert judged(seen, 3).verdict is Verdict.PASS

    def test_a_foreign_import_fails(self, tmp_path: Path, script: Script) -> None:
        run = run_over(tmp_path / "p", tools=script(), mode="online")
        script(says(run, FOUND), ("exit", 1))
        write(tmp_path / "p", {"app/a.py": "import sys\nfrom app import b\nimport box.lid\n", "app/b.py": ""})
        seen = look(run, supply())
        [finding] = seen.findings
        assert (finding.rule, finding.path, finding.line) == ("vulnerability-undetermined", "app/a.py", 3)
        assert judged(seen, 3).verdict is Verdict.FAIL

    def test_no_explicit_list_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(GateError, match="no explicit empty list"):
            look(run_over(tmp_path / "p"), supply(explicit=False))


@pytest.mark.parametrize(("level", "limit"), [(2, 90), (3, 30), (4, 7)])
def test_a_file_may_be_as_old_as_the_level_allows(level: int, limit: int) -> None:
    measures = {"canary_found": 1, "advisory_age_days": limit}
    seen = Observation(tool="pip-audit", examined=1, measures=measures)
    assert judged(seen, level).verdict is Verdict.PASS
    older = replace(seen, measures={**measures, "advisory_age_days": limit + 1})
    assert judged(older, level).verdict is Verdict.FAIL


class TestWaivers:
    """What a person's consent covers."""

    def seen(self, tmp_path: Path, script: Script, *fixes: str) -> Observation:
        run = run_over(tmp_path / "p", tools=script(), mode="online")
        script(says(run, vulnerable("lamp", "1", "GHSA-1", "CVE-1", fixes=fixes), FOUND), ("exit", 1))
        return look(run, supply("lamp==1"))

    def waiver(self, finding: Finding, fingerprint: str, *, until_fixed: bool = False) -> Waiver:
        return Waiver(
            gate="vulnerabilities",
            rule=finding.rule,
            path=finding.path,
            fingerprint=fingerprint,
            reason="the lamp is never lit",
            owner="ana",
            expires=TODAY,
            until_fixed=until_fixed,
        )

    def test_any_id_of_the_vulnerability_will_do(self, tmp_path: Path, script: Script) -> None:
        seen = self.seen(tmp_path, script)
        [finding] = seen.findings
        other = replace(finding, anchor="lamp GHSA-1", other_anchors=())
        assert other.fingerprint != finding.fingerprint
        for fingerprint in (finding.fingerprint, other.fingerprint):
            assert judged(seen, 3, self.waiver(finding, fingerprint)).verdict is Verdict.PASS
        assert judged(seen, 3, self.waiver(finding, "0" * 16)).verdict is Verdict.FAIL

    def test_until_fixed_ends_with_the_first_fix(self, tmp_path: Path, script: Script) -> None:
        for fixes, verdict in (((), Verdict.PASS), (("0.9", "2a1"), Verdict.PASS), (("2",), Verdict.FAIL)):
            seen = self.seen(tmp_path / (fixes[0] if fixes else "none"), script, *fixes)
            [finding] = seen.findings
            given = self.waiver(finding, finding.fingerprint, until_fixed=True)
            result = judged(seen, 3, given)
            assert result.verdict is verdict
            terms = policy.load(3, GATES, today=TODAY).waivers
            [settled] = settle_waivers([result], [given], terms, TODAY)
            lapsed = "lapsed-waiver" in {each.name for each in settled.findings}
            assert (settled.verdict, lapsed) == (verdict, verdict is Verdict.FAIL)

    def test_age_and_canary_are_not_waivable_at_level_4(self) -> None:
        rules = {each.gate: each for each in policy.load(4, GATES, today=TODAY).rules}
        assert rules["vulnerabilities"].waivable.all_but == {"advisory_age_days", "canary_found"}


def test_a_project_over_a_real_environment(tmp_path: Path, script: Script) -> None:
    tools = script()
    site = tools.site
    write(
        site,
        {
            f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}"
            for name, more in (("Lamp", "Requires-Dist: lid\n"), ("lid", ""))
        },
    )
    root = write(tmp_path / "p", {"pyproject.toml": '[project]\nname = "app"\ndependencies = ["lamp"]\n'})
    run = replace(run_over(root, tools=tools, mode="online"), interpreter=tools.executable)
    script(says(run, vulnerable("lid", "1.0", "CVE-1"), clean("lamp", "1.0"), FOUND), ("exit", 1))
    seen = VulnerabilitiesGate().observe(run)
    assert told(seen.findings) == [
        "known-vulnerability: lid 1.0: CVE-1; no fixed version known; app -> lamp -> lid"
    ]
    assert (seen.findings[0].path, seen.findings[0].line) == ("pyproject.toml", 3)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    run = gate_run(write(tmp_path / "p", {"app/a.py": ""}), VulnerabilitiesGate(), settings=Settings())
    with pytest.raises(GateError, match="settings are Settings"):
        examine(run, supply())


def test_a_checkout_is_as_old_as_its_commit(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    run = run_over(tmp_path / "p")
    with pytest.raises(GateError, match="git does not say when its commit was made"):
        commit_time(run)(folder)
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.invalid")
    dated = {**os.environ, "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"}
    for command in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run([*git, *command], check=True, env=dated)
    assert commit_time(run)(folder) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def judged(seen: Observation, level: int, *waivers: Waiver) -> Result:
    [rule] = [each for each in policy.load(level, GATES, today=TODAY).rules if each.gate == "vulnerabilities"]
    return judge(rule, seen, waivers, TODAY)
