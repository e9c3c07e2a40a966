"""The status line says what the scores rest on."""

from dataclasses import replace

from genopt_tui.ui.panes.statusline import Part, fitting, trusted
from genopt_tui.ui.snapshot import SessionInfo, Snapshot


def test_a_command_reports_its_own_score() -> None:
    session = SessionInfo(
        "s", "/s", model="search", sandbox="bwrap+seccomp shared", rule="seconds; score: self-reported"
    )
    assert trusted(Snapshot(session))[:2] == ("score: self-reported", "bwrap+seccomp shared")
    assert "scores: seconds" in trusted(Snapshot(session))
    assert "scores: share of right answers" in trusted(Snapshot(replace(session, rule="share of right answers")))
    assert "score: self-reported" not in trusted(Snapshot(replace(session, rule="share of right answers")))


def test_of_the_gate_line_nothing_is_cut_in_half() -> None:
    parts = [Part(" gate 1->2 BETTER"), Part("  whole edit"), Part("  promised 3")]
    assert fitting(parts, 40) == parts[:2]
    assert fitting(parts, 29) == parts[:2]
    assert fitting(parts, 28) == parts[:1]
    assert fitting(parts, 10) == parts[:1], "the result itself is always there, as far as it goes"
    assert fitting([], 80) == []
