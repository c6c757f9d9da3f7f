"""The variables of a child: exact base URLs, canaries for keys, nothing real left."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.llm.canaries import KEYS, Canaries
from pytest_failhard.llm.traffic.environment import TrafficError, key_variables, variables

SERVER = "http://127.0.0.1:8111"
PROXY = "http://127.0.0.1:8222"
BOTH = frozenset({"base_url", "proxy"})
CANARIES = Canaries.draw("A")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
CA_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("OPENAI_BASE_URL", f"{SERVER}/v1"),
        ("OPENAI_API_BASE", f"{SERVER}/v1"),
        ("AZURE_OPENAI_ENDPOINT", SERVER),
        ("AZURE_API_BASE", SERVER),
        ("ANTHROPIC_BASE_URL", SERVER),
        ("ANTHROPIC_BEDROCK_BASE_URL", SERVER),
        ("ANTHROPIC_VERTEX_BASE_URL", SERVER),
        ("ANTHROPIC_FOUNDRY_BASE_URL", SERVER),
        ("GOOGLE_GEMINI_BASE_URL", SERVER),
        ("GOOGLE_VERTEX_BASE_URL", SERVER),
        ("GEMINI_API_BASE", SERVER),
        ("GROQ_BASE_URL", SERVER),
        ("CO_API_URL", SERVER),
        ("CO_BASE_URL", SERVER),
        ("OLLAMA_HOST", SERVER),
        ("OLLAMA_BASE_URL", SERVER),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", SERVER),
        ("AWS_BEDROCK_BASE_URL", SERVER),
        ("OPENROUTER_API_BASE", SERVER),
        ("XAI_API_BASE", SERVER),
        ("HOSTED_VLLM_API_BASE", SERVER),
    ],
)
def test_a_base_url_has_the_suffix_that_its_sdk_expects(variable: str, url: str) -> None:
    assert variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY).set[variable] == url


def test_each_key_is_the_canary_of_its_shape() -> None:
    given = variables(SERVER, CANARIES, layers=frozenset({"base_url"})).set
    assert {name: given[name] for name in KEYS} == CANARIES.keys


def test_a_declared_key_is_set_with_the_others() -> None:
    keys = {**CANARIES.keys, "SHOP_LLM_KEY": "k-1"}
    canaries = Canaries(label="A", head="a", middle="b", tail="c", number=1, poison="d", keys=keys)
    assert variables(SERVER, canaries, layers=frozenset()).set["SHOP_LLM_KEY"] == "k-1"
    without = variables(SERVER, canaries, layers=frozenset(), missing_key=True)
    assert "SHOP_LLM_KEY" in without.unset


@pytest.mark.parametrize("missing", [False, True])
def test_no_real_credential_of_the_parent_passes(missing: bool) -> None:
    real = {name: f"real-{name}" for name in key_variables()}
    found = variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY, missing_key=missing)
    child = found.apply({**real, "PATH": "/bin"})
    assert not [name for name, value in child.items() if value.startswith("real-")]
    assert child["PATH"] == "/bin"


def test_a_missing_key_is_missing_everywhere() -> None:
    found = variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY, missing_key=True)
    assert found.unset >= key_variables()
    assert not key_variables() & set(found.set)


def test_the_proxy_takes_all_but_loopback_with_our_certificates(tmp_path: Path) -> None:
    given = variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY, ca_file=tmp_path / "ca.pem").set
    assert {given[name] for name in PROXIES} == {PROXY}
    assert {given[name] for name in CA_FILES} == {str(tmp_path / "ca.pem")}
    assert given["NO_PROXY"] == given["no_proxy"] == "127.0.0.1,localhost,::1,invalid"
    assert given["NODE_USE_ENV_PROXY"] == "1"


def test_what_is_not_given_is_taken_away() -> None:
    found = variables(SERVER, CANARIES, layers=frozenset({"reroute"}))
    assert found.unset >= {*PROXIES, *CA_FILES, "OPENAI_BASE_URL", "NODE_USE_ENV_PROXY"}
    assert "PYTHONPATH" not in found.set


def test_a_name_is_never_set_and_unset() -> None:
    found = variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY)
    assert not found.unset & set(found.set)


@pytest.mark.parametrize("layers", [("reroute",), ("base_url",), ("base_url", "proxy")], ids="+".join)
def test_in_every_layer_the_hooks_go_before_what_is_there(tmp_path: Path, layers: tuple[str, ...]) -> None:
    folder = tmp_path / 'a "b" \\ c'
    found = variables(SERVER, CANARIES, layers=frozenset(layers), proxy_url=PROXY, sitecustomize=folder)
    required = f'--require "{tmp_path}/a \\"b\\" \\\\ c/guard.cjs"'
    there = found.apply({"PYTHONPATH": "/elsewhere", "NODE_OPTIONS": "--no-warnings"})
    assert there["PYTHONPATH"] == f"{folder}:/elsewhere"
    assert there["NODE_OPTIONS"] == f"{required} --no-warnings"
    alone = found.apply({"PYTHONPATH": ""})
    assert (alone["PYTHONPATH"], alone["NODE_OPTIONS"]) == (str(folder), required)


def test_without_hooks_their_variables_are_left_alone() -> None:
    kept = {"PYTHONPATH": "/elsewhere", "NODE_OPTIONS": "--no-warnings"}
    there = variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY).apply(kept)
    assert {name: there[name] for name in kept} == kept


def test_sdks_are_kept_from_other_ways_out() -> None:
    given = variables(SERVER, CANARIES, layers=frozenset()).set
    assert given["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert given["AWS_EC2_METADATA_DISABLED"] == "true"
    assert given["AWS_REGION"] == given["AWS_DEFAULT_REGION"] == "us-east-1"


def test_nothing_tells_the_child_who_judges_it(tmp_path: Path) -> None:
    found = variables(SERVER, CANARIES, layers=BOTH, proxy_url=PROXY, ca_file=Path("/run/ca.pem"))
    assert "failhard" not in " ".join([*found.set, *found.set.values()]).lower()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8111", "https://127.0.0.1:1", "http://api.openai.invalid"])
def test_a_server_is_on_loopback_or_nowhere(url: str) -> None:
    assert variables(url, CANARIES, layers=frozenset({"base_url"})).set["ANTHROPIC_BASE_URL"] == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:8111",
        "http://[::1]:8111",
        "http://127.0.0.1",
        "http://127.0.0.1:8111/v1",
        "http://127.0.0.1:port",
        "ftp://127.0.0.1:8111",
        "http://api.openai.com",
    ],
)
def test_any_other_server_is_refused(url: str) -> None:
    with pytest.raises(TrafficError, match="server_url"):
        variables(url, CANARIES, layers=BOTH, proxy_url=PROXY)


def test_the_layer_proxy_needs_its_url() -> None:
    with pytest.raises(TrafficError, match="proxy_url '' is not"):
        variables(SERVER, CANARIES, layers=BOTH)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(TrafficError, match="unknown layer prxy; known: base_url, proxy, reroute"):
        variables(SERVER, CANARIES, layers=frozenset({"prxy"}))
