"""A secret that is planted anywhere in a run comes out nowhere: in no file, no form, no evidence."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard import attestation, judge, policy, report, showing
from pytest_failhard.distributions.attest.inputs import Inputs
from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.formats import FORMATS
from pytest_failhard.model import Finding, Observation, ProjectFacts, Report, Severity, Waiver
from pytest_failhard.redact import SECRET_VALUE, Redactor
from pytest_failhard.report import observation, waivers
from pytest_failhard.store import Store, StoreError
from tests.size import FULL
from tests.support import GATES
from tests.test_redact import (
    AKIA,
    AMEX,
    BASIC,
    CARD,
    GITHUB,
    GOOGLE,
    IBAN,
    JWT,
    KEY_BLOCK,
    PHONE,
    SENDGRID,
    SK,
    SLACK,
    SLACK_HOOK,
)

DAY = date(2026, 11, 20)
TERMS = policy.load(2, GATES, today=DAY)
RULE = next(each for each in TERMS.rules if each.gate == "types")
VALUE = "p<ä&\"ss'w/örd 1"
ENVIRONMENT = {"SHOP_PASSWORD": VALUE, "FAILHARD_REDACTION_PATTERNS": "ticket-[0-9]{4,}"}
SECRETS: Mapping[str, str] = {
    "provider key": SK,
    "cloud key": AKIA,
    "token of a forge": GITHUB,
    "key of a search engine": GOOGLE,
    "token of a chat": SLACK,
    "hook of a chat": SLACK_HOOK.rpartition("/")[2],
    "key of a mail service": SENDGRID,
    "signed token": JWT,
    "private key": KEY_BLOCK,
    "credentials": BASIC.partition(" ")[2],
    "password in a URL": "hunter2hunter2",
    "e-mail address": "jane.doe@example.org",
    "card": CARD,
    "other card": AMEX,
    "account": IBAN,
    "telephone": PHONE,
    "value of a variable": VALUE,
    "form of the user's own": "ticket-12345",
}
WORN: Mapping[str, str] = {
    "hook of a chat": SLACK_HOOK,
    "credentials": BASIC,
    "password in a URL": "postgres://shop:hunter2hunter2@db/x",
}
"""How a secret stands that is one only beside something else."""
PLACES = (
    *("message", "path", "rule", "name", "fix", "anchor", "tool", "measure", "evidence", "evidence-name"),
    *("note", "host", "reason", "owner", "project", "setting", "error", "source", "model"),
)


def put(place: str, wanted: str, secret: str, otherwise: str) -> str:
    return f"{otherwise} {secret}" if place == wanted else otherwise


def planted(place: str, secret: str, root: Path, store: Store, redactor: Redactor) -> Report:
    """Return the report of a run with a secret in one place, made as a session makes it."""
    finding = Finding(
        rule=put(place, "rule", secret, "arg-type"),
        name=put(place, "name", secret, "arg-type"),
        path=put(place, "path", secret, "app/main.py") if place == "path" else "app/main.py",
        line=2,
        severity=Severity.HIGH,
        message=put(place, "message", secret, "a str"),
        fix=put(place, "fix", secret, "an int"),
        anchor=put(place, "anchor", secret, "x = y"),
    )
    (root / "app").mkdir()
    (root / "app" / "main.py").write_text(f"import os\n{put(place, 'source', secret, 'x = 1')}\n")
    kept = store.keep(
        "types",
        put(place, "evidence-name", secret, "mypy.txt"),
        put(place, "evidence", secret, "Success").encode(),
    )
    measures = {**RULE.at_most, **RULE.at_least}
    seen = redactor.value(
        Observation(
            tool=put(place, "tool", secret, "mypy 1"),
            examined=3,
            findings=(finding,),
            measures={**measures, put(place, "measure", secret, "files"): 7},
            evidence=(kept,),
        )
    )
    stored = store.keep("types", observation.OBSERVATION, observation.dump(seen))
    seen = replace(seen, evidence=(*seen.evidence, stored))
    waiver = Waiver(
        gate="types",
        rule=seen.findings[0].rule,
        path=seen.findings[0].path,
        fingerprint=seen.findings[0].fingerprint,
        reason=put(place, "reason", secret, "as agreed"),
        owner=put(place, "owner", secret, "jane"),
        expires=DAY,
    )
    store.keep("run", "waivers.json", waivers.dump((waiver,)))
    accepted = (waiver,) if place in {"reason", "owner"} else ()
    error = judge.error("lint", put(place, "error", secret, "tool-missing: ruff"))
    made = Report(
        level=2,
        policy_name="development",
        policy_sha256="0" * 64,
        project=ProjectFacts(
            name=put(place, "project", secret, "shop"), version="1", commit="a" * 40, dirty=False
        ),
        settings={"seed": 0, "mode": "supervised", "base": put(place, "setting", secret, "main")},
        complete=True,
        results=(judge.judge(RULE, seen, accepted, DAY), error),
        started_at="2026-11-20T11:00:00+00:00",
        judged_on=DAY,
        seconds={"types": 0.4},
        host=put(place, "host", secret, "here"),
        notes=(put(place, "note", secret, "a note"),),
        models=(put(place, "model", secret, "openai:gpt"),),
    )
    return redactor.value(made)


def published(place: str, secret: str, folder: Path) -> dict[str, bytes]:
    """Return all that leaves a run: every file with its name, and what is printed in each form."""
    redactor = Redactor.from_environment(ENVIRONMENT)
    with Store.open(Path(".failhard"), folder, redactor) as store:
        made = planted(place, secret, folder, store, redactor)
        exhibits = showing.gather(made, store.staging, folder, redactor)
        files = report.render_all(made, exhibits)
        origin = Origin(repository="", ref="", source={"gitCommit": "a" * 40}, commit="a" * 40)
        inputs = Inputs(version="1", origin=origin, subjects=())
        files |= attestation.stated(inputs, None, files["report.json"], store)
        store.publish(files)
    written = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / ".failhard").rglob("*")
        if path.is_file()
    }
    names = "\n".join(written).encode()
    return {**written, **{form: report.printed(made, form).encode() for form in FORMATS}, "names": names}


def spelled(secret: str) -> set[str]:
    """Return a secret as files of our forms spell it."""
    forms = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    forms |= {html.escape(secret), quote(secret, safe=""), quote(secret), repr(secret)[1:-1]}
    return {form.replace("\n", "&#10;") for form in forms} | forms


@settings(max_examples=400 if FULL else 14)
@given(st.sampled_from(sorted(SECRETS)), st.sampled_from(PLACES))
def test_a_planted_secret_comes_out_nowhere(kind: str, place: str) -> None:
    secret = SECRETS[kind]
    with TemporaryDirectory(prefix="exits-") as folder:
        out = published(place, WORN.get(kind, secret), Path(folder))
    assert {"report.json", "report.sarif", "report.xml", "report.md", "report.html"} <= {
        Path(name).name for name in out
    }
    leaks = [
        name
        for name, data in out.items()
        if any(
            form in text for form in spelled(secret) for text in (data.decode(), html.unescape(data.decode()))
        )
    ]
    assert leaks == []


@pytest.mark.parametrize(
    "name",
    [
        *("report.json", "report.sarif", "report.xml", "report.md", "report.html"),
        *("sbom.cdx.json", "provenance.intoto.jsonl", "verdict.json"),
    ],
)
def test_the_last_scan_looks_at_every_form_fo_115(tmp_path: Path, name: str) -> None:
    redactor = Redactor.from_environment(ENVIRONMENT)
    kinds = ", ".join(sorted({"card-number", SECRET_VALUE}))
    text = html.escape(f"{CARD} {VALUE}") if name.endswith((".html", ".xml", ".md")) else f"{CARD} {VALUE}"
    with (
        Store.open(Path(".failhard"), tmp_path, redactor) as store,
        pytest.raises(StoreError, match=f"redaction-failed: .*{name}: {kinds} left after rendering"),
    ):
        store.publish({name: text.encode()})
    assert not (tmp_path / ".failhard" / name).exists()
