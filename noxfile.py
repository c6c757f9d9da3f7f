"""The tasks of this repository: `nox -l` lists them, `nox -s NAME` runs one."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13"]
COOL_DOWN = timedelta(days=7)
nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "layers", "tests", "docs"]
nox.options.reuse_existing_virtualenvs = True


def install(session: nox.Session) -> None:
    """Install what a checkout needs, hashes checked; with `--no-venv` the environment is the caller's."""
    if session.virtualenv.is_sandboxed:
        session.install("--require-hashes", "-r", "requirements/dev.txt")
        session.install("--no-deps", "--no-build-isolation", "-e", ".")


def install_openai2(session: nox.Session) -> None:
    """Make the second environment of the fault matrix, for clients of openai 2; `make` does too."""
    if session.virtualenv.is_sandboxed:
        folder = Path(session.virtualenv.location, "openai2")
        session.run("python", "-m", "venv", str(folder))
        pip = (str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet")
        session.run(*pip, "--require-hashes", "-r", "requirements/openai2.txt", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Rules, format, spelling, and the workflows' own security."""
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("zizmor", "--offline", "--quiet", "--pedantic", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types of the package and its tests; `gates` is checked through the link."""
    install(session)
    session.run("python", "-m", "mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Imports go one way."""
    install(session)
    session.run("lint-imports")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite on each Python that this machine has."""
    install(session)
    install_openai2(session)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def minimums(session: nox.Session) -> None:
    """The test suite with the lowest versions that pyproject.toml allows."""
    session.install("uv")
    # Beside the checkout: nox's own temporary folder lies in it, and what lies there, git ignores.
    lowest = Path(session.virtualenv.location, "minimums.txt")
    # Of our own dependencies alone: what they need in turn may be as old as a client of the tests wants it.
    compiled = ("--resolution", "lowest-direct", "--no-deps", "--quiet", "-o", str(lowest), "pyproject.toml")
    session.run("uv", "pip", "compile", *compiled)
    clients = (part for name in ("test", "demo", "sdks") for part in ("-r", f"requirements/{name}.in"))
    session.run("uv", "pip", "install", "--quiet", "-c", str(lowest), *clients, "-e", ".")
    install_openai2(session)
    # The newest SDKs demand a newer pydantic than we do, and the examples are locked in other versions than
    # stand here: what is about them runs in `tests`.
    sdks = ("llm/sdk", "llm/test_traffic_children.py", "llm/test_traffic_reroute.py")
    left_out = (f"--ignore=tests/{name}" for name in (*sdks, "gates/dependencies/test_twins.py"))
    session.run("python", "-m", "pytest", *left_out, *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build, install elsewhere, judge a tiny project: a wheel without gates builds with exit 0."""
    install(session)
    session.run("python", "tools/check_wheel.py")


@nox.session
def docs(session: nox.Session) -> None:
    """The site, and that its generated pages are those of the code."""
    install(session)
    session.run("python", "tools/generate_docs.py", "--check")
    with tempfile.TemporaryDirectory() as site:
        session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", site)


@nox.session(name="self")
def judge_ourselves(session: nox.Session) -> None:
    """Our own verdict on ourselves, at the highest level, but for what only a release can show."""
    install(session)
    install_openai2(session)
    # Nothing is built here: `.github/workflows/release.yml` judges provenance, with what it ships.
    printed = session.run("python", "-m", "tools.gates_here", "4", "provenance", silent=True, stderr=None)
    command = ("python", "-m", "pytest", "--failhard-level=4", str(printed).strip())
    session.run(*command, *session.posargs, env={"MEASURED": "all"})


@nox.session
def acceptance(session: nox.Session) -> None:
    """What CI runs in part: both modes, two workers, every variant; every SDK and every fault."""
    install(session)
    install_openai2(session)
    gates = ("tests/gates/llm", "tests/gates/test_tests.py", "tests/gates/test_types.py")
    sdks = ("sdk", "test_traffic_children.py", "test_privacy.py", "test_documented.py", "test_injecting.py")
    runs = (
        *(f"tests/acceptance/test_{name}.py" for name in ("matrix", "prototypes", "systems", "twins")),
        *("tests/test_bad_input.py", "tests/test_recorder.py", "tests/test_keeper.py"),
        *("tests/test_invocations.py", "tests/test_measurement.py", "tests/test_plugin.py"),
        *(f"tests/llm/{name}" for name in sdks),
    )
    # The fail-open list with the rest: one run of pytest, whose cases are printed as a table and kept.
    session.run("python", "-m", "tests.acceptance", "--full", *runs, *gates, *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Change the code that decides, line by line: the tests notice each change, or it is explained."""
    install(session)
    if session.virtualenv.is_sandboxed:
        session.install("--require-hashes", "-r", "requirements/mutation.txt")
    session.run("nice", "-n", "19", "python", "-m", "tools.mutation", *session.posargs, external=True)
    session.run("python", "tools/generate_docs.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Every benchmark, or one: `-- whole_run --keep`. Each prints ratios within one run.

    What `whole_run`, `scale` and `inactive` keep is docs/speed.md.
    """
    install(session)
    # The last two are about data that whoever runs them has: an archive of advisories, other repositories.
    helpers = {"__init__", "grown", "kept", "line_up", "pairs", "peers", "tree", "advisories", "rule_density"}
    programs = sorted({path.stem for path in Path("benchmarks").glob("*.py")} - helpers)
    if not programs:
        session.error("benchmarks/ holds no program")
    for program in session.posargs[:1] or programs:
        session.run("python", "-m", f"benchmarks.{program}", *session.posargs[1:])
    session.run("python", "tools/generate_docs.py")


@nox.session(name="bench-perf")
def bench_performance(session: nox.Session) -> None:
    """How often the gate `performance` and others are wrong: an hour; run again, it adds to what it has."""
    install(session)
    recorded = Path("build", "performance")
    package = "benchmarks.performance_gate"
    session.run("python", "-m", f"{package}.calibrate")
    session.run("python", "-m", f"{package}.raw", "--keep", "--output", str(recorded / "raw.jsonl"))
    session.run("python", "-m", f"{package}.error_rates", "--keep")
    session.run("python", "-m", f"{package}.protocol", "--keep", "--output", str(recorded / "protocol.jsonl"))
    session.run("python", "-m", f"{package}.cost", "--keep")
    session.run("python", "-m", f"{package}.example_service", "--keep")
    session.run("python", "tools/generate_docs.py")


@nox.session(name="report-page")
def report_page(session: nox.Session) -> None:
    """The page in a headless Chromium: axe, requests, keyboard, speed. Needs both: `-- --axe axe.min.js`."""
    install(session)
    session.run("python", "-m", "benchmarks.report_page", "--keep", *session.posargs)
    session.run("python", "tools/generate_docs.py")


@nox.session
def lock(session: nox.Session) -> None:
    """Compile requirements/*.txt from the public index, whatever this machine's settings are.

    A release younger than a week is not taken: most malicious ones are found within days. The bound stands
    in each header, so that whoever reads a lock knows how old all in it is.
    """
    install(session)
    own = {name: None for name in os.environ if name.startswith(("PIP_", "UV_"))}
    newest = f"{datetime.now(UTC).date() - COOL_DOWN}T00:00:00Z"
    command = f"nox -s lock  # uv pip compile --exclude-newer {newest}"
    example = "examples/triage_service"
    for target, sources in {
        "requirements/build.txt": ("requirements/build.in",),
        "requirements/demo.txt": ("requirements/demo.in",),
        "requirements/dev.txt": ("pyproject.toml", "requirements/dev.in"),
        "requirements/mutation.txt": ("requirements/mutation.in", "-c", "requirements/dev.txt"),
        "requirements/openai2.txt": ("requirements/openai2.in",),
        # The example runs in our environment: in the versions that it has there.
        f"{example}/requirements.txt": (f"{example}/pyproject.toml", "-c", "requirements/dev.txt"),
    }.items():
        session.run(
            *("uv", "pip", "compile", "--quiet", "--no-config", "--upgrade"),
            *("--universal", "--python-version", PYTHONS[0], "--generate-hashes", "--no-emit-index-url"),
            *("--exclude-newer", newest, "--custom-compile-command", command),
            *("--output-file", target, *sources),
            env=own,
        )
