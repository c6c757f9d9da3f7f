"""The stages of a Dockerfile, and what the image of one of them inherits through `FROM alias`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_failhard.system.dockerfile import DockerfileError, Instruction, substituted

PREDEFINED: Mapping[str, str] = {
    **{f"{side}PLATFORM": "linux/amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}OS": "linux" for side in ("BUILD", "TARGET")},
    **{f"{side}ARCH": "amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}VARIANT": "" for side in ("BUILD", "TARGET")},
}
"""What the builder itself sets; the platform is any, for no property depends on it."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage. `base` is the image it is from, `parent` the stage instead, by its number.

    `variables` are those that hold at its end, inherited ones included; an ARG without a default has none.
    """

    number: int
    name: str
    line: int
    base: str
    parent: int | None
    instructions: tuple[Instruction, ...]
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    """Those of `variables` that the image keeps: what ENV sets."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is built: the stages from the base image to the last one, and the properties that hold there."""

    stages: tuple[Stage, ...]
    """The chain, the one from an image first."""
    user: Instruction | None = None
    healthcheck: Instruction | None = None
    command: Instruction | None = None
    entrypoint: Instruction | None = None
    workdir: str = "/"
    exposed: tuple[Instruction, ...] = ()
    sources: tuple[Stage, ...] = field(default=())
    """The stages whose files are copied into the chain, by way of others, too."""

    @property
    def last(self) -> Stage:
        """The stage that is built."""
        return self.stages[-1]

    @property
    def base(self) -> str:
        """The image at the root of the chain."""
        return self.stages[0].base

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions of the chain, in order."""
        return tuple(each for stage in self.stages for each in stage.instructions)

    @property
    def contributing(self) -> tuple[Stage, ...]:
        """The stages whose work ends up in the image."""
        return tuple(sorted((*self.stages, *self.sources), key=lambda stage: stage.number))

    def value(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Return a text as the builder substitutes it at the end of the chain, and the unset names."""
        return substituted(text, self.last.variables)


def stages(instructions: Sequence[Instruction], path: str) -> tuple[Stage, ...]:
    """Return the stages; raises DockerfileError for a FROM whose image cannot be known."""
    outer: dict[str, str] = dict(PREDEFINED)
    found: list[Stage] = []
    starts = [index for index, each in enumerate(instructions) if each.name == "FROM"]
    for each in instructions[: starts[0]]:
        outer |= {key: substituted(value, outer)[0] for key, value in each.pairs}
    for start, end in zip(starts, [*starts[1:], len(instructions)], strict=True):
        found.append(_stage(instructions[start], instructions[start + 1 : end], outer, found, path))
    return tuple(found)


def built(found: Sequence[Stage], target: str, path: str) -> Image:
    """Return the image of a stage, by name or number, of the last one where none is named.

    Raises DockerfileError where there is no such stage.
    """
    last = found[-1] if not target else _named(target, found)
    if last is None:
        names = ", ".join(stage.name or str(stage.number) for stage in found)
        raise DockerfileError(f"{path}: there is no stage {target}; there are {names}")
    chain = [last]
    while chain[0].parent is not None:
        chain.insert(0, found[chain[0].parent])
    return _image(tuple(chain), found)


def copied_from(stage: Stage, found: Sequence[Stage]) -> Iterator[Stage]:
    """Yield the stages from which a stage copies or mounts files."""
    for each in stage.instructions:
        mounted = [
            part.removeprefix("from=")
            for name, value in each.flags
            if name == "mount"
            for part in value.split(",")
            if part.startswith("from=")
        ]
        for name in (each.flag("from") if each.name == "COPY" else "", *mounted):
            source = _named(substituted(name, stage.variables)[0], found[: stage.number]) if name else None
            if source is not None:
                yield source


def _named(name: str, found: Sequence[Stage]) -> Stage | None:
    # Of two stages with one name, the later one counts.
    by_name = next((stage for stage in reversed(found) if stage.name == name.lower()), None)
    is_number = by_name is None and name.isdecimal() and int(name) < len(found)
    return found[int(name)] if is_number else by_name


def _stage(
    start: Instruction,
    body: Sequence[Instruction],
    outer: Mapping[str, str],
    found: Sequence[Stage],
    path: str,
) -> Stage:
    image, missing = substituted(start.text, outer)
    words = image.split()
    if missing:
        raise DockerfileError(f"{path}:{start.line}: FROM: ARG {missing[0]} has no value before it")
    if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
        raise DockerfileError(f"{path}:{start.line}: FROM takes an image, and AS with a name")
    parent = _named(words[0], found) if not words[0].isdecimal() else None
    variables, environment = _variables(body, outer, parent)
    return Stage(
        number=len(found),
        name=words[2].lower() if len(words) == 3 else "",
        line=start.line,
        base=words[0] if parent is None else "",
        parent=None if parent is None else parent.number,
        instructions=tuple(body),
        variables=variables,
        environment=environment,
    )


def _variables(
    body: Sequence[Instruction], outer: Mapping[str, str], parent: Stage | None
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    environment = dict(parent.environment) if parent is not None else {}
    arguments: dict[str, str] = {}
    for each in body:
        known = {**arguments, **environment}
        set_here = {key: substituted(value, known)[0] for key, value in each.pairs}
        if each.name == "ENV":
            environment |= set_here
        elif each.name == "ARG":
            # An argument without a value takes the one from before the first FROM.
            arguments |= {name: outer[name] for name in each.bare if name in outer} | set_here
    return {**arguments, **environment}, environment


def _image(chain: tuple[Stage, ...], found: Sequence[Stage]) -> Image:
    last: dict[str, Instruction | None] = {}
    workdir = "/"
    exposed = []
    for stage in chain:
        own_command = False
        for each in stage.instructions:
            if each.name in {"USER", "HEALTHCHECK", "CMD", "ENTRYPOINT"}:
                last[each.name] = each
            own_command = own_command or each.name == "CMD"
            if each.name == "ENTRYPOINT" and not own_command:
                last["CMD"] = None
            if each.name == "WORKDIR":
                folder = substituted(each.text, stage.variables)[0].strip("\"'")
                workdir = folder if folder.startswith("/") else f"{workdir.rstrip('/')}/{folder}"
            if each.name == "EXPOSE":
                exposed.append(each)
    check = last.get("HEALTHCHECK")
    return Image(
        stages=chain,
        user=last.get("USER"),
        healthcheck=None if check is not None and check.text == "NONE" else check,
        command=last.get("CMD"),
        entrypoint=last.get("ENTRYPOINT"),
        workdir=workdir,
        exposed=tuple(exposed),
        sources=_sources(chain, found),
    )


def _sources(chain: Sequence[Stage], found: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages that the chain copies from, those that these are from or copy from included."""
    seen: dict[int, Stage] = {}
    waiting = list(chain)
    while waiting:
        stage = waiting.pop()
        parents = [found[stage.parent]] if stage.parent is not None else []
        new = [each for each in (*copied_from(stage, found), *parents) if each.number not in seen]
        seen |= {each.number: each for each in new}
        waiting += new
    own = {stage.number for stage in chain}
    return tuple(stage for number, stage in sorted(seen.items()) if number not in own)
