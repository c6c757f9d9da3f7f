"""What a fault demands, once and for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.llm.catalogue import Fault
from pytest_failhard.llm.verdicts import demand
from pytest_failhard.llm.verdicts.expectation import Demand
from tests.llm.verdicts.samples import SILENT, attempt, fault, form


@pytest.mark.parametrize(
    ("met", "persistent", "single"),
    [
        (fault("invalid_key", "permanent"), "fail", "fail"),
        (fault("insufficient_quota", "permanent-retried"), "fail", "fail"),
        (fault("server_error", "transient", oracle="recover"), "fail", "recover"),
        (fault("stream_error_object", "transient", oracle="fail"), "fail", "fail-or-recover"),
        (fault("rst_before", "network", oracle="recover"), "fail", "recover"),
        (fault("body_html", "silent"), "fail", "fail-or-recover"),
        (fault("read_timeout", "deadline"), "bounded", "bounded"),
        (fault("stream_no_done", "benign"), "succeed", "succeed"),
        (fault("duplicate_id", "report"), "report", "report"),
        (fault("wrong_model", "report"), "report", "report"),
    ],
)
def test_each_kind_has_its_demand(met: Fault, persistent: Demand, single: Demand) -> None:
    assert demand(replace(SILENT, fault=met)) == persistent
    assert demand(replace(SILENT, fault=met, single=True)) == single


def test_a_pinned_model_turns_the_report_into_a_demand() -> None:
    wrong = replace(SILENT, fault=fault("wrong_model", "report"), pinned_model="gpt-4o")
    assert demand(wrong) == "fail"
    assert demand(replace(wrong, single=True)) == "fail"
    assert demand(replace(wrong, fault=fault("duplicate_id", "report"))) == "report"


def test_a_healthy_run_is_only_recorded() -> None:
    assert demand(replace(SILENT, fault=None)) == "report"


def test_a_started_stream_may_fail() -> None:
    reset = replace(SILENT, fault=fault("rst_mid_body", "network", oracle="recover"), form=None, single=True)
    assert demand(reset) == "recover"
    assert demand(replace(reset, form=form(stream="rst"))) == "fail-or-recover"
    assert demand(reset, (attempt(failed="rst_mid_body", stream=True),)) == "fail-or-recover"
    assert demand(reset, (attempt(failed="rst_mid_body", stream=True, status=0),)) == "recover"
    assert demand(reset, (attempt(failed="", stream=True),)) == "recover"


def test_providers_and_keys_follow_the_dialect() -> None:
    assert SILENT.known_providers == {"openai"}
    assert replace(SILENT, dialect="openai_responses").known_providers == {"openai"}
    assert replace(SILENT, dialect="openai_embeddings").removed_keys == ("OPENAI_API_KEY",)
    assert replace(SILENT, dialect="ollama").removed_keys == ()
