"""Tests of stages: what an image inherits, from where, and what hides it."""

from __future__ import annotations

import pytest

from pytest_failhard.system.dockerfile import DockerfileError, parse
from pytest_failhard.system.stages import Image, built, stages

CHAIN = """\
FROM python:3.12-slim AS base
ENV HOME=/srv UID=10001
WORKDIR /srv
USER $UID
EXPOSE 80
HEALTHCHECK CMD curl x
CMD ["base"]

FROM base AS Development
CMD uvicorn app:app --reload
USER root
HEALTHCHECK NONE

FROM base AS production
WORKDIR app
ENTRYPOINT ["run"]
"""


def image(text: str, target: str = "") -> Image:
    return built(stages(parse(text, "Dockerfile"), "Dockerfile"), target, "Dockerfile")


def test_what_is_inherited() -> None:
    found = image(CHAIN)
    assert [stage.name for stage in found.stages] == ["base", "production"]
    assert (found.base, found.last.line, found.workdir) == ("python:3.12-slim", 14, "/srv/app")
    assert found.user is not None
    assert found.value(found.user.text) == ("10001", ())
    assert found.healthcheck is not None
    assert [each.text for each in found.exposed] == ["80"]
    # A command of the base speaks to another entry point.
    assert found.entrypoint is not None
    assert found.command is None


@pytest.mark.parametrize("target", ["development", "DEVELOPMENT", "1"])
def test_another_target(target: str) -> None:
    found = image(CHAIN, target)
    assert found.user is not None
    assert (found.user.text, found.healthcheck) == ("root", None)
    assert found.command is not None
    assert found.command.words is None


def test_a_command_of_the_same_stage_stays() -> None:
    assert image('FROM a\nCMD ["x"]\nENTRYPOINT ["y"]\n').command is not None
    assert image('FROM a AS b\nENTRYPOINT ["y"]\nFROM b\nCMD ["x"]\n').entrypoint is not None


def test_no_such_target() -> None:
    for target in ("prod", "7"):
        with pytest.raises(DockerfileError, match=f"there is no stage {target}; there are base, development"):
            image(CHAIN, target)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("ARG TAG=3.12\nARG NAME=python:$TAG\nFROM ${NAME}", "python:3.12"),
        ("FROM ${NONE:-python:3}", "python:3"),
        ("FROM --platform=$BUILDPLATFORM python:3-$TARGETARCH", "python:3-amd64"),
        ("FROM a as b\nFROM a AS c\nFROM B", "a"),
    ],
)
def test_the_base_image(text: str, base: str) -> None:
    assert image(text).base == base


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ARG TAG\nFROM python:$TAG", r"Dockerfile:2: FROM: ARG TAG has no value before it"),
        ("FROM a\nARG TAG=1\nFROM b:$TAG", r"Dockerfile:3: FROM: ARG TAG has no value before it"),
        ("FROM a b", "Dockerfile:1: FROM takes an image, and AS with a name"),
        ("FROM a IS b", "Dockerfile:1: FROM takes an image, and AS with a name"),
    ],
)
def test_a_base_that_cannot_be_known(text: str, said: str) -> None:
    with pytest.raises(DockerfileError, match=said):
        image(text)


def test_variables_of_a_stage() -> None:
    found = image("ARG A=1\nARG B=2\nFROM x\nARG A\nARG C=$A\nENV D=$C E=$B\n").last
    assert dict(found.variables) == {"A": "1", "C": "1", "D": "1", "E": ""}
    assert dict(found.environment) == {"D": "1", "E": ""}


def test_where_files_come_from() -> None:
    text = """\
FROM a AS tools
FROM tools AS build
RUN --mount=type=bind,from=cache,target=/c true
FROM a AS cache
FROM a AS unused
FROM a AS final
COPY --from=build /x /x
COPY --from=alpine:3 /y /y
COPY --from=3 /z /z
"""
    found = image(text)
    assert [stage.name for stage in found.sources] == ["tools", "build", "unused"]
    assert [stage.name for stage in found.contributing] == ["tools", "build", "unused", "final"]
    assert [each.name for each in found.instructions] == ["COPY", "COPY", "COPY"]
