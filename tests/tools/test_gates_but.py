"""What is left out of a run is named, and exists."""

from __future__ import annotations

import pytest

from tests.support import demanded
from tools.gates_but import gates_but, main


def test_the_rest_of_a_level_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["4", "provenance"])
    printed = capsys.readouterr()
    assert printed.out == ",".join(gate for gate in demanded(4) if gate != "provenance") + "\n"
    assert printed.err == "left out of level 4: provenance\n"


def test_what_a_level_does_not_demand_cannot_be_left_out_of_it() -> None:
    assert gates_but(1, []) == list(demanded(1))
    with pytest.raises(ValueError, match="level 1 has no gate provenance; it has tests, coverage"):
        gates_but(1, ["provenance"])
