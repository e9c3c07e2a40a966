"""Reading a score out of what a command printed."""

import pytest

from genopt_tui.task.command_output import (
    CommandOutput,
    find_worded_number,
    is_crash,
    read_last_value,
    read_result,
)


@pytest.mark.parametrize(
    ("printed", "score"),
    [
        ("0.25\n", 0.25),
        ("\r25%\r50%\r100%\r0.25\n", 0.25),
        ("25%\r\n0.25\r\n", 0.25),
        ("{'score': 0.25}\n", 0.25),
        ('{"score": 0.25}\n', 0.25),
        ("{'score': 0.25, 'metrics': {'n': 3}, 'ok': True}\n", 0.25),
    ],
)
def test_a_number_or_an_object_on_its_line_is_read(printed: str, score: float) -> None:
    found = read_last_value(printed)
    assert found is not None and found.score == score


@pytest.mark.parametrize(
    "printed", ["{1, 2}", "{'score': __import__('os')}", "{" * 5000, "{'a': " * 5000, "{'score'"]
)
def test_other_braces_are_no_score(printed: str) -> None:
    assert read_last_value(printed) is None


def test_a_number_after_a_word_is_found_for_the_advice_only() -> None:
    assert read_last_value("Accuracy: 0.25\n") is None
    assert find_worded_number("start\nAccuracy: 0.25\nbye\n") == "Accuracy: 0.25"
    assert find_worded_number("Ran 3 tests in 0.001s\n") == ""


def test_a_traceback_is_a_crash() -> None:
    crashed = CommandOutput(1, "", "Traceback (most recent call last):\nKeyError: 'x'", 0.1)
    assert is_crash(crashed.text) and read_result(crashed, "any") is not None
