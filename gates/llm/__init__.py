"""LLM: when the model provider fails, the system fails hard, and never answers as if nothing had happened.

Why:
    Generated code calls a model and wraps the call in `except Exception: return {"category": "other"}`.
    A wrong key, an empty answer, a provider that is down: the caller gets a guess and calls it a result.
    Tests with a faked client never see it. Here the real system runs against a provider that fails on
    the wire as the real one does.

Fails when:
    A finding reaches the level's `fail_at`, or a measure is out of bounds. It is an error where the
    model is used and no call is declared (`no-call-declared`), where the declaration contradicts the
    code, where no failure reached the system (`injection-not-exercised`, `llm-not-used`), and where tests
    fake the provider with a library that cannot see the SDK (`interceptor-cannot-see-client`). It does
    not apply where no product file imports an SDK or names a provider's host.

Fix:
    Let the error through, with its cause, as a status or an exception; retry a few times with growing
    waits where the provider asks for it; set a time-out; check what the model answered. Declare every
    operation that needs the model in `[tool.failhard.llm]`.

Waive:
    By finding, with a reason that says why the answer is right without the model. A second model is no
    reason: declare it under `fallbacks`. Errors cannot be waived.
"""

from __future__ import annotations

from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.model import GateError, Observation, Run, Settings


class LlmGate:
    """Observes what the system does when its model provider fails."""

    id = "llm"
    settings: type[Settings] = LlmSettings

    def observe(self, run: Run) -> Observation:
        """Judge the declaration, then run the matrix; raises GateError for what cannot be judged."""
        settings = run.settings
        if not isinstance(settings, LlmSettings):
            raise GateError(f"llm: settings are {type(settings).__name__}, not LlmSettings")
        # What observes is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.gates.llm.observing import observe

        return observe(run, settings)
