"""Tests of which licence texts are recognised, and of which files are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions import spdx
from pytest_failhard.distributions.licence.tables import plain, tables
from pytest_failhard.distributions.licence.texts import read, text
from pytest_failhard.model import GateError
from tests.distributions.licence import samples
from tests.distributions.licence.samples import Headers, distribution


def known(content: str) -> list[str]:
    """Return what a text is, each licence as its first identifier."""
    return [sorted(means)[0] for means in text("LICENSE", content.encode()).licences]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (samples.MIT, "MIT"),
        (samples.MIT_0, "MIT-0"),
        (samples.BSD_2, "BSD-2-Clause"),
        (samples.BSD_3, "BSD-3-Clause"),
        (samples.BSD_4, "BSD-4-Clause"),
        (samples.BSD_CLEAR, "BSD-3-Clause-Clear"),
        (samples.BSD_DOCUMENTATION, "BSD-3-Clause"),
        (samples.APACHE, "Apache-2.0"),
        (samples.MPL, "MPL-2.0"),
        (samples.PSF, "PSF-2.0"),
        (samples.ISC, "ISC"),
        (samples.ZERO_BSD, "0BSD"),
        (samples.UNLICENSE, "Unlicense"),
        (samples.GPL_2, "GPL-2.0-only"),
        (samples.GPL_3, "GPL-3.0-only"),
        (samples.LGPL_2_1, "LGPL-2.1-only"),
        (samples.LGPL_3, "LGPL-3.0-only"),
        (samples.AGPL_3, "AGPL-3.0-only"),
        (samples.AGPL_3 + samples.GPL_3, "AGPL-3.0-only"),
        (samples.GPL_NOTICE, "GPL-1.0-only"),
        (samples.LGPL_NOTICE, "LGPL-2.0-only"),
        (samples.AGPL_NOTICE, "AGPL-3.0-only"),
    ],
)
def test_a_text_is_known_by_its_heading_or_its_grant(content: str, expected: str) -> None:
    assert known(content) == [expected]
    assert known("\n\n   " + content.upper().replace("\n", "\r\n\t * ")) == [expected]


@pytest.mark.parametrize(
    "content",
    [
        *("", "MIT", samples.PROPRIETARY, samples.APACHE_NOTICE, "This is not under the MIT License."),
        samples.MIT.replace("without restriction", "without restriction except for commercial use"),
        samples.BSD_2.replace("are permitted", "for research are permitted"),
        "x" * 25_000 + samples.MIT,
    ],
)
def test_what_only_sounds_like_a_licence_is_none(content: str) -> None:
    assert known(content) == []


def test_the_gnu_licences_do_not_say_which_later_versions_count() -> None:
    assert text("COPYING", samples.GPL_3.encode()).licences == (
        frozenset({"GPL-3.0-only", "GPL-3.0-or-later"}),
    )


def test_two_licences_in_one_text_are_two() -> None:
    assert known(samples.GPL_3 + samples.MIT) == ["GPL-3.0-only", "MIT"]


def test_a_mention_is_kept_apart() -> None:
    found = text("LICENSE", samples.APACHE_NOTICE.encode())
    assert (found.licences, found.mentioned) == ((), (frozenset({"Apache-2.0"}),))


@pytest.mark.parametrize(
    ("content", "name"), [(samples.COMMONS, "Commons Clause"), (samples.JSON, "no use for evil")]
)
def test_what_takes_rights_away_is_seen_anywhere(content: str, name: str) -> None:
    assert text("LICENSE", content.encode()).restrictions == (name,)
    later = samples.APACHE + "word " * 9000 + content.lower().replace("commons clause", "COMMONS\nClause")
    assert text("LICENSE", later.encode()).restrictions == (name,)


@pytest.mark.parametrize(
    ("headers", "files", "expected"),
    [
        ((), {"LICENSE": "a", "COPYING.txt": "b", "NOTICE": "c", "UNLICENSE": "d"}, 4),
        ((), {"licence.md": "a", "LICENSE-MIT": "b", "mit.LICENSE": "c", "LICENSES.txt": "d"}, 4),
        ((), {"licenses/LICENSE": "a", "licenses/vendor/LICENSE.txt": "b", "license_files/LICENSE": "c"}, 3),
        ((), {"WHEEL": "a", "RECORD": "b", "licenses/AUTHORS": "c", "top_level.txt": "d"}, 0),
        ((("License-File", "terms.txt"),), {"terms.txt": "a"}, 1),
        ((("License-File", "docs/terms.txt"),), {"licenses/docs/terms.txt": "a"}, 1),
        ((("License-File", "LICENSE"),), {"LICENSE": "a", "licenses/LICENSE": "b"}, 2),
        ((("License-File", "gone.txt"),), {}, 0),
        ((("License-File", "../outside.txt"),), {"../outside.txt": "a"}, 0),
    ],
)
def test_which_files_are_licences(
    tmp_path: Path, headers: Headers, files: dict[str, str], expected: int
) -> None:
    found = read(distribution(tmp_path, headers, files))
    assert len(found) == expected
    assert [each.path for each in found] == sorted(each.path for each in found)


def test_metadata_that_is_one_file_has_no_texts(tmp_path: Path) -> None:
    given = distribution(tmp_path, (("License-File", "LICENSE"),), {"LICENSE": "a"})
    for path in given.folder.iterdir():
        path.unlink()
    given.folder.rmdir()
    given.folder.write_text("Name: lib\n")
    assert read(given) == ()


def test_a_text_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = distribution(tmp_path, files={"LICENSE": "a"})
    kept = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "LICENSE":
            raise OSError(5, "Input/output error")
        return kept(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(GateError, match=r"lib-1\.0\.dist-info/LICENSE: cannot be read: Input/output error"):
        read(given)


def test_every_identifier_of_the_tables_is_of_the_list() -> None:
    data = tables()
    means = [*data.classifiers.values(), *data.aliases.values()]
    named = {each for several in means for each in several}
    named |= {each for known in (*data.texts, *data.mentions) for each in known.ids}
    assert {each for each in named if spdx.canonical(each) != each} == set()
    assert {spdx.canonical(old) for old in data.deprecated} == set(data.deprecated.values())
    assert all(plain(each) == each for each in (*data.aliases, *data.silent_fields))
    phrases = [phrase for known in (*data.texts, *data.mentions) for phrase in (*known.holds, *known.lacks)]
    assert [phrase for phrase in phrases if plain(phrase) != phrase] == []
    assert not data.silent_fields & set(data.aliases)


@pytest.mark.parametrize(
    ("identifier", "family"),
    [
        ("LGPL-3.0-only", "LGPL"),
        ("GPL-2.0-or-later", "GPL"),
        ("AGPL-3.0-only", "AGPL"),
        ("MPL-2.0", "MPL"),
        ("MIT", ""),
    ],
)
def test_the_family_of_copyleft(identifier: str, family: str) -> None:
    assert tables().family(identifier) == family
