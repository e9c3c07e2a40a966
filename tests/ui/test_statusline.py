"""The status line says what the scores rest on."""

from dataclasses import replace

from genopt_tui.ui.panes.statusline import trusted
from genopt_tui.ui.snapshot import SessionInfo, Snapshot


def test_a_command_reports_its_own_score() -> None:
    session = SessionInfo(
        "s", "/s", model="search", sandbox="bwrap+seccomp shared", rule="seconds; score: self-reported"
    )
    assert trusted(Snapshot(session))[:2] == ("score: self-reported", "bwrap+seccomp shared")
    assert "scores: seconds" in trusted(Snapshot(session))
    assert "scores: share of right answers" in trusted(Snapshot(replace(session, rule="share of right answers")))
    assert "score: self-reported" not in trusted(Snapshot(replace(session, rule="share of right answers")))
