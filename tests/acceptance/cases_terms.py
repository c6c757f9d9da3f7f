"""Cases of the fail-open list: policy, waivers, baselines, time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from tests.acceptance.case import Case
from tests.acceptance.harness import Ask, Expected
from tests.acceptance.project import VIOLATION, Files, commit, configured, git

LINT = Ask(only="lint")
SHIPPED = (resources.files("pytest_failhard") / "policies" / "1-poc.yaml").read_text("utf-8")
TODAY = datetime.now(UTC).date()
POLICY = "policy.yaml"
FINGERPRINT = "0123456789abcdef"
OWNER = "owner: Ada Lovelace"
REASON = "reason: the import is needed by a plugin at run time"


def custom(old: str, new: str) -> Files:
    """Return the policy of level 1 with one change."""
    assert old in SHIPPED, f"{old!r} is not in the policy"
    return {POLICY: SHIPPED.replace(old, new, 1)}


def waiver(*lines: str, rule: str = "F401", fingerprint: str = FINGERPRINT, days: int = 20) -> Files:
    """Return a waiver file with one waiver; `lines` stand in place of reason, owner and expiry."""
    own = lines or (REASON, OWNER, f"expires: {TODAY + timedelta(days=days)}")
    more = ("ref: SHOP-1", "approved_by: Charles Babbage")
    head = ("gate: lint", f"rule: {rule}", "path: shop/dirty.py", f'fingerprint: "{fingerprint}"')
    body = "".join(f"    {line}\n" for line in (*head[1:], *own, *more))
    return {"failhard-waivers.yaml": f"schema: failhard-waivers/1\nwaivers:\n  - {head[0]}\n{body}"}


def _tomorrow(root: Path) -> None:
    """Commit the base in the future: to git, the machine's clock has been set back."""
    git(root, "checkout", "--quiet", "--orphan", "late")
    date = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    commit(root, date)
    git(root, "commit", "--quiet", "--allow-empty", "--message", "Go on", date=date)


def _refused(identity: str, name: str, phrase: str, files: Files, ask: Ask = LINT) -> Case:
    return Case(
        id=identity,
        name=name,
        gate="lint",
        author=Expected.REFUSE,
        supervised=Expected.REFUSE,
        phrase=phrase,
        files=files,
        ask=ask,
    )


FILE = Ask(only="lint", policy=POLICY)
CASES = (
    _refused("FO-126", "", "line_percent", custom("line_percent: 60", "line_percent: 59"), FILE),
    _refused("FO-126", "gate removed", "types", {POLICY: SHIPPED.partition("\n  types:")[0] + "\n"}, FILE),
    _refused("FO-126", "level lowered", "level", custom("level: 1", "level: 1"), Ask(policy=POLICY, level=2)),
    _refused(
        "FO-126",
        "in the project",
        "line_percent",
        configured("[tool.failhard.coverage]\nline_percent = 10\n"),
    ),
    _refused("FO-19", "policy names an unknown gate", "lnit", custom("\n  lint:", "\n  lnit:"), FILE),
    _refused(
        "FO-19", "policy has an unknown key", "fail_att", custom("fail_at: medium", "fail_att: medium"), FILE
    ),
    _refused(
        "FO-19",
        "policy has an unknown severity",
        "middle",
        custom("fail_at: medium", "fail_at: middle"),
        FILE,
    ),
    _refused("FO-127", "", "levle", configured("", failhard="levle = 2\n")),
    _refused(
        "FO-127",
        "option",
        "levle",
        {},
        Ask(only="lint", author=("--failhard-levle=1",), supervised=("--levle=1",)),
    ),
    _refused("FO-128", "", "reason", {**VIOLATION, **waiver(OWNER, f"expires: {TODAY}")}),
    _refused("FO-128", "no owner", "owner", {**VIOLATION, **waiver(REASON, f"expires: {TODAY}")}),
    _refused("FO-128", "no expiry", "expires", {**VIOLATION, **waiver(REASON, OWNER)}),
    _refused(
        "FO-128", "no such day", "expires", {**VIOLATION, **waiver(REASON, OWNER, "expires: 2026-02-30")}
    ),
    _refused("FO-128", "for ever", "expires", {**VIOLATION, **waiver(REASON, OWNER, "expires: 2999-01-01")}),
    Case(
        id="FO-129",
        gate="lint",
        author=Expected.REFUSE,
        supervised=Expected.REFUSE,
        phrase="clock",
        files={**VIOLATION, **waiver()},
        change=_tomorrow,
        ask=LINT,
    ),
    Case(
        id="FO-130",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="expired",
        files=waiver(days=-1),
        twin={},
        ask=Ask(only="lint", level=3),
    ),
    Case(
        id="FO-130",
        name="unused",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="waiver",
        files=waiver(),
        ask=Ask(only="lint", level=3),
    ),
    Case(
        id="FO-130",
        name="reported at level 1",
        gate="lint",
        author=Expected.PASS,
        supervised=Expected.PASS,
        phrase="",
        files=waiver(days=-1),
        ask=LINT,
    ),
    Case(
        # A text that only the report itself writes: no gate says it, so nothing takes it out before.
        id="FO-115",
        gate="lint",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="redaction-failed",
        unwritten=True,
        ask=Ask(only="lint", environment={"SHOP_TOKEN": "failhard-report/1"}),
    ),
    _refused("FO-130", "wildcard", "is not one finding", {**VIOLATION, **waiver(rule="'*'")}),
    _refused("FO-131", "", "never an error", {**VIOLATION, **waiver(rule="error")}),
)
