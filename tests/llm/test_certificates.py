"""The authority: what it writes, what it issues, and what it says where it cannot."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

from pytest_failhard.llm.server import MissingExtraError
from pytest_failhard.llm.server.certificates import Authority


def names(
    authority: Authority, host: str, *, expired: bool = False
) -> tuple[dict[str, object], ssl.SSLContext]:
    """Return the leaf that a server would show, as a client that trusts the authority reads it."""
    client = ssl.create_default_context(cafile=str(authority.ca_file))
    context = authority.context(host, expired=expired)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=host)
    there = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (here, there, here):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return dict(here.getpeercert() or {}), context


@pytest.mark.parametrize(
    ("host", "kind"), [("127.0.0.1", "IP Address"), ("api.openai.com", "DNS"), ("api.example.com", "DNS")]
)
def test_a_leaf_is_for_one_host(tmp_path: Path, host: str, kind: str) -> None:
    leaf, _ = names(Authority.create(tmp_path), host)
    assert leaf["subjectAltName"] == ((kind, host),)


def test_an_expired_leaf_ended_in_2020(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        names(authority, "127.0.0.1", expired=True)


def test_a_leaf_is_made_once(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    assert authority.context("api.openai.com") is authority.context("api.openai.com")
    assert authority.context("api.openai.com") is not authority.context("api.openai.com", expired=True)


def test_no_private_key_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary, folder = tmp_path / "tmp", tmp_path / "run"
    temporary.mkdir()
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    authority = Authority.create(folder)
    authority.context("127.0.0.1")
    assert [path.name for path in folder.iterdir()] == ["ca.pem"]
    assert b"PRIVATE" not in authority.ca_file.read_bytes()
    assert not list(temporary.iterdir())


def test_each_run_has_its_own_authority(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, other = Authority.create(tmp_path), Authority.create(tmp_path / "other")
    assert one.ca_file.read_bytes() != other.ca_file.read_bytes()


def test_without_the_extra_the_install_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(MissingExtraError) as missing:
        Authority.create(tmp_path)
    assert str(missing.value) == "TLS faults and the proxy need trustme: pip install 'pytest-failhard[tls]'"
    assert not list(tmp_path.iterdir())
