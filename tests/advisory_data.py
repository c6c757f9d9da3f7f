"""Hand-made advisory records: facts about published vulnerabilities, and made-up packages."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pytest_failhard.distributions.advisories import compact, osv
from pytest_failhard.distributions.advisories.records import Advisory, Database

Record = dict[str, object]
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
SLIGHT = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"


def record(name: str, identity: str, *events: Mapping[str, str], **more: object) -> Record:
    """Return an OSV record about one package; `versions` go into its entry, the rest beside it."""
    entry: Record = {"package": {"name": name, "ecosystem": "PyPI"}}
    if events:
        entry["ranges"] = [{"type": "ECOSYSTEM", "events": [*events]}]
    if "versions" in more:
        entry["versions"] = more.pop("versions")
    return {"id": identity, "modified": "2026-01-10T00:00:00Z", "affected": [entry], **more}


CANARIES = (
    record("jinja2", "PYSEC-2019-217", {"introduced": "0"}, {"fixed": "2.10.1"}, aliases=["CVE-2019-10906"]),
    record("requests", "PYSEC-2018-28", {"introduced": "0"}, {"fixed": "2.20.0"}, aliases=["CVE-2018-18074"]),
    record("PyYAML", "PYSEC-2018-49", {"introduced": "0"}, {"fixed": "5.1"}, aliases=["CVE-2017-18342"]),
    record("urllib3", "PYSEC-2019-132", {"introduced": "0"}, {"fixed": "1.24.3"}, aliases=["CVE-2019-11236"]),
    record("flask", "PYSEC-2018-66", {"introduced": "0"}, {"fixed": "0.12.3"}, aliases=["CVE-2018-1000656"]),
)


def advisory(*events: Mapping[str, str], **more: object) -> Advisory:
    """Return one advisory about the package `box`, as the reader makes it of a record."""
    [(_, found)] = osv.read(record("box", "TEST-1", *events, **more))
    return found


def database(*records: Record, as_of: datetime = datetime(2026, 1, 10, tzinfo=UTC)) -> Database:
    """Return a database of records; the canaries are not in it by themselves."""
    packages: dict[str, tuple[Advisory, ...]] = {}
    for each in records:
        for name, found in osv.read(each):
            packages[name] = (*packages.get(name, ()), found)
    return Database(
        packages=packages,
        as_of=as_of,
        sha256="0" * 64,
        source="hand-made",
        licence="MIT",
        records=len(records),
    )


def archive(records: Iterable[Record]) -> bytes:
    """Return an archive of records, as OSV publishes one for an ecosystem."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for number, each in enumerate(records):
            opened.writestr(f"{number}.json", json.dumps(each))
    return stream.getvalue()


def small_file(path: Path, *records: Record, as_of: datetime = datetime(2026, 1, 10, tzinfo=UTC)) -> Path:
    """Write records and the canaries in the compact form, with the sidecar that vouches for it."""
    data = compact.write(database(*CANARIES, *records, as_of=as_of))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.with_name(path.name + ".sha256").write_text(f"{compact.read(data).sha256}  {path.name}\n")
    return path
