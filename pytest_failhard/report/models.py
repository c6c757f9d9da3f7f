"""Which models the system asked: read from the evidence of the gate `llm`, for the head of the report."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from pytest_failhard.model import GateError
from pytest_failhard.report.parts import places

GATE, EVIDENCE = "llm", "matrix.json"


class _Matrix(BaseModel):
    """The part of the evidence that names models, as `dialect:model`."""

    model_config = ConfigDict(frozen=True, strict=True)

    models: tuple[str, ...] = ()


def named(matrix: bytes) -> tuple[str, ...]:
    """Return the models, sorted, each once; raises GateError where the evidence cannot be read."""
    try:
        return tuple(sorted({*_Matrix.model_validate_json(matrix).models}))
    except ValidationError as error:
        raise GateError(f"models-unreadable: {EVIDENCE}: {places(error)}; run the check again") from None
