"""What lock files of all forms pin, and which of their files was installed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.locks import Artefact, Lock, LockedFile, artefact, read
from pytest_failhard.model import GateError
from tests.support import write

AB, CD = "ab" * 32, "cd" * 32
UPLOADED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

UV = f"""\
version = 1
revision = 3
requires-python = ">=3.11"

[options]
exclude-newer = "2026-01-05T00:00:00Z"

[[package]]
name = "app"
source = {{ editable = "." }}
dependencies = [{{ name = "flask" }}]

[[package]]
name = "flask"
version = "3.1.0"
source = {{ registry = "https://example.org/simple" }}
sdist = {{ url = "https://example.org/flask-3.1.0.tar.gz", hash = "sha256:{AB}", size = 5 }}
wheels = [
    {{ url = "https://example.org/a/flask-3.1.0-py3-none-any.whl", hash = "sha256:{CD.upper()}", size = 7, upload-time = "2026-01-02T03:04:05Z" }},
]

[[package]]
name = "numpy"
version = "1.0"
source = {{ url = "https://example.org/numpy-1.0%2Bcpu-cp312-cp312-linux_x86_64.whl" }}
wheels = [{{ url = "https://example.org/numpy-1.0%2Bcpu-cp312-cp312-linux_x86_64.whl", hash = "md5:0" }}]

[[package]]
name = "numpy"
version = "2.0"
"""


def locks(tmp_path: Path, files: Mapping[str, str | bytes], *names: str) -> tuple[Lock, ...]:
    return read(write(tmp_path, files), names)


def only(tmp_path: Path, name: str, text: str) -> Lock:
    (found,) = locks(tmp_path, {name: text})
    return found


def test_a_lock_of_uv(tmp_path: Path) -> None:
    found = only(tmp_path, "uv.lock", UV)
    assert list(found.packages) == ["app", "flask", "numpy"]
    (flask,) = found.packages["flask"]
    assert (flask.version, flask.line) == ("3.1.0", 13)
    assert flask.files == (
        LockedFile(name="flask-3.1.0-py3-none-any.whl", sha256=CD, uploaded=UPLOADED, size=7),
        LockedFile(name="flask-3.1.0.tar.gz", sha256=AB, size=5),
    )
    assert [each.version for each in found.packages["numpy"]] == ["1.0", "2.0"]
    assert found.packages["numpy"][0].files == (
        LockedFile(name="numpy-1.0+cpu-cp312-cp312-linux_x86_64.whl", sha256=""),
    )
    assert found.packages["app"][0].version == ""
    assert found.not_after == datetime(2026, 1, 5, tzinfo=UTC)
    assert found.has_upload_times


@pytest.mark.parametrize(
    "options",
    [
        'exclude-newer = "0001-01-01T00:00:00Z"\nexclude-newer-span = "P7D"',
        'exclude-newer = "0001-01-01T00:00:00Z"',
        'exclude-newer = "2026-01-05T00:00:00Z"\nexclude-newer-span = "P7D"',
        'exclude-newer = "2026-01-05T00:00:00Z"\nexclude-newer-package = { flask = "2027-01-01" }',
        'exclude-newer = "some day"',
        "exclude-newer = 5",
        "",
    ],
)
def test_a_bound_that_does_not_bind(tmp_path: Path, options: str) -> None:
    text = f"version = 1\n[options]\n{options}\n"
    assert only(tmp_path, "uv.lock", text).not_after is None


PYLOCK = f"""\
lock-version = "1.0"
created-by = "hand"

[[packages]]
name = "flask"
version = "3.1.0"
sdist = {{ name = "flask-3.1.0.tar.gz", url = "https://example.org/x", size = 5, hashes = {{ sha256 = "{AB}" }} }}
wheels = [
    {{ url = "https://example.org/flask-3.1.0-py3-none-any.whl", upload-time = 2026-01-02T03:04:05Z, hashes = {{ sha256 = "{CD}" }} }},
]

[[packages]]
name = "zipped"
archive = {{ url = "https://example.org/zipped-1.zip", hashes = {{ sha512 = "00" }} }}

[[packages]]
name = "cloned"
vcs = {{ type = "git", url = "https://example.org/a.git", commit-id = "{"0" * 40}" }}
"""


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.prod.toml"])
def test_a_lock_of_the_standard_form(tmp_path: Path, name: str) -> None:
    found = only(tmp_path, name, PYLOCK)
    (flask,), (zipped,), (cloned,) = (found.packages[each] for each in ("flask", "zipped", "cloned"))
    assert (flask.version, flask.line, zipped.version, cloned.files) == ("3.1.0", 4, "", ())
    assert flask.files == (
        LockedFile(name="flask-3.1.0-py3-none-any.whl", sha256=CD, uploaded=UPLOADED),
        LockedFile(name="flask-3.1.0.tar.gz", sha256=AB, size=5),
    )
    assert zipped.files == (LockedFile(name="zipped-1.zip", sha256=""),)
    assert (found.has_upload_times, found.not_after) == (True, None)


POETRY = f"""\
[[package]]
name = "Flask"
version = "3.1.0"
files = [{{ file = "flask-3.1.0-py3-none-any.whl", hash = "sha256:{CD}" }}]

[metadata]
lock-version = "2.1"
"""
OLDER_POETRY = f"""\
[[package]]
name = "Flask"
version = "3.1.0"

[metadata]
lock-version = "1.1"

[metadata.files]
Flask = [{{ file = "flask-3.1.0-py3-none-any.whl", hash = "sha256:{CD}" }}]
"""
PDM = POETRY.replace('lock-version = "2.1"', 'lock_version = "4.5.0"').replace(
    'file = "', 'url = "https://example.org/'
)


@pytest.mark.parametrize(
    ("name", "text"), [("poetry.lock", POETRY), ("poetry.lock", OLDER_POETRY), ("pdm.lock", PDM)]
)
def test_locks_of_other_tools(tmp_path: Path, name: str, text: str) -> None:
    found = only(tmp_path, name, text)
    (flask,) = found.packages["flask"]
    assert flask.files == (LockedFile(name="flask-3.1.0-py3-none-any.whl", sha256=CD),)
    assert (flask.version, flask.line, found.has_upload_times) == ("3.1.0", 1, False)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("uv.lock", "version = 2\n", "uv.lock: its form has the version '2', which is not known here"),
        ("uv.lock", "package = []\n", "its form has the version 'none'"),
        ("poetry.lock", '[metadata]\nlock-version = "3.0"\n', "its form has the version '3.0'"),
        ("uv.lock", "version = \n", "uv.lock: Invalid value"),
        ("uv.lock", b"\xff", "uv.lock: 'utf-8'"),
        ("uv.lock", "version = 1\npackage = 1\n", "`package` is no list of tables"),
        ("uv.lock", "version = 1\npackage = [1]\n", "a package is no table"),
        ("uv.lock", "version = 1\n[[package]]\nversion = '1'\n", r"a package has no name (line 2)"),
        ("pylock.toml", 'lock-version = "1.0"\n', "pylock.toml: Missing required value"),
        ("pylock.toml", 'lock-version = "2.0"\ncreated-by = "x"\npackages = []\n', "is not supported"),
    ],
)
def test_locks_that_cannot_be_read(tmp_path: Path, name: str, text: str | bytes, said: str) -> None:
    with pytest.raises(GateError) as caught:
        locks(tmp_path, {name: text})
    assert str(caught.value).startswith(f"locks: {name}: ")
    assert said in str(caught.value)


HEADER = "# This file was autogenerated by uv via the following command:\n#    {command}\n"
PINS = f"""\
--index-url https://example.org/simple
Flask[async]==3.1.0 ; python_version >= "3.11" \\
    --hash=sha256:{AB} \\
    --hash=sha256:{CD}
    # via app
six===1.17 --hash=sha512:00
"""


def test_a_requirements_file_with_hashes(tmp_path: Path) -> None:
    found = only(tmp_path, "requirements-prod.txt", PINS)
    (flask,), (six,) = found.packages["flask"], found.packages["six"]
    assert (flask.version, flask.line, six.version, six.line) == ("3.1.0", 2, "1.17", 6)
    assert flask.files == (LockedFile(name="", sha256=AB), LockedFile(name="", sha256=CD))
    assert six.files == (LockedFile(name="", sha256=""),)
    assert found.not_after is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "flask==3\n",
        f"{PINS}jinja2\n",
        f"{PINS}jinja2>=3 --hash=sha256:{AB}\n",
        f"{PINS}jinja2==3.* --hash=sha256:{AB}\n",
        f"{PINS}jinja2==3,!=4 --hash=sha256:{AB}\n",
        f"{PINS}-e ./lib\n",
        f"{PINS}x @ https://example.org/x.whl --hash=sha256:{AB}\n",
    ],
)
def test_a_requirements_file_that_is_no_lock(tmp_path: Path, text: str) -> None:
    assert locks(tmp_path, {"requirements.txt": text}) == ()
    with pytest.raises(GateError, match=r"requirements\.txt: no lock: each line must be `name==version`"):
        read(tmp_path, ("requirements.txt",))


@pytest.mark.parametrize(
    ("command", "bound"),
    [
        ("uv pip compile --exclude-newer 2026-01-02T03:04:05Z x.in", UPLOADED),
        ("uv pip compile x.in --exclude-newer='2026-01-02T03:04:05+00:00'", UPLOADED),
        # A day is meant in the zone of whoever compiled: it ends last on the date line.
        ("uv pip compile --exclude-newer=2026-01-02 x.in", datetime(2026, 1, 3, 12, tzinfo=UTC)),
        ("uv pip compile --exclude-newer P7D x.in", None),
        ("uv pip compile --exclude-newer '7 days' x.in", None),
        ("uv pip compile --exclude-newer 2026-01-02 --exclude-newer-package six=2027-01-01 x.in", None),
        ("uv pip compile --exclude-newer-package six=2027-01-01 x.in", None),
        ("uv pip compile x.in", None),
        ("nox -s lock", None),
    ],
)
def test_the_bound_in_a_header(tmp_path: Path, command: str, bound: datetime | None) -> None:
    text = HEADER.format(command=command) + PINS
    assert only(tmp_path, "requirements.txt", text).not_after == bound


def test_a_bound_elsewhere_is_no_header(tmp_path: Path) -> None:
    text = PINS + HEADER.format(command="uv pip compile --exclude-newer 2026-01-02")
    assert only(tmp_path, "requirements.txt", text).not_after is None


def test_a_bound_that_is_a_day(tmp_path: Path) -> None:
    text = "version = 1\n[options]\nexclude-newer = 2026-01-05\n"
    assert only(tmp_path, "uv.lock", text).not_after == datetime(2026, 1, 5, tzinfo=UTC)


def test_a_last_line_that_goes_on(tmp_path: Path) -> None:
    found = only(tmp_path, "requirements.txt", f"six==1 --hash=sha256:{AB} \\")
    assert found.packages["six"][0].files == (LockedFile(name="", sha256=AB),)


def test_named_locks_and_no_others(tmp_path: Path) -> None:
    files = {"uv.lock": "broken", "sub/uv.lock": UV, "locks/prod.txt": PINS, "requirements/x.txt": PINS}
    found = locks(tmp_path, files, "sub/uv.lock", "locks/prod.txt")
    assert [each.path for each in found] == ["sub/uv.lock", "locks/prod.txt"]


def test_a_named_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"^locks: uv\.lock: No such file or directory; gone\.txt: No such"):
        read(tmp_path, ("uv.lock", "gone.txt"))


def installed(
    version: str = "3.1.0", *tags: str, direct_url: Mapping[str, object] | None = None
) -> Distribution:
    return Distribution(
        name="flask",
        raw_name="Flask",
        version=version,
        folder=Path(f"flask-{version}.dist-info"),
        tags=frozenset(tags),
        direct_url=direct_url or {},
    )


WHEEL = Artefact(filename="flask-3.1.0-py3-none-any.whl", sha256=CD, lock="uv.lock")
SDIST = Artefact(filename="flask-3.1.0.tar.gz", sha256=AB, is_built=True, lock="uv.lock")


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (installed("3.1.0", "py3-none-any"), WHEEL),
        (installed("3.1", "py3-none-any"), WHEEL),
        (installed("3.1.0", "cp312-cp312-linux_x86_64"), SDIST),
        (installed("3.1.0", "py3-none-any", "py2-none-any"), SDIST),
        (installed("3.1.0"), SDIST),
        (installed("3.1.1", "py3-none-any"), Artefact()),
        (installed("three", "py3-none-any"), Artefact()),
        (
            installed("3.1.0", "py3-none-any", direct_url={"url": "file:///x", "dir_info": {}}),
            Artefact(lock="uv.lock"),
        ),
        (installed(direct_url={"url": "x", "archive_info": {"hash": f"sha256={AB}"}}), SDIST),
        (installed(direct_url={"url": "x", "archive_info": {"hash": f"sha256={CD}"}}), WHEEL),
    ],
)
def test_what_was_installed_of_a_lock(tmp_path: Path, distribution: Distribution, expected: Artefact) -> None:
    assert artefact(distribution, locks(tmp_path, {"uv.lock": UV})) == expected


def test_a_name_that_no_installer_takes_is_not_what_was_installed(tmp_path: Path) -> None:
    text = POETRY.replace("flask-3.1.0-py3-none-any.whl", "flask.whl")
    found = locks(tmp_path, {"poetry.lock": text})
    assert artefact(installed("3.1.0", "py3-none-any"), found) == Artefact(lock="poetry.lock")


def test_bare_hashes(tmp_path: Path) -> None:
    single = f"flask==3.1.0 --hash=sha256:{AB}\n"
    two = locks(tmp_path / "two", {"requirements.txt": PINS})
    one = locks(tmp_path / "one", {"requirements.txt": single})
    # Two hashes: which of them is the installed file's, the lock does not say.
    assert artefact(installed(), two) == Artefact(lock="requirements.txt", candidates=(AB, CD))
    assert artefact(installed(), one) == Artefact(lock="requirements.txt", sha256=AB)


def test_of_several_locks_the_one_that_knows_most(tmp_path: Path) -> None:
    found = locks(tmp_path, {"uv.lock": UV, "requirements.txt": PINS, "poetry.lock": OLDER_POETRY})
    assert [each.path for each in found] == ["poetry.lock", "uv.lock", "requirements.txt"]
    assert artefact(installed("3.1.0", "py3-none-any"), found).lock == "poetry.lock"
    assert artefact(installed("3.1.0", "cp312-cp312-linux_x86_64"), found) == SDIST
    assert artefact(installed("9"), found) == Artefact()
    assert artefact(installed(), ()) == Artefact()
