"""A version's subject is the first thing that the reasoning says, not its heading."""

from typing import Any

import pytest

from genopt_tui.runner.records import Outcome, build_subject
from genopt_tui.session.progress import Candidate


@pytest.mark.parametrize(
    ("reasoning", "subject"),
    [
        (
            "1. Reasoning\n\nCause: the paddle moves at random. select_action tosses a coin.",
            "Cause: the paddle moves at random",
        ),
        (
            "**Reasoning**\nThe paddle lags, because y is 3.5 off. Then more.",
            "The paddle lags, because y is 3.5 off",
        ),
        (
            "# Why\n- I think `x.y` in policy.py is wrong; so I change it",
            "I think `x.y` in policy.py is wrong",
        ),
        ("**Cause.** Almost no points are made. More.", "Almost no points are made"),
        ("ok", "ok"),
        ("", "change a.py"),
        ("a\x1b[31mb " + "word " * 40, "a [31mb " + "word " * 10 + "wor..."),
    ],
)
def test_subject(reasoning: str, subject: str) -> None:
    edit: dict[str, Any] = {"reasoning": reasoning, "files": ["a.py"]}
    assert build_subject(Candidate(edit=edit), Outcome("approved", "person", "")) == subject
