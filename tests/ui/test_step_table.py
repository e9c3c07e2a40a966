"""The table of a trace's steps: every number is whole, absent things are not listed."""

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from genopt_tui.task.rollout import Call, TraceStep
from genopt_tui.ui.panes.trace import list_facts
from genopt_tui.ui.widgets.line_source import to_plain_text
from genopt_tui.ui.widgets.step_table import StepTable, format_step
from genopt_tui.ui.widgets.trace_lines import is_eventful
from genopt_tui.ui.widgets.value_format import format_step_details, shorten_text


def call(name: str, result: object, error: str | None = None) -> Call:
    return Call(f"policy.Policy.{name}", {}, result, error)


def table_of(*steps: TraceStep) -> StepTable:
    table = StepTable()
    table.learn(steps)
    return table


STEPS = (
    TraceStep(0, {}, 3, 0.0, calls=(call("__call__", 3), call("predict_ball", 99), call("aim", 1))),
    TraceStep(
        1, {}, 2, -1.0, calls=(call("predict_ball", 107.25), call("aim", 12), call("aim", 4))
    ),
)


def test_each_function_has_a_column_with_its_name() -> None:
    table = table_of(*STEPS)
    header, row = table.format_header(80), to_plain_text(table.format_row(STEPS[1], 80))
    assert header.split() == ["predict_ball", "aim"]
    assert row.index("107.25") == header.index("predict_ball")
    assert row.index("4 x2") == header.index("aim")
    assert row.startswith("act 2  reward -1")


@pytest.mark.parametrize("width", range(4, 60))
def test_a_number_is_shown_whole_or_not_at_all(width: int) -> None:
    table = table_of(*STEPS)
    for step in STEPS:
        row = to_plain_text(table.format_row(step, width))
        whole = to_plain_text(table.format_row(step, 80)).split()
        assert set(row.split()) <= set(whole)
    hidden = 2 - sum(name in table.format_header(width) for name in ("predict_ball", "aim"))
    assert table.format_header(width).endswith(f"+{hidden}") == bool(hidden)


@given(st.text(max_size=30), st.integers(1, 30))
def test_shortened_text_fits_and_never_cuts_a_number(text: str, room: int) -> None:
    short = shorten_text(text, room)
    assert len(short) <= room
    if short != text:
        end = len(short) - 1
        assert not (end and text[end - 1].isdigit() and text[end].isdigit())


def test_nan_is_no_reward() -> None:
    step = TraceStep(0, None, 3, nan)
    assert "reward" not in to_plain_text(table_of(step).format_row(step, 80))
    assert "nan" not in format_step(step)
    assert not is_eventful(step)


def test_an_object_without_place_and_size_is_not_listed() -> None:
    absent = {"x": 0, "y": 0, "w": 0, "h": 0}
    observation = {"NoObject": absent, "Ball": {"x": 7, "y": 9, "w": 2, "h": 4}}
    assert list_facts(observation) == ["Ball 7,9 2x4"]
    details = "".join(map(to_plain_text, format_step_details(TraceStep(0, observation))))
    assert "NoObject" not in details


def test_error_of_a_function_is_in_its_column() -> None:
    step = TraceStep(0, {}, 3, calls=(call("aim", None, "ZeroDivisionError: by zero"),))
    row = table_of(step).format_row(step, 80)
    assert ("bad" in [style for text, style in row if "! Zero" in text]) is True


def test_without_functions_the_observation_follows() -> None:
    step = TraceStep(0, "a question that goes on 123456", 3)
    row = to_plain_text(table_of(step).format_row(step, 30))
    assert row.startswith("act 3  'a question")
    assert row.endswith("…")
    assert cell_len(row) <= 30
