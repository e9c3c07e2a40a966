"""The step in flight as the interface folds it."""

from genopt_tui.session.journal import Event
from genopt_tui.ui.fold import StepFold


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
