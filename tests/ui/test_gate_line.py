"""The gate line: the verdict in plain words, and only for exactly what is shown."""

from typing import Any

import pytest
from scene import proposal

from genopt_tui.ui.formatters import ASCII
from genopt_tui.ui.panes import gate_line
from genopt_tui.ui.panes.clickable_line import LinePart, take_fitting
from genopt_tui.ui.panes.gate_line import build_gate_parts, format_gate

GATE: dict[str, Any] = {
    "verdict": "better",
    "base_mean": 8.7,
    "mean": 16.1,
    "difference": 7.4,
    "interval": [2.5, 12.4],
    "n": 10,
    "better": 9,
    "worse": 1,
    "same": 0,
    "promises": 2,
    "promises_kept": 2,
}


def line(narrow: bool = False, kept: set[int] | None = None, **changes: Any) -> str:
    parts = build_gate_parts(proposal(**{"gate": GATE, **changes}), narrow, kept)
    return "".join(part.text for part in parts)


def test_finished_gate_shows_verdict_scores_difference_and_counts() -> None:
    assert line() == (
        " BETTER  8.7 → 16.1   Δ +7.4 (95 % CI 2.5…12.4)   10 examples: 9↑ 1↓"
        "   promised 2, kept 2   whole edit"
    )
    assert format_gate(GATE, narrow=True) == "BETTER 8.7→16.1  Δ+7.4 (2.5…12.4)  9↑ 1↓  n=10"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"same": 2}, "10 examples: 9↑ 1↓ 2="),
        ({"failed": 3}, "3 failed"),
        ({"complete": False}, "incomplete: decides nothing"),
        ({"n": 1, "better": 1, "worse": 0}, "1 example: 1↑ 0↓"),
        ({"interval": None}, "Δ +7.4   10 examples"),
        ({"interval": [-1.5, 0.25], "verdict": "undecided"}, "(95 % CI -1.5…0.25)"),
    ],
)
def test_gate_result_is_named(changes: dict[str, Any], text: str) -> None:
    assert text in format_gate({**GATE, **changes})


def test_a_start_has_a_score_and_nothing_to_compare_it_with() -> None:
    assert format_gate({"mean": 3.25, "n": 4}) == "gate  3.25   4 examples"


def test_words_replace_symbols_that_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_line, "SYMBOLS", ASCII)
    assert format_gate(GATE) == (
        "BETTER  8.7 -> 16.1   d +7.4 (95 % CI 2.5 to 12.4)   10 examples: 9 up 1 down"
    )


def test_partial_and_user_edits_have_no_score() -> None:
    unmeasured = "   a gate, then commit   A commit unmeasured"
    assert line(edited=True) == f" gate: not run for your edit{unmeasured}"
    assert line(kept={1}).startswith(" gate: not run for 1 of ")
    assert line(kept={1}).endswith(f" hunks{unmeasured}")


def test_parts_that_do_not_fit_are_left_out_whole() -> None:
    parts = [LinePart(" gate 1->2 BETTER"), LinePart("  whole edit"), LinePart("  promised 3")]
    assert take_fitting(parts, 40) == parts[:2]
    assert take_fitting(parts, 29) == parts[:2]
    assert take_fitting(parts, 28) == parts[:1]
    assert take_fitting(parts, 10) == parts[:1], "the result itself is always shown"
    assert take_fitting([], 80) == []
