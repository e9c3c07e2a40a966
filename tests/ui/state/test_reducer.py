"""The step in flight as the interface folds it."""

from genopt_tui.session.journal import Event
from genopt_tui.session.progress import PendingInput
from genopt_tui.ui.state.reducer import StepReducer
from genopt_tui.ui.widgets.evidence_lines import build_sent_rows


def test_the_next_try_of_a_reply_that_broke_off_is_seen_while_it_arrives() -> None:
    fold = StepReducer()
    fold.apply(Event(1, "", 1, "batch_sampled", {"base": "b", "tree": "t", "examples": []}))
    fold.append_reply_text(1, 0, 0, "no")
    fold.apply(
        Event(
            2,
            "",
            1,
            "reply_finished",
            {"candidate": 0, "attempt": 0, "reply": 1, "complete": False},
        )
    )
    fold.set_reply_text(1, 0, 0, "no!")
    (kept,) = fold.build_proposals({}, 0)
    assert (kept.text, kept.streaming) == ("no!", False)
    fold.append_reply_text(1, 0, 0, "ye")
    fold.append_reply_text(1, 0, 0, "s")
    (shown,) = fold.build_proposals({}, 0)
    assert (shown.text, shown.streaming) == ("yes", True)


def test_the_sections_of_the_whole_prompt_are_shown_with_their_cuts() -> None:
    fold = StepReducer()
    fold.apply(Event(1, "", 1, "batch_sampled", {"base": "b", "tree": "t", "examples": []}))
    only = [{"name": "evidence", "tokens": 70, "cut": 3}]
    fold.apply(
        Event(
            2, "", 1, "evidence_built", {"parts": [], "sections": only, "tokens": 70, "budget": 900}
        )
    )
    sections = [
        {"name": "objective", "tokens": 30, "cuts": 0},
        {"name": "memory", "tokens": 40, "cuts": 5},
    ]
    built = {"candidate": 0, "attempt": 0, "messages": [], "tokens": 72, "sections": sections}
    fold.apply(Event(3, "", 1, "prompt_built", built))
    rows = [
        "".join(text for text, _ in line)
        for line in build_sent_rows(fold.build_evidence(PendingInput(), {}), 80).lines
    ]
    assert any("objective" in row and "30 tok" in row for row in rows)
    assert any("memory" in row and "cut: 5" in row for row in rows)
    assert rows[-1].split()[:3] == ["all", "72", "tok"]
