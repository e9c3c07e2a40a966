"""What the history is made of: versions read in pieces, the graph beside them, intervals, work
beside the steps."""

from pathlib import Path

import pytest
from sample import BETTER, NEXT, START, commit_version
from scipy.special import stdtrit

from genopt_tui.session.history import acts
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.journal import Event
from genopt_tui.ui.formatters import ASCII
from genopt_tui.ui.panes.history_graph import MAX_LANES, draw_graph
from genopt_tui.ui.panes.history_text import format_details, format_row, insert_task_changes
from genopt_tui.ui.scores import compute_half_width, select_comparable
from genopt_tui.ui.state import history_loader
from genopt_tui.ui.state.external_changes import SessionWatcher
from genopt_tui.ui.state.side_jobs import SideJobTracker
from genopt_tui.ui.state.snapshot import HistoryRow


def labels(found: history_loader.HistoryLoader) -> list[str]:
    return [row.label for row in found.build_rows({})]


def test_a_long_history_comes_in_pieces_the_newest_first_and_then_only_what_is_new(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_loader, "CHUNK_SIZE", 1)
    with Repository.open(session) as repository:
        found = history_loader.HistoryLoader(repository)
        assert found.find_new_versions() and found.missing_count == 3
        found.read_next_chunk()
        assert labels(found) == ["2a"]
        while found.missing_count:
            found.read_next_chunk()
        assert labels(found) == ["2a", "1", "start"]
        kept = found.build_rows({})
        assert not found.find_new_versions()
        commit_version(repository, NEXT, 3, 15.6, 9.0)
        assert found.find_new_versions() and found.missing_count == 1
        found.read_next_chunk()
        assert labels(found) == ["3", "2a", "1", "start"]
        assert found.build_rows({})[1] is kept[0]  # what did not change is the same row


def test_rows_follow_acts_without_being_read_again(session: Path) -> None:
    with Repository.open(session) as repository:
        found = history_loader.HistoryLoader(repository)
        found.find_new_versions()
        found.read_next_chunk()
        acts.branch(repository, "aim", "2a")
        acts.tag(repository, "first", "1")
        acts.rewind(repository, "start")
        assert found.find_new_versions() and not found.missing_count
        rows = {row.label: row for row in found.build_rows({})}
        assert rows["2a"].kind == "branch" and rows["2a"].branches == ("aim",)
        assert rows["1"].kind == "branch" and rows["1"].tags == ("first",)  # aim leads to it
        assert rows["start"].head and rows["start"].branches == ("main",)


def test_a_start_has_the_score_that_a_run_gave_it(session: Path) -> None:
    with Repository.open(session) as repository:
        found = history_loader.HistoryLoader(repository)
        found.find_new_versions()
        found.read_next_chunk()
        start = found.build_rows({})[-1]
        told = {"mean": -19.0, "stderr": 0.5, "n": 10, "fingerprint": "task", "scores": []}
        scored = found.build_rows({start.commit: told})[-1]
        assert (scored.score, scored.stderr, scored.n, scored.group) == (-19.0, 0.5, 10, "task -")
        assert (start.score, start.stderr, start.n) == (-20.0, None, 10), (
            "what the gate said of it beside its successor"
        )


def test_every_version_has_its_mark_however_many_lines_are_open() -> None:
    tips = [
        HistoryRow(f"tip-{i}", str(i), i, parents=("root",)) for i in range(MAX_LANES + 5, 0, -1)
    ]
    drawn = draw_graph([*tips, HistoryRow("root", "start", 0)], tips[0].commit, ASCII)
    assert all("*" in line and len(line) <= MAX_LANES for line in drawn)
    assert drawn[-1].startswith("*") and "'" in drawn[-1]


@pytest.mark.parametrize("n", [2, 4, 10, 31, 32, 100])
def test_intervals_are_students(n: int) -> None:
    assert compute_half_width(1.0, n) == pytest.approx(float(stdtrit(n - 1, 0.975)), rel=0.003)


def test_no_interval_without_two_samples() -> None:
    assert compute_half_width(1.0, 1) is None and compute_half_width(None, 10) is None


def test_only_what_was_scored_like_head_compares_with_it() -> None:
    rows = [
        HistoryRow("d", "4", 4, parents=("c",), head=True),
        HistoryRow("c", "3", 3, parents=("b",), score=3.0, group="new task"),
        HistoryRow("b", "2", 2, parents=("a",), score=9.0, group="old task"),
        HistoryRow("a", "start", 0, score=1.0, group="new task"),
    ]
    same, others = select_comparable(rows)
    assert ([row.label for row in same], others) == (["3", "start"], 1)
    assert select_comparable([rows[0]]) == ([], 0)


def test_a_line_parts_what_does_not_compare() -> None:
    rows = [HistoryRow("b", "2", 2, task_changed=True), HistoryRow("a", "1", 1)]
    assert [row.label for row in insert_task_changes(rows)] == ["2", "", "1"]
    assert "do not compare" in insert_task_changes(rows)[1].subject


def test_what_is_said_of_a_version() -> None:
    row = HistoryRow(
        "a" * 40,
        "7",
        7,
        decision="approved",
        score=14.2,
        stderr=0.5,
        n=4,
        decided_by="you",
        cost=0.0123,
    )
    told = format_details(
        HistoryRow(
            **{name: getattr(row, name) for name in row.__slots__}
            | {"tags": ("one",), "note": "[b]"}
        )
    )
    assert told.split("\n")[0] == "7 approved by you · 14.2 [12.6, 15.8] n4 · $0.0123 · tag one"
    assert told.endswith("note: [b]")


def test_a_start_is_called_one_once() -> None:
    row = HistoryRow(
        "a" * 40, "start", 0, decision="start", score=9.0, n=4, subject="start: pong two-functions"
    )
    told = "".join(text for text, _ in format_row(row, "*", 1, ASCII, 100))
    assert told.count("start") == 1 and told.endswith("pong two-functions")
    assert format_details(row).split("\n")[0] == "start · 9 n4"


def test_work_beside_the_steps_is_counted_and_what_hunks_are_worth_is_kept() -> None:
    asides = SideJobTracker()

    def event(kind: str, step: int = 0, **data: object) -> None:
        asides.apply(Event(1, "", step, kind, data))

    asides.add("t", "hunks")
    event("aside_started", token="t", what="hunks", size=2)
    event("rollout_finished", step=3)
    assert asides.jobs["t"].done == 0
    event("rollout_finished")
    assert (asides.jobs["t"].done, asides.jobs["t"].data) == (1, None)
    event(
        "aside_finished",
        token="t",
        error="",
        hunks={"base_tree": "a", "tree": "b", "hunks": [{"hunk": 1, "worth": 2.0}]},
    )
    assert asides.jobs["t"].data and asides.get_hunk_worth("a", "b") == {
        1: {"hunk": 1, "worth": 2.0}
    }
    assert not asides.get_hunk_worth("b", "a")


def test_an_edit_by_hand_counts_once_it_has_lasted(session: Path) -> None:
    watch = SessionWatcher(session)
    with Repository.open(session) as repository:
        repository.recover()
        watch.scan(repository)
        watch.scan(repository)
        assert not watch.changes.edited and not watch.changes.git_change
        (session / "artifact" / "policy.py").write_text(START["policy.py"])
        watch.scan(repository)
        assert not watch.changes.edited
        watch.scan(repository)
        assert watch.changes.edited == ("policy.py",)
        (session / "artifact" / "policy.py").write_text(BETTER["policy.py"])
        watch.scan(repository)
        watch.scan(repository)
        assert not watch.changes.edited
