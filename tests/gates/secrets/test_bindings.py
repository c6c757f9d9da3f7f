"""What configuration of each format binds to a secret's name, in its line and as bad as it is there."""

from __future__ import annotations

import pytest

from tests.gates.secrets.reading import drawn, encoded, read, seen

VALUE = drawn(24)
SEALED = f"apiVersion: v1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password: {drawn(80)}\n"
TEXTS = {
    ".env": f"# first\nAPI_SECRET_KEY={VALUE}\n",
    ".env.production": f"\nexport API_SECRET_KEY='{VALUE}' # the key\n",
    "config/prod.env": f"\nAPI_SECRET_KEY = {VALUE}   # the key\n",
    "config/app.yaml": f"app:\n  secretKey: {VALUE}\n",
    "config/app.yml": f'app:\n  "secret-key": "{VALUE}"\n',
    "config/list.yaml": f"items:\n  - secret_key: {VALUE}\n",
    "config/flow.yaml": f"---\napp: {{secret_key: {VALUE}}}\n",
    "config/broken.yaml": f"{{{{ if }}}}\nsecret_key: {VALUE}\n",
    "config/app.json": f'{{\n"secretKey": "{VALUE}"}}',
    "config/task.json": f'{{"environment":\n[{{"name": "API_KEY", "value": "{VALUE}"}}]}}',
    "config/app.toml": f'[app]\nsecret_key = "{VALUE}"\n',
    "config/inline.toml": f'[app]\nlogin = {{ user = "ana", password = "{VALUE}" }}\n',
    "config/app.ini": f"[app]\nsecret_key: {VALUE} ; the key\n",
    "config/app.properties": f"\nspring.datasource.password={VALUE}\n",
    "config/web.config": f'<a>\n<add key="ApiKey" value="{VALUE}"/></a>',
    "pom.xml": f"<a>\n<password>{VALUE}</password></a>",
    "Dockerfile": f"FROM x\nENV API_SECRET_KEY={VALUE}\n",
    "app.Dockerfile": f"FROM x\nENV API_SECRET_KEY {VALUE}\n",
    "docker/Dockerfile.web": f'FROM x\nARG HOST=a API_SECRET_KEY="{VALUE}"\n',
    "docker/Dockerfile": f"ENV HOST=a \\\n    API_SECRET_KEY={VALUE} \\\n    LATER=b\n",
    "run.sh": f"#!/bin/sh\nexport API_SECRET_KEY={VALUE}\n",
    "start.sh": f"#!/bin/sh\nrun ${{API_SECRET_KEY:-{VALUE}}}\n",
    "Makefile": f"\nAPI_SECRET_KEY={VALUE}\n",
    "main.tf": f'\n  password = "{VALUE}"\n',
    ".npmrc": f"\n//registry.example/:_authToken={VALUE}\n",
    ".pypirc": f"[pypi]\npassword = {VALUE}\n",
    ".netrc": f"machine example.org login ana\npassword {VALUE}\n",
    ".pgpass": f"# host\ndb:5432:app:ana:{VALUE}\n",
    "compose.yaml": f"services: {{web: {{environment:\n  [API_SECRET_KEY={VALUE}]}}}}\n",
    "docker-compose.yml": f"services: {{web: {{environment:\n  {{API_SECRET_KEY: '{VALUE}'}}}}}}\n",
    "docker-compose.prod.yml": f"services: {{web: {{environment:\n  ['A=${{API_SECRET_KEY:-{VALUE}}}']}}}}\n",
    "k8s/list.yaml": f"kind: Deployment\nenv: [{{name: API_SECRET_KEY, value: {VALUE}}}]\n",
    "k8s/map.yaml": f"kind: ConfigMap\ndata: {{API_SECRET_KEY: {VALUE}}}\n",
    "k8s/block.yaml": f"data: {{}}\nfile: |\n  user = ana\n  password = {VALUE}\n",
    "k8s/plain.yaml": f"kind: Secret\nstringData: {{word: {VALUE}}}\n",
    "k8s/data.yaml": f"kind: Secret\ndata: {{API_SECRET_KEY: {encoded(VALUE)}}}\n",
    "k8s/all.yaml": f"kind: List\nitems: [{{kind: Secret, data: {{word: {encoded(VALUE)}}}}}]\n",
    "k8s/wrong.yaml": f"kind: Secret\ndata: {{API_SECRET_KEY: {VALUE}-}}\n",
}


@pytest.mark.parametrize("path", TEXTS)
def test_a_value_under_a_secrets_name(path: str) -> None:
    line = 4 if path == "k8s/block.yaml" else 2
    assert seen(path, TEXTS[path]) == [("secret-value", line, "high")]


@pytest.mark.parametrize("path", TEXTS)
def test_no_finding_says_the_value(path: str) -> None:
    (finding,) = read(path, TEXTS[path])
    assert VALUE not in repr(finding)
    assert "(24 characters)" in finding.message or path == "k8s/wrong.yaml"


@pytest.mark.parametrize("path", TEXTS)
def test_its_fingerprint_survives_edits_above_it_and_not_a_new_value(path: str) -> None:
    (finding,) = read(path, TEXTS[path])
    comment = "" if path.endswith(".json") else "\n\n"
    (moved,) = read(path, comment + TEXTS[path])
    assert moved.fingerprint == finding.fingerprint
    other = drawn(24, seed=2)
    text = TEXTS[path].replace(VALUE, other).replace(encoded(VALUE), encoded(other))
    assert [each.fingerprint for each in read(path, text)] != [finding.fingerprint]


def test_a_secret_of_kubernetes_with_a_url() -> None:
    url = encoded(f"postgresql://ana:{VALUE}@db/app")
    assert seen("deploy.yaml", f"kind: Secret\ndata: {{url: {url}}}\n") == [("url-credentials", 2, "high")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("k8s/sealed.yaml", SEALED),
        ("k8s/data.yaml", f"kind: Secret\ndata: {{user: {encoded('ana')}, list: [1]}}\n"),
        ("k8s/data.yaml", "kind: Secret\ndata: none\n"),
        ("k8s/ref.yaml", "env: [{name: API_KEY, valueFrom: {secretKeyRef: {name: app, key: api-key}}}]\n"),
        ("template.yaml", "password: !Ref DatabasePassword\n"),
        ("vault.yaml", f"password: !vault |\n  {drawn(80)}\n"),
        ("sops.yaml", f"password: ENC[AES256_GCM,data:{VALUE},type:str]\n"),
        ("anchors.yaml", "key: &a [*a]\nb: *a\nc: &c {d: *c}\n"),
        ("app.yaml", "? [password, b]\n: 1\n"),
        (".github/workflows/ci.yml", "token: ${{ secrets.GITHUB_TOKEN }}\n"),
        ("k8s/volumes.yaml", "kind: Pod\nvolumes: [{secret: app-secret}]\nenvironment: staging\n"),
        ("openapi.yaml", "properties: {password: string}\n"),
        ("app/settings.py", f"COLOUR = '{VALUE}'\n"),
        ("app/data.bin.txt", "no names here\n"),
        ("unknown.format", f"API_KEY={VALUE}\n"),
        (".env", f"COLOUR={VALUE}\nMAX_TOKENS={VALUE}\nTOKEN_URL={VALUE}\n"),
        (".pgpass", "# a comment: with: four: colons: in it\n"),
    ],
)
def test_what_binds_no_secret(path: str, text: str) -> None:
    assert seen(path, text) == []


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        (".env", "DB_PASSWORD=changeme\n", "high"),
        (".env", "JWT_SECRET=jwt-dev-secret\n", "high"),
        (".env", "DB_PASSWORD=db_password\n", "high"),
        (".env", "DB_PASSWORD=your-password-here\n", "low"),
        ("compose.yaml", "services: {a: {environment: {JWT_SECRET: jwt-dev-secret}}}\n", "high"),
        ("compose.yaml", "services: {a: {environment: ['API_KEY=${API_KEY:-dev-key}']}}\n", "high"),
        ("compose.yaml", "services: {a: {command: 'run ${JWT_SECRET:-jwt-dev-secret}'}}\n", "high"),
        ("docker-compose.yml", "services: {a: {environment: {POSTGRES_PASSWORD: postgres}}}\n", "high"),
        ("stack.yaml", "services: {a: {environment: {POSTGRES_PASSWORD: postgres}}}\n", "high"),
        ("app.yaml", "apiVersion: v1\nkind: Pod\nenv: [{name: API_KEY, value: dev_key}]\n", "high"),
        ("Dockerfile", "ENV API_SECRET_KEY=dev-secret-key\n", "high"),
        ("k8s/secret.yaml", f"kind: Secret\ndata: {{password: {encoded('admin123')}}}\n", "high"),
        ("config/app.yaml", "password: admin123\n", "high"),
        ("config/app.yaml", "password: admin\n", "medium"),
        (".env.development", "DB_PASSWORD=Post.1828\n", "medium"),
        (".env.development", "DB_PASSWORD=postgres\n", "low"),
        (".env.development", f"DB_PASSWORD={VALUE}\n", "high"),
        (".github/workflows/ci.yml", "env: {POSTGRES_PASSWORD: postgres}\n", "low"),
        (".gitlab-ci.yml", "variables: {POSTGRES_PASSWORD: postgres}\n", "low"),
        (".env.example", f"DB_PASSWORD={VALUE}\n", "high"),
        (".env.example", "DB_PASSWORD=Post.1828\n", "low"),
        ("config.sample.yaml", f"password: {VALUE}\n", "high"),
        ("docs/app.yaml", f"password: {VALUE}\n", "medium"),
        ("README.md", f"    export API_KEY={VALUE}\n", "medium"),
        ("README.md", "    export API_KEY=Post.1828\n", "low"),
        ("tests/app.yaml", f"password: {VALUE}\n", "low"),
        ("web/fixtures/app.json", f'{{"password": "{VALUE}"}}', "low"),
    ],
)
def test_how_bad_it_is_depends_on_the_value_and_the_place(path: str, text: str, severity: str) -> None:
    assert [each[2] for each in seen(path, text)] == [severity]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".env.example", "DB_PASSWORD=changeme\nAPI_KEY=your-api-key\nSECRET_KEY=\nTOKEN=postgres-token\n"),
        ("env.template", "DB_PASSWORD=<password>\nAPI_KEY=sk-...\n"),
        ("tests/app.yaml", "password: Post.1828\n"),
        ("tests/docker-compose.yml", "services: {a: {environment: {POSTGRES_PASSWORD: postgres}}}\n"),
        ("README.md", "export API_KEY=your-key\n"),
        ("config/app.yaml", "password: your-password\n"),
        ("web/text.json", '{"new-password": "新密碼8"}'),
        ("web/lang/de.json", '{"password": "Passwort"}'),
        ("package-lock.json", f'{{"token": "{VALUE}"}}'),
    ],
)
def test_stand_ins_are_silent_where_nothing_is_started_with_them(path: str, text: str) -> None:
    assert seen(path, text) == []


def test_one_value_under_one_name_in_a_file_is_one_finding() -> None:
    text = f"API_KEY={VALUE}\nOTHER=1\nAPI_KEY={VALUE}\nAPI_TOKEN={VALUE}\n"
    assert seen(".env", text) == [("secret-value", 1, "high"), ("secret-value", 4, "high")]
