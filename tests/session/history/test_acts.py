"""Rewind, branch, switch, undo and redo, revive and pick."""

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session.history import acts
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import START, Accept, plain_git, record


def test_rewind_keeps_the_tip_and_undo_brings_it_back(session: Repository, accept: Accept) -> None:
    first = accept(1, "a = 2\n")
    tip = accept(2, "a = 3\n")
    act = acts.rewind(session, "1")
    assert session.head() == first
    assert session.refs.list_refs("refs/genopt/abandoned/") == {
        f"refs/genopt/abandoned/{act.number}": tip
    }
    assert [v.kind for v in session.read_log(all_branches=True) if v.commit == tip] == ["abandoned"]
    acts.undo(session)
    assert session.head() == tip
    assert session.refs.list_refs("refs/genopt/abandoned/") == {}
    acts.redo(session)
    assert session.head() == first
    with pytest.raises(SessionError, match="not an earlier version"):
        acts.rewind(session, "2")


def test_undone_approve_stays_abandoned_and_numbers_go_on(
    session: Repository, accept: Accept
) -> None:
    start = session.head()
    made = accept(1, "a = 2\n")
    act = acts.undo(session)
    assert session.head() == start
    assert session.refs.list_refs("refs/genopt/abandoned/") == {
        f"refs/genopt/abandoned/{act.number}": made
    }
    assert session.next_step() == 2
    with Repository.open(session.path) as again:
        assert again.next_step() == 2


def test_a_new_act_ends_redo(session: Repository, accept: Accept) -> None:
    accept(1, "a = 2\n")
    acts.undo(session)
    accept(2, "a = 3\n")
    with pytest.raises(SessionError, match="nothing to redo"):
        acts.redo(session)
    acts.undo(session)
    with pytest.raises(SessionError, match="nothing to undo"):
        acts.undo(session)


def test_undo_is_a_stack(session: Repository, accept: Accept) -> None:
    heads = [session.head(), *(accept(step, f"a = {step}\n") for step in range(1, 5))]
    seen = []
    for _ in range(4):
        acts.undo(session)
        seen.append(session.head())
    assert seen == heads[3::-1]
    for _ in range(4):
        acts.redo(session)
    assert session.head() == heads[4]
    assert session.refs.list_refs("refs/genopt/abandoned/") == {}


def test_undo_is_refused_where_a_ref_has_moved(session: Repository, accept: Accept) -> None:
    accept(1, "a = 2\n")
    acts.tag(session, "mark", "1")
    plain_git(session, "tag", "-f", "mark", "HEAD~1")
    with pytest.raises(SessionError, match="refs/tags/mark has moved"):
        acts.undo(session)


def test_branch_and_switch(session: Repository, accept: Accept) -> None:
    accept(1, "a = 2\n")
    kept, _ = session.commit_rejected(
        base=session.head(),
        tree=session.write_artifact({"policy.py": "kept\n"}),
        record=record(2, "rejected"),
        subject="s",
        step=2,
    )
    acts.branch(session, "idea", "2a")
    assert session.current_branch() == "main"
    acts.switch(session, "idea")
    assert (session.current_branch(), session.head()) == ("idea", kept)
    assert (session.path / "artifact" / "policy.py").read_text() == "kept\n"
    assert next(v for v in session.read_log() if v.commit == kept).kind == "branch"
    with pytest.raises(SessionError, match="Did you mean"):
        acts.switch(session, "ide")
    acts.undo(session)
    acts.undo(session)
    assert session.current_branch() == "main"
    assert list(session.refs.list_refs("refs/heads/")) == ["refs/heads/main"]


def test_revive_merges_or_shows_the_conflict(session: Repository, accept: Accept) -> None:
    text = START["policy.py"]
    base = session.head()
    for step, edit in ((1, text.replace("c = 3", "c = 30")), (2, text.replace("a = 1", "a = 100"))):
        tree = session.write_artifact({"policy.py": edit})
        session.commit_rejected(
            base=base, tree=tree, record=record(step, "rejected"), subject="s", step=step
        )
    accept(3, text.replace("a = 1", "a = 10"))
    merged = acts.revive(session, "1a")
    assert merged.conflicts == ()
    assert merged.files == {"policy.py": text.replace("a = 1", "a = 10").replace("c = 3", "c = 30")}
    clash = acts.revive(session, "2a")
    assert clash.conflicts == ("policy.py",)
    assert "<<<<<<< head\na = 10\n" in clash.files["policy.py"]
    assert session.read_hand_edit() is None


def test_pick_takes_files_or_hunks(session: Repository, accept: Accept) -> None:
    text = START["policy.py"]
    files = {
        "policy.py": text.replace("a = 1", "a = 10").replace("c = 3", "c = 30"),
        "new.py": "n = 1\n",
    }
    tree = session.write_artifact(files)
    session.commit_rejected(
        base=session.head(), tree=tree, record=record(1, "rejected"), subject="s", step=1
    )
    assert acts.pick(session, "1a", files=["new.py"]).files == {**START, "new.py": "n = 1\n"}
    assert acts.pick(session, "1a").files == files
    with pytest.raises(SessionError, match="has no file"):
        acts.pick(session, "1a", files=["other.py"])


def test_acts_tell_what_happened(session: Repository, accept: Accept) -> None:
    accept(1, "a = 2\n")
    acts.branch(session, "idea")
    acts.undo(session)
    kinds = [act.kind for act in session.acts.walk(session.refs.list_refs()["refs/genopt/acts"])]
    assert kinds == ["undo", "branch", "commit"]
