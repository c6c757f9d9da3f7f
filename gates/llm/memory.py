"""What a system may remember of the calls so far, by which one case could decide the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.llm.ledger import Attempt


@dataclass(kw_only=True)
class Memory:
    """Counts since a system was started. `failed` is whether the last call failed."""

    requests: int = 0
    tokens: int = 0
    failures: int = 0
    failed: bool = False

    def add(self, attempts: Iterable[Attempt], *, failed: bool) -> None:
        """Count a call."""
        asked = [attempt for attempt in attempts if attempt.kind == "call"]
        self.requests += len(asked)
        self.tokens += sum(attempt.usage.input + attempt.usage.output for attempt in asked)
        self.failures += failed
        self.failed = failed

    def is_full(self, settings: LlmSettings) -> bool:
        """Tell whether the next call could meet a limit, a spent budget or an open circuit."""
        tables = [*settings.limits.values()]
        requests = [each.rpm for each in tables if each.rpm is not None]
        tokens = [each.tpm for each in tables if each.tpm is not None]
        if settings.budget is not None:
            requests += [most for most in (settings.budget.requests,) if most is not None]
            tokens += [most for most in (settings.budget.tokens,) if most is not None]
        # The next call may need all its attempts, and one before it may show that the system is well.
        coming = 2 * settings.max_attempts
        return (
            (self.requests > 0 and self.requests + coming > min(requests, default=self.requests + coming))
            or 2 * self.tokens > min(tokens, default=2 * self.tokens)
            or (settings.circuit is not None and self.failures >= max(1, settings.circuit.after - 1))
        )

    def is_doubtful(self, settings: LlmSettings) -> bool:
        """Tell whether a healthy call should show first that none of these is met."""
        return settings.budget is not None or (settings.circuit is not None and self.failed)
