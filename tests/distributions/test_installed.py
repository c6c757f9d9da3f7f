"""What is installed, as the metadata files of all kinds of installers describe it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.installed import RecordedFile, read
from pytest_failhard.model import GateError
from tests.distributions.fake_site import package, record_hash, target
from tests.support import write


def test_one_distribution_in_full(tmp_path: Path) -> None:
    folder = package(
        tmp_path,
        "Ruamel.YAML_x",
        "1.2",
        requires=["a>=1", "b; extra == 'c'"],
        extras=["c"],
        tags=["cp312-cp312-linux_x86_64", "cp312-abi3-linux_x86_64"],
        files={"ruamel/yaml.py": b"x"},
    )
    found = read(target(tmp_path))
    one = found["ruamel-yaml-x"]
    assert list(found) == ["ruamel-yaml-x"]
    assert (one.raw_name, one.version, one.folder) == ("Ruamel.YAML_x", "1.2", folder)
    assert one.requires == ("a>=1", "b; extra == 'c'")
    assert one.all("provides-extra") == ("c",)
    assert one.one("name") == "Ruamel.YAML_x"
    assert one.one("Licence") == ""
    assert one.tags == {"cp312-cp312-linux_x86_64", "cp312-abi3-linux_x86_64"}
    assert (one.is_editable, dict(one.direct_url), one.duplicates) == (False, {}, ())
    assert one.files[0] == RecordedFile(path="ruamel/yaml.py", sha256=record_hash(b"x").partition("=")[2])
    assert one.files[-1] == RecordedFile(path=f"{folder.name}/RECORD", sha256="")


def test_the_first_on_the_path_wins(tmp_path: Path) -> None:
    package(tmp_path / "first", "a", "1")
    package(tmp_path / "second", "A", "2")
    package(tmp_path / "second", "b", "3")
    found = read(target(tmp_path / "first", tmp_path / "second"))
    assert {name: each.version for name, each in found.items()} == {"a": "1", "b": "3"}
    assert found["a"].duplicates == ()


def test_two_of_a_name_in_one_folder(tmp_path: Path) -> None:
    package(tmp_path, "a", "1")
    package(tmp_path, "A", "2")
    found = read(target(tmp_path))["a"]
    # Which of them an import finds is known to nobody.
    assert {found.folder.name, *found.duplicates} == {"a-1.dist-info", "A-2.dist-info"}


def test_folded_fields_and_odd_lines(tmp_path: Path) -> None:
    metadata = (
        "Metadata-Version: 2.1\r\nName: a\r\nLicense: first\r\n        second\r\n       |third\r\n"
        "no field at all\r\nVersion: 1\r\n\r\nName: b\r\n"
    )
    write(tmp_path, {"a-1.dist-info/METADATA": metadata})
    found = read(target(tmp_path))["a"]
    assert found.one("License") == "first\nsecond\nthird"
    assert found.one("Version") == "1"
    assert len(found.headers) == 4


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a-1.dist-info/METADATA": "Version: 1\n"}, "a-1.dist-info: its metadata has no `Name`"),
        ({"a-1.dist-info/METADATA": "Name:  \nVersion: 1\n"}, "no `Name`"),
        ({"a-1.dist-info/METADATA": "\nName: a\n"}, "no `Name`"),
        ({"a-1.dist-info/RECORD": "x,,\n"}, "a-1.dist-info: No such file"),
        ({"a.egg-info/SOURCES.txt": ""}, "a.egg-info: No such file"),
        (
            {"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n", "a-1.dist-info/direct_url.json": "[]"},
            "direct_url.json holds no object",
        ),
        (
            {"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n", "a-1.dist-info/direct_url.json": "{"},
            "a-1.dist-info: Expecting property name",
        ),
        (
            {"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n", "a-1.dist-info/RECORD": b"\xff"},
            "a-1.dist-info: 'utf-8' codec",
        ),
    ],
)
def test_metadata_that_say_not_whose_they_are(
    tmp_path: Path, files: dict[str, str | bytes], said: str
) -> None:
    package(tmp_path / "first", "a")
    write(tmp_path / "second", files)
    with pytest.raises(GateError, match=said) as caught:
        read(target(tmp_path / "first", tmp_path / "second"))
    assert str(tmp_path) not in str(caught.value)


def test_all_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"a-1.dist-info/METADATA": "", "b-1.dist-info/METADATA": ""})
    with pytest.raises(GateError, match=r"a-1\.dist-info: .*; b-1\.dist-info: "):
        read(target(tmp_path))


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="gone: No such file"):
        read(target(tmp_path / "gone"))


def test_an_editable_distribution(tmp_path: Path) -> None:
    url = {"url": "file:///src/a", "dir_info": {"editable": True}}
    package(tmp_path, "a", direct_url=url)
    package(tmp_path, "b", direct_url={"url": "file:///src/b", "dir_info": {}})
    found = read(target(tmp_path))
    assert (found["a"].is_editable, found["b"].is_editable) == (True, False)
    assert found["a"].direct_url == url


def test_what_older_tools_wrote(tmp_path: Path) -> None:
    requires = (
        "six\n\n[web]\nflask>=2\n\n[:python_version < '3']\nenum34\n\n[web:os_name == 'nt']\ncolorama\n"
    )
    write(
        tmp_path,
        {
            "old.egg-info/PKG-INFO": "Name: old\nVersion: 1\n",
            "old.egg-info/requires.txt": requires,
            "old.egg-info/installed-files.txt": "../old.py\nPKG-INFO\n",
            "old.egg-info/SOURCES.txt": "old.py\n",
            "older.egg-info": "Name: older\nVersion: 2\n",
            "source.egg-info/PKG-INFO": "Name: source\nVersion: 3\n",
            "source.egg-info/SOURCES.txt": "source.py\n",
        },
    )
    found = read(target(tmp_path))
    assert {name: each.version for name, each in found.items()} == {"old": "1", "older": "2", "source": "3"}
    assert [" ".join(each.split()) for each in found["old"].requires] == [
        "six",
        'flask>=2; extra == "web"',
        "enum34; python_version < '3'",
        "colorama; (os_name == 'nt') and extra == \"web\"",
    ]
    assert found["old"].all("Provides-Extra") == ("web",)
    assert [each.path for each in found["old"].files] == ["old.py", "old.egg-info/PKG-INFO"]
    assert [name for name, each in found.items() if each.is_editable] == ["source"]


def test_an_egg_that_is_a_search_folder(tmp_path: Path) -> None:
    egg = tmp_path / "old-1.0-py3.12.egg"
    write(egg, {"EGG-INFO/PKG-INFO": "Name: old\nVersion: 1\n", "EGG-INFO/SOURCES.txt": "", "old.py": ""})
    write(tmp_path, {"egg-info/PKG-INFO": "Name: a folder of that name\n"})
    found = read(target(tmp_path, egg))
    assert [(name, each.version, each.is_editable) for name, each in found.items()] == [("old", "1", False)]


def test_every_form_of_a_line_of_record(tmp_path: Path) -> None:
    record = 'a.py,sha256=abc,1\n"b,c.py",sha256=def,2\n\nd.py,,\ne.py\nf.py,sha512=xyz,3\n'
    write(
        tmp_path,
        {"a-1.dist-info/METADATA": "Name: a\nVersion: 1\n", "a-1.dist-info/RECORD": record},
    )
    assert read(target(tmp_path))["a"].files == (
        RecordedFile(path="a.py", sha256="abc"),
        RecordedFile(path="b,c.py", sha256="def"),
        RecordedFile(path="d.py", sha256=""),
        RecordedFile(path="e.py", sha256=""),
        RecordedFile(path="f.py", sha256="", other="sha512=xyz"),
    )


def test_a_folder_whose_name_has_a_space(tmp_path: Path) -> None:
    folder = package(tmp_path / "some packages", "a")
    assert read(target(tmp_path / "some packages"))["a"].folder == folder
