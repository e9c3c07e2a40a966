"""The step in flight as the interface folds it."""

from genopt_tui.session.journal import Event
from genopt_tui.session.person import Said
from genopt_tui.ui.fold import StepFold
from genopt_tui.ui.widgets.evidence_lines import sent_rows


def test_the_next_try_of_a_reply_that_broke_off_is_seen_while_it_arrives() -> None:
    fold = StepFold()
    fold.take(Event(1, "", 1, "batch_sampled", {"base": "b", "tree": "t", "examples": []}))
    fold.piece(1, 0, 0, "no")
    fold.take(Event(2, "", 1, "reply_finished", {"candidate": 0, "attempt": 0, "reply": 1, "complete": False}))
    fold.reply(1, 0, 0, "no!")
    (kept,) = fold.proposals({}, 0)
    assert (kept.text, kept.streaming) == ("no!", False)
    fold.piece(1, 0, 0, "ye")
    fold.piece(1, 0, 0, "s")
    (shown,) = fold.proposals({}, 0)
    assert (shown.text, shown.streaming) == ("yes", True)


def test_the_sections_of_the_whole_prompt_are_shown_with_their_cuts() -> None:
    fold = StepFold()
    fold.take(Event(1, "", 1, "batch_sampled", {"base": "b", "tree": "t", "examples": []}))
    only = [{"name": "evidence", "tokens": 70, "cut": 3}]
    fold.take(Event(2, "", 1, "evidence_built", {"parts": [], "sections": only, "tokens": 70, "budget": 900}))
    sections = [{"name": "objective", "tokens": 30, "cuts": 0}, {"name": "memory", "tokens": 40, "cuts": 5}]
    built = {"candidate": 0, "attempt": 0, "messages": [], "tokens": 72, "sections": sections}
    fold.take(Event(3, "", 1, "prompt_built", built))
    rows = ["".join(text for text, _ in line) for line in sent_rows(fold.evidence(Said(), {}), 80).lines]
    assert any("objective" in row and "30 tok" in row for row in rows)
    assert any("memory" in row and "cut: 5" in row for row in rows)
    assert rows[-1].split()[:3] == ["all", "72", "tok"]
