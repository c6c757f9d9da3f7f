"""Tests of advisory files: three forms told apart by content, and what proves nothing is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pytest_failhard.distributions.advisories import canaries, compact, files, services
from pytest_failhard.distributions.advisories.matching import match
from pytest_failhard.distributions.advisories.records import Database
from tests.advisory_data import CANARIES, CRITICAL, archive, database, record, small_file

TODAY = date(2026, 1, 15)
COMMITTED = datetime(2026, 1, 12, tzinfo=UTC)
BOX = record(
    "box",
    "PYSEC-2026-1",
    {"introduced": "1.10"},
    {"fixed": "1.20"},
    published="2026-01-02T03:04:05+00:00",
    details="A box\nthat opens.",
    severity=[{"type": "CVSS_V3", "score": CRITICAL}, {"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}],
    versions=["1.10", "1.19", "1.20.dev1+x", "0.9"],
)
YAML = """
id: PYSEC-2026-1
modified: 2026-01-10T00:00:00Z
published: 2026-01-02T03:04:05Z
affected:
- package: {name: box, ecosystem: PyPI}
  ranges:
  - type: ECOSYSTEM
    events:
    - introduced: 1.10
    - fixed: 1.20
"""


def committed(folder: Path) -> datetime:
    assert folder.is_dir()
    return COMMITTED


def load(path: Path, today: date = TODAY, sha256: str = "") -> Database:
    return files.load(path, today, committed, sha256)


def vouched(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    Path(f"{path}.sha256").write_text(hashlib.sha256(data).hexdigest())
    return path


def checkout(folder: Path) -> Path:
    for number, text in enumerate([YAML, *(json.dumps(each) for each in CANARIES)]):
        path = folder / "vulns" / f"p{number}" / f"PYSEC-{number}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder


def test_the_compact_form_holds_what_matching_needs(tmp_path: Path) -> None:
    held = load(small_file(tmp_path / "a", BOX))
    [box] = held.of("box")
    assert (box.id, box.vectors, box.summary) == ("PYSEC-2026-1", (CRITICAL,), "A box that opens.")
    assert box.versions == ("0.9",), "the others lie in the range"
    assert (held.records, held.as_of.date()) == (6, date(2026, 1, 10))
    assert compact.write(held) == (tmp_path / "a").read_bytes()


def test_an_archive_is_as_of_its_newest_record(tmp_path: Path) -> None:
    odd = {**BOX, "id": "PYSEC-2026-2", "modified": "1-01-01T00:00:00Z"}
    held = load(vouched(tmp_path / "a", archive([*CANARIES, BOX, odd])))
    assert (held.records, held.as_of) == (7, datetime(2026, 1, 10, tzinfo=UTC))
    assert [each.id for each in match(held, "box", "1.19").advisories] == ["PYSEC-2026-1", "PYSEC-2026-2"]


def test_a_checkout_is_as_of_its_commit_and_its_versions_are_no_numbers(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "database")
    digest = files.read(folder, committed).sha256
    held = load(folder, sha256=digest.upper())
    assert held.as_of == COMMITTED
    assert match(held, "box", "1.19").advisories
    assert not match(held, "box", "1.2").advisories, "1.20 is not 1.2"
    (folder / "vulns/p0/PYSEC-0.yaml").write_text(YAML + "\n")
    with pytest.raises(files.AdvisoryFileError, match="its SHA-256 is"):
        load(folder, sha256=digest)


@pytest.mark.parametrize(
    ("text", "said"), [("[", "no YAML"), ("- a", "record is list"), ("id: 7\naffected: x", "affected is str")]
)
def test_a_checkout_with_a_broken_record_is_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = checkout(tmp_path / "database")
    (folder / "vulns/p0/PYSEC-0.yaml").write_text(text)
    with pytest.raises(files.AdvisoryFileError, match=said):
        load(folder)


def test_a_folder_without_records_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(files.AdvisoryFileError, match="no checkout"):
        load(tmp_path)


def _compact(**changes: object) -> bytes:
    document = json.loads(gzip.decompress(compact.write(database(*CANARIES))))
    return gzip.compress(json.dumps({**document, **changes}).encode(), mtime=0)


USELESS = [
    (b"", "neither an archive"),
    (b"{}", "neither an archive"),
    (b"\x1f\x8bgarbage", "damaged gzip"),
    (compact.write(database(*CANARIES))[:-20], "damaged gzip"),
    (gzip.compress(b"{", mtime=0), "Invalid JSON"),
    (_compact(schema="failhard-advisories/2"), "schema"),
    (_compact(as_of="soon"), "as_of: 'soon' is no moment"),
    (_compact(vulns={"box": [{"id": "A", "ranges": [["0", "1", 7]]}]}), "7 is not a valid End"),
    (_compact(vulns={"box": [{"id": "A", "ranges": [["0", "1", None]]}]}), "the range"),
    (_compact(vulns={}), "it holds no record"),
    (_compact(records=0), "it holds no record"),
    (compact.write(database(BOX)), "it knows none of the canaries"),
    (
        compact.write(database(*CANARIES, as_of=datetime(2026, 1, 16, tzinfo=UTC))),
        "after today 2026-01-15",
    ),
    (b"PK\x05\x06" + bytes(18), "it holds no record that says when"),
    (b"PK\x03\x04garbage", "damaged archive"),
    (archive([])[:10], "damaged archive"),
    (archive([{"id": "A", "modified": "2026-01-01T00:00:00Z"}]), "it holds no record"),
    (archive([record("box", "A", {"intruded": "1"}), *CANARIES]), "the event 'intruded'"),
    (archive([record("", "A"), *CANARIES]), "name is ''"),
    (archive([record("box", "A", aliases=[1]), *CANARIES]), "aliases is"),
    (archive([{**BOX, "affected": {}}]), "affected is dict"),
]


@pytest.mark.parametrize(
    ("data", "said"), USELESS, ids=[f"{number}-{said}" for number, (_, said) in enumerate(USELESS)]
)
def test_what_proves_nothing_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(files.AdvisoryFileError, match=said):
        load(vouched(tmp_path / "a", data))


@pytest.mark.parametrize("form", ["compact", "archive"])
def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "INFLATED_BYTES", 10)
    monkeypatch.setattr(files, "UNPACKED_BYTES", 10)
    data = compact.write(database(*CANARIES)) if form == "compact" else archive(CANARIES)
    with pytest.raises(files.AdvisoryFileError, match="more than 10 bytes"):
        load(vouched(tmp_path / "a", data))


def test_the_digest_is_the_given_one_or_the_sidecars(tmp_path: Path) -> None:
    path = small_file(tmp_path / "a")
    digest = load(path).sha256
    sidecar = tmp_path / "a.sha256"
    sidecar.write_text("0" * 64)
    assert load(path, sha256=digest).sha256 == digest, "what is named counts"
    for text, said in (("0" * 64, "its SHA-256 is"), ("", "holds no SHA-256"), ("md5", "holds no SHA-256")):
        sidecar.write_text(text)
        with pytest.raises(files.AdvisoryFileError, match=said):
            load(path)
    sidecar.unlink()
    with pytest.raises(files.AdvisoryFileError, match="nothing says which SHA-256 it must have"):
        load(path)


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        files.AdvisoryFileError, match=r"cannot be read: No such file.*failhard advisories update"
    ):
        load(tmp_path / "gone")


def test_every_canary_is_known_to_a_whole_database() -> None:
    assert canaries.known(database(*CANARIES)) == canaries.CANARIES
    assert canaries.choose({"jinja2"}) == (canaries.CANARIES[1], True)
    assert canaries.choose({each.name for each in canaries.CANARIES}) == (canaries.CANARIES[0], False)


def test_the_public_services_are_named_once() -> None:
    assert services.address("osv").endswith("/v1/query")
    assert services.address("archive").endswith("/all.zip")
