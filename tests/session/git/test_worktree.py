"""Hand edits and plain git beside genopt: noticed, offered, never overwritten."""

import pytest

from genopt_tui.errors import SessionError
from genopt_tui.session.history import acts
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import START, Accept, plain_git


def test_hand_edit_survives_every_move_and_keeps_its_base(
    session: Repository, accept: Accept
) -> None:
    policy = session.path / "artifact" / "policy.py"
    accept(1, "a = 2\n")
    policy.write_text("by hand\n")
    accept(2, "a = 3\n")
    acts.rewind(session, "start")
    edit = session.read_hand_edit()
    assert edit is not None
    assert policy.read_text() == "by hand\n"
    assert (edit.base, edit.changed, edit.stale) == (
        session.head(),
        {"policy.py": "by hand\n"},
        {"policy.py": "a = 2\n"},
    )
    assert plain_git(session, "status", "--porcelain") == " M artifact/policy.py\n"


def test_hand_edit_merges_with_what_head_did_meanwhile(session: Repository, accept: Accept) -> None:
    text = START["policy.py"]
    policy = session.path / "artifact" / "policy.py"
    policy.write_text(text.replace("c = 3", "c = 'by hand'"))
    accept(1, text.replace("a = 1", "a = 10"))
    merged = acts.merge_hand_edit(session)
    assert merged.conflicts == ()
    assert merged.files == {
        "policy.py": text.replace("a = 1", "a = 10").replace("c = 3", "c = 'by hand'")
    }


def test_a_hand_edit_that_does_not_fit_the_new_head_is_marked_in_the_file(
    session: Repository, accept: Accept
) -> None:
    policy = session.path / "artifact" / "policy.py"
    policy.write_text("a = 'by hand'\n")
    accept(1, "a = 10\n")
    for _ in range(2):  # the second time the marks are still there
        with pytest.raises(SessionError, match="holds a conflict"):
            acts.resolve_hand_edit(session)
        assert "a = 10\n" in policy.read_text() and "a = 'by hand'\n" in policy.read_text()
    assert policy.read_text().count("<<<<<<<") == 1
    policy.write_text("a = 11\n")
    assert acts.resolve_hand_edit(session) == {"policy.py": "a = 11\n"}


def test_hand_edit_becomes_a_version(session: Repository) -> None:
    (session.path / "artifact" / "policy.py").write_text("by hand\n")
    (session.path / "artifact" / "sub").mkdir()
    (session.path / "artifact" / "sub" / "new.py").write_text("new\n")
    (session.path / "artifact" / ".policy.py.swp").write_text("editor")
    commit = acts.accept_edits(session, 1)
    assert session.read_artifact(commit) == {"policy.py": "by hand\n", "sub/new.py": "new\n"}
    assert session.read_record(commit).decision.decision == "manual"
    assert session.read_hand_edit() is None
    acts.undo(session)
    assert session.read_artifact(session.head()) == START
    assert not (session.path / "artifact" / "sub").exists()


def test_undoing_a_hand_edit_back_is_no_edit(session: Repository, accept: Accept) -> None:
    policy = session.path / "artifact" / "policy.py"
    policy.write_text("by hand\n")
    accept(1, "a = 2\n")
    policy.write_text(START["policy.py"])
    assert session.read_hand_edit() is None
    accept(2, "a = 3\n")
    assert policy.read_text() == "a = 3\n"


def test_deleting_by_hand_is_an_edit(session: Repository) -> None:
    (session.path / "artifact" / "more.py").write_text("x\n")
    acts.accept_edits(session, 1)
    (session.path / "artifact" / "more.py").unlink()
    edit = session.read_hand_edit()
    assert edit is not None
    assert edit.changed == {"more.py": None}
    assert edit.files == START


def test_design_choices_edited_by_hand(session: Repository) -> None:
    (session.path / "genopt.toml").write_text("start = 'large'\n")
    edit = session.read_hand_edit()
    assert edit is not None
    assert edit.choices == "start = 'large'\n"
    assert session.read_choices(acts.accept_edits(session, 1)).start == "large"


def test_commit_by_plain_git_is_noticed_and_can_be_undone(
    session: Repository, accept: Accept
) -> None:
    accept(1, "a = 2\n")
    (session.path / "artifact" / "policy.py").write_text("plain\n")
    plain_git(session, "commit", "-q", "-am", "by plain git")
    act = session.recover()
    assert act is not None
    assert act.kind == "external"
    newest = session.read_log()[0]
    assert (newest.step, newest.decision, newest.subject) == (None, "manual", "by plain git")
    acts.undo(session)
    assert session.read_log()[0].step == 1
    assert (session.path / "artifact" / "policy.py").read_text() == "a = 2\n"
    acts.redo(session)
    assert session.read_log()[0] == newest


def test_soft_reset_by_plain_git_leaves_the_files_as_a_hand_edit(
    session: Repository, accept: Accept
) -> None:
    left = accept(1, "a = 2\n")
    plain_git(session, "reset", "-q", "--soft", "HEAD~1")
    session.recover()
    edit = session.read_hand_edit()
    assert edit is not None
    assert edit.changed == {"policy.py": "a = 2\n"}
    assert [v.commit for v in session.read_log(all_branches=True) if v.kind == "abandoned"] == [
        left
    ]


def test_branch_checked_out_by_plain_git_is_followed(session: Repository, accept: Accept) -> None:
    accept(1, "a = 2\n")
    plain_git(session, "checkout", "-q", "-b", "other", "HEAD~1")
    session.recover()
    assert session.current_branch() == "other"
    accept(2, "a = 5\n")
    assert plain_git(session, "log", "--format=%s", "other").splitlines()[0] == "step 2: try 2"
    acts.undo(session)
    acts.undo(session)
    assert session.current_branch() == "main"
    assert (session.path / "artifact" / "policy.py").read_text() == "a = 2\n"


def test_staged_files_stay_staged(session: Repository, accept: Accept) -> None:
    (session.path / "artifact" / "new.py").write_text("staged\n")
    plain_git(session, "add", "artifact/new.py")
    accept(1, "a = 2\n")
    assert plain_git(session, "status", "--porcelain") == "A  artifact/new.py\n"


def test_a_hand_edit_that_is_not_utf_8_is_refused_and_stays(session: Repository) -> None:
    head, policy = session.head(), session.path / "artifact" / "policy.py"
    policy.write_bytes(b"name = 'caf\xe9'\n")
    for accept_edit in (acts.merge_hand_edit, acts.resolve_hand_edit):
        with pytest.raises(SessionError, match=r"artifact/policy\.py is not UTF-8 text"):
            accept_edit(session)
    with pytest.raises(SessionError, match="is not UTF-8 text"):
        acts.accept_edits(session, 1)
    assert session.head() == head
    assert policy.read_bytes() == b"name = 'caf\xe9'\n"
    policy.write_text("name = 'caf\u00e9'\n", encoding="utf-8")
    commit = acts.accept_edits(session, 1)
    assert session.read_artifact(commit) == {"policy.py": "name = 'caf\u00e9'\n"}
    assert session.read_hand_edit() is None
