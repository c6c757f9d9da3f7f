"""The gate as a whole: what it counts, what cannot hide from it, what nobody learns from it."""

from __future__ import annotations

import json
import string
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard.gates.secrets import SecretsGate
from pytest_failhard.gates.secrets.settings import SecretsSettings
from pytest_failhard.model import GateError, Observation, Settings, Severity
from tests.gates.secrets.reading import drawn, private_key, provider_key, read, web_token
from tests.support import Kept, gate_run, observe, write

CLEAN: dict[str, str | bytes] = {
    "app/main.py": "VALUE = 1\n",
    "README.md": "# A project\n",
    "logo.png": b"\x89PNG\0\0",
}


def scan(root: Path, tmp_path: Path, kept: Kept | None = None, limit: int | None = None) -> Observation:
    gate = SecretsGate()
    wanted = SecretsSettings() if limit is None else SecretsSettings(max_file_bytes=limit)
    scratch = tmp_path / "scratch" / str(len(list(tmp_path.iterdir())))
    observation = observe(gate_run(root, gate, scratch=scratch, settings=wanted, keep=kept, source=()), gate)
    assert list(scratch.iterdir()) == []
    return observation


def rules(observation: Observation) -> list[tuple[str, str, int, Severity]]:
    return [(each.rule, each.path, each.line, each.severity) for each in observation.findings]


def test_a_clean_project(tmp_path: Path) -> None:
    kept = Kept()
    observation = scan(write(tmp_path / "p", CLEAN), tmp_path, kept)
    assert (observation.examined, observation.findings) == (2, ())
    assert observation.measures == {"secrets": 0, "files": 2, "binary": 1, "unread": 0, "suppressions": 0}
    listed = json.loads(kept.files["files.json"])
    assert listed == {
        "files": ["README.md", "app/main.py"],
        "binary": ["logo.png"],
        "oversized": [],
        "special": [],
    }


def test_a_key_is_found_once_though_two_look_for_it(tmp_path: Path) -> None:
    key = "AKIA" + drawn(16, alphabet=string.ascii_uppercase).upper()
    observation = scan(write(tmp_path / "p", {"app/main.py": f"\nKEY = '{key}'\n"}), tmp_path)
    assert rules(observation) == [("provider-key", "app/main.py", 2, Severity.HIGH)]
    assert observation.measures["secrets"] == 1


@pytest.mark.parametrize(
    "key",
    [
        "AccountKey=" + drawn(86) + "==",
        "SG." + drawn(22) + "." + drawn(43),
        "1234509876:" + drawn(35),
        "https://hooks.slack.com/services/T" + drawn(9) + "/B" + drawn(9) + "/" + drawn(24),
    ],
    ids=["azure", "sendgrid", "telegram", "slack webhook"],
)
def test_a_key_that_detect_secrets_alone_knows(tmp_path: Path, key: str) -> None:
    observation = scan(write(tmp_path / "p", {"app/main.py": f"\nconnect('{key}')\n"}), tmp_path)
    assert rules(observation) == [("provider-key", "app/main.py", 2, Severity.HIGH)]


def test_a_value_is_found_in_each_of_its_lines(tmp_path: Path) -> None:
    text = f"COLOUR = '{drawn(40)}'\napi_key = '{drawn(40)}'\n"
    observation = scan(write(tmp_path / "p", {"app/main.py": text}), tmp_path)
    assert [(each.rule, each.line) for each in observation.findings] == [
        ("random-text", 1),
        ("secret-value", 2),
    ]


def test_drawn_text_counts_under_a_secrets_name_and_is_reported_without_one(tmp_path: Path) -> None:
    text = f"api_key = '{drawn(40)}'\nCOLOUR = '{drawn(40, seed=2)}'\n"
    observation = scan(write(tmp_path / "p", {"app/main.py": text}), tmp_path)
    assert rules(observation) == [
        ("random-text", "app/main.py", 2, Severity.LOW),
        ("secret-value", "app/main.py", 1, Severity.HIGH),
    ]
    assert observation.measures["secrets"] == 1


HEXADECIMAL = "0123456789abcdef"


@pytest.mark.parametrize(
    "line",
    [
        f"commit = '{drawn(40, alphabet=HEXADECIMAL).replace('q', 'a')}'",
        f"flask==3.1 --hash=sha256:{drawn(64, alphabet=HEXADECIMAL).replace('q', 'a')}",
        f'"integrity": "sha512-{drawn(86)}=="',
        "identity = '6f1c2d3e-4b5a-4968-8776-a5b4c3d2e1f0'",
        "path = 'assets/images/2024/winter-sale/banner-1920x1080-final'",
        "name = 'test_a_long_name_of_a_function_with_2_numbers_in_it'",
        "token = 'test-" + drawn(40) + "'",
    ],
)
def test_digests_identities_and_names_are_no_secrets(tmp_path: Path, line: str) -> None:
    root = write(tmp_path / "p", {"app/main.py": f"{line}\n", "requirements.txt": f"{line}\n"})
    assert rules(scan(root, tmp_path)) == []


def test_what_has_the_form_of_a_key_within_encoded_bytes_is_none(tmp_path: Path) -> None:
    blob = drawn(300) + "AKIA" + drawn(16, alphabet=string.ascii_uppercase).upper() + drawn(300, seed=2)
    root = write(tmp_path / "p", {"web/code.js": f"load('{blob}')\n"})
    assert "provider-key" not in [each.rule for each in scan(root, tmp_path).findings]


@pytest.mark.parametrize(
    "comment",
    ["# pragma: allowlist secret", "# pragma: whitelist secret", "# gitleaks:allow", "// trufflehog:ignore"],
)
def test_a_comment_hides_nothing_and_is_counted(tmp_path: Path, comment: str) -> None:
    files = {
        "app/main.py": f"api_key = '{drawn(40)}'  {comment}\n",
        "app/next.py": f"# pragma: allowlist nextline secret\napi_key = '{drawn(40)}'\n",
    }
    observation = scan(write(tmp_path / "p", files), tmp_path)
    assert [each.severity for each in observation.findings] == [Severity.HIGH] * 2
    assert observation.measures["suppressions"] == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".secrets.baseline", '{"version": "1.5.0", "filters_used": [], "results": {}}'),
        ("detect_secrets.py", "raise SystemExit(0)\n"),
        ("sitecustomize.py", "import os\nos._exit(0)\n"),
        (".gitleaks.toml", "[allowlist]\npaths = ['.*']\n"),
        ("pyproject.toml", "[tool.detect-secrets]\nexclude = '.*'\n"),
    ],
)
def test_nothing_in_the_tree_decides(tmp_path: Path, name: str, content: str) -> None:
    root = write(tmp_path / "p", {"app/main.py": f"api_key = '{drawn(40)}'\n", name: content})
    assert ("secret-value", "app/main.py", 1, Severity.HIGH) in rules(scan(root, tmp_path))


@pytest.mark.parametrize("name", ["swagger.py", "package.lock.txt", "a.svg", "ä.py", "a b.txt", "[x].py"])
def test_no_name_hides_a_file_from_the_detector(tmp_path: Path, name: str) -> None:
    root = write(tmp_path / "p", {name: f"person_id = 1; api_key = call('{drawn(40)}')\n"})
    assert [each.path for each in scan(root, tmp_path).findings] == [name]


def test_no_encoding_hides_a_line(tmp_path: Path) -> None:
    text = f"# 北京 \x0b\x1c\u2028 ä\napi_key = '{drawn(40)}'\n"
    files: dict[str, str | bytes] = {
        "a.py": text.encode(),
        "b.py": text.encode("utf-16"),
        "c.py": b"\xff\n" + text.encode(),
    }
    observation = scan(write(tmp_path / "p", files), tmp_path)
    assert [(each.path, each.line) for each in observation.findings] == [
        ("a.py", 2),
        ("b.py", 2),
        ("c.py", 3),
    ]


def test_a_file_that_is_too_large_is_a_finding(tmp_path: Path) -> None:
    observation = scan(write(tmp_path / "p", {"a.txt": "a", "data.csv": "x" * 100}), tmp_path, limit=10)
    assert rules(observation) == [("unexamined-file", "data.csv", 0, Severity.HIGH)]
    assert observation.measures["unread"] == 1


def test_a_file_of_the_tests_that_product_code_imports_is_product(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "app/main.py": "from tests.keys import KEY\n",
        "tests/keys.py": f"api_key = '{drawn(40)}'\n",
    }
    gate = SecretsGate()
    run = gate_run(write(tmp_path / "p", files), gate, scratch=tmp_path / "scratch")
    assert [each.severity for each in observe(run, gate).findings] == [Severity.HIGH]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="no text file in p"):
        scan(write(tmp_path / "p", {"logo.png": b"\0"}), tmp_path)


def test_foreign_settings_are_an_error(tmp_path: Path) -> None:
    gate = SecretsGate()
    run = gate_run(write(tmp_path / "p", CLEAN), gate, settings=Settings())
    with pytest.raises(GateError, match="settings are Settings"):
        gate.observe(run)


def test_no_finding_and_no_evidence_holds_a_value(tmp_path: Path) -> None:
    values = [provider_key(), drawn(40), drawn(24, seed=3), web_token({"sub": "7"}), "Post.1828", "quetzal7"]
    files = {
        "app/main.py": f"client = Client('{values[0]}')\napi_key = '{values[1]}'\nword = '{values[1]}'\n",
        ".env": f"API_KEY={values[2]}\nSERVICE={values[3]}\nDB_PASSWORD={values[4]}\n",
        "k8s/app.yaml": f"url: redis://{values[5]}:{values[5]}@db\n",
        "tls/server.key": private_key(),
    }
    kept = Kept()
    observation = scan(write(tmp_path / "p", files), tmp_path, kept)
    assert len(observation.findings) == 8
    told = json.dumps([asdict(each) for each in observation.findings]).encode() + b"".join(
        kept.files.values()
    )
    for value in (*values, private_key().splitlines()[1]):
        assert value.encode() not in told


PLANTED = st.text(string.ascii_letters + string.digits + "!#%+-_.", min_size=8, max_size=40)
FILES = {
    ".env": "DB_PASSWORD={}\nexport API_KEY='{}'\n",
    "compose.yaml": "services:\n  web:\n    environment:\n      - API_KEY={}\n      - B=${{API_TOKEN:-{}}}\n",
    "k8s/a.yaml": "kind: Secret\nstringData:\n  password: '{}'\n",
    "app.toml": 'password = "{}"\n',
    "app.ini": "password = {}\n",
    "app.json": '{{"password": "{}"}}',
    "app.py": "URL = 'postgresql://ana:{}@db/app'\n",
    "Dockerfile": "ENV API_KEY={}\n",
    "call.sh": "curl -H 'Authorization: Bearer {}'\n",
}


@given(path=st.sampled_from(sorted(FILES)), value=PLANTED)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_of_a_finding_ever_holds_what_was_planted(path: str, value: str) -> None:
    findings = read(path, FILES[path].format(value, value))
    assert all(value not in json.dumps(asdict(each)) + repr(each) for each in findings)


@given(seed=st.integers(0, 10_000))
def test_a_drawn_value_is_found_in_every_format(seed: int) -> None:
    value = drawn(32, seed)
    for path, text in FILES.items():
        assert {each.severity for each in read(path, text.format(value, value))} == {Severity.HIGH}
