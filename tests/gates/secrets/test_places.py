"""Where a value stands is decided by the path alone."""

from __future__ import annotations

import pytest

from pytest_failhard.gates.secrets.places import Place, place


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".env", Place.DEPLOYED),
        (".env.production", Place.DEPLOYED),
        ("config/prod.env", Place.DEPLOYED),
        ("docker-compose.yml", Place.DEPLOYED),
        ("docker-compose.prod.yml", Place.DEPLOYED),
        ("compose.yaml", Place.DEPLOYED),
        ("Dockerfile", Place.DEPLOYED),
        ("web.dockerfile", Place.DEPLOYED),
        ("k8s/base/app.yaml", Place.DEPLOYED),
        ("helm/values.json", Place.DEPLOYED),
        ("prod.tfvars", Place.DEPLOYED),
        (".npmrc", Place.DEPLOYED),
        ("k8s/readme.txt", Place.PRODUCT),
        ("app/main.py", Place.PRODUCT),
        ("app/test_mode.txt", Place.TEST),
        ("config/default.yaml", Place.PRODUCT),
        ("scripts/run.sh", Place.PRODUCT),
        ("app/local.py", Place.PRODUCT),
        ("app/sample_data.py", Place.PRODUCT),
        (".env.local", Place.DEVELOPMENT),
        ("docker-compose.override.yml", Place.DEVELOPMENT),
        ("config/dev.yaml", Place.DEVELOPMENT),
        (".github/workflows/deploy.yml", Place.DEVELOPMENT),
        (".gitlab-ci.yml", Place.DEVELOPMENT),
        (".env.example", Place.EXAMPLE),
        ("env.template", Place.EXAMPLE),
        ("docs/config.sample.yaml", Place.EXAMPLE),
        ("web/locales/de.json", Place.EXAMPLE),
        ("README.md", Place.SHOWN),
        ("examples/app/compose.yaml", Place.SHOWN),
        ("example.md", Place.SHOWN),
        ("tests/compose.yaml", Place.TEST),
        ("web/app.spec.ts", Place.TEST),
        ("web/__tests__/app.js", Place.TEST),
        ("uv.lock", Place.LOCK),
        ("web/package-lock.json", Place.LOCK),
    ],
)
def test_place(path: str, expected: Place) -> None:
    assert place(path) is expected


def test_what_product_code_imports_is_no_test_and_no_example() -> None:
    assert place("tests/keys.py", frozenset({"tests/keys.py"})) is Place.PRODUCT
    assert place("examples/keys.py", frozenset({"examples/keys.py"})) is Place.PRODUCT
