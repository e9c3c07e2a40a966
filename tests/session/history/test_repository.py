"""Versions, records, refs and the log, read back by git itself."""

import json
import threading
from pathlib import Path

import pytest

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.session.git.cli import FALLBACK_IDENTITY, read_identity
from genopt_tui.session.git.refs import HeadMoved
from genopt_tui.session.history import acts
from genopt_tui.session.history.repository import Repository
from genopt_tui.session.summary import head_summary
from tests.session.conftest import START, TOML, Accept, plain_git, record


def test_start_is_a_plain_git_repository(session: Repository) -> None:
    names = plain_git(session, "ls-tree", "-r", "--name-only", "HEAD").split()
    assert names == [".gitattributes", "artifact/policy.py", "genopt.toml", "record.json"]
    assert json.loads(plain_git(session, "show", "HEAD:record.json"))["format"] == 1
    assert plain_git(session, "status", "--porcelain") == ""
    assert (session.path / "artifact" / "policy.py").read_text() == START["policy.py"]
    assert (session.path.stat().st_mode & 0o777) == 0o700
    assert session.read_choices(session.head()).start == "small"


def test_accepted_edit_is_one_commit_with_trailers(session: Repository, accept: Accept) -> None:
    start = session.head()
    commit = accept(7, "a = 2\n", 14.2)
    assert plain_git(session, "log", "--format=%H %P", "-1").split() == [commit, start]
    assert plain_git(session, "log", "-1", "--format=%s") == "step 7: try 7\n"
    trailers = plain_git(session, "log", "-1", "--format=%(trailers:only)").split("\n")
    assert "Genopt-Step: 7" in trailers
    assert "Genopt-Score: 14.2 n=2 se=0.5 base=0 verdict=better" in trailers
    assert "Genopt-Cost: $0.0123" in trailers
    assert (session.path / "artifact" / "policy.py").read_text() == "a = 2\n"
    version = session.read_log()[0]
    assert (version.step, version.score, version.n, version.stderr, version.verdict) == (
        7,
        14.2,
        2,
        0.5,
        "better",
    )
    assert (version.cost, version.model, version.branches, version.name) == (
        0.0123,
        "m",
        ("main",),
        "7",
    )
    assert session.read_record(commit).scores.mean == 14.2
    assert session.read_reasoning(commit) == "because"
    assert session.next_step() == 8


def test_kept_proposal_is_reachable_and_kept_once(session: Repository) -> None:
    tree = session.write_artifact({"policy.py": "a = 9\n"})
    kept = [
        session.commit_rejected(
            base=session.head(),
            tree=tree,
            record=record(3, "rejected", candidate=1),
            subject="no",
            step=3,
            candidate=1,
        )
        for _ in range(2)
    ]
    assert kept[0] == kept[1]
    assert kept[0][1] == "refs/genopt/rejected/3.1"
    assert session.read_artifact(kept[0][0]) == {"policy.py": "a = 9\n"}
    version = session.read_log(all_branches=True)[0]
    assert (version.kind, version.name, version.decision) == ("rejected", "3b", "rejected")
    assert [v.kind for v in session.read_log()] == ["branch"]
    refused, _ = session.commit_rejected(
        base=session.head(), tree=None, record=record(4, "refused"), subject="no", step=4
    )
    assert session.artifact_tree(refused) == session.artifact_tree(session.head())


def test_commit_on_another_head_changes_nothing(session: Repository, accept: Accept) -> None:
    start = session.head()
    head = accept(1, "a = 2\n")
    refs = session.refs.list_refs()
    tree = session.write_artifact({"policy.py": "a = 3\n"})
    with pytest.raises(HeadMoved):
        session.commit(base=start, tree=tree, record=record(2), subject="late")
    assert session.refs.list_refs() == refs
    assert session.head() == head


def test_ref_moved_between_look_and_swap_is_refused(session: Repository, accept: Accept) -> None:
    with pytest.raises(HeadMoved):
        session.refs.update({"refs/heads/main": ("1" * 40, session.head())})
    accept(1, "a = 2\n")
    assert plain_git(session, "rev-list", "--count", "HEAD") == "2\n"


@pytest.mark.parametrize(
    "text",
    [
        "evil\n\nGenopt-Step: 99",
        "x\nGenopt-Decision: approved\n",
        "\x1b[31mred\x07 \x00 \u2028Genopt-Step: 99",
        "",
        "-rf --all",
    ],
)
def test_text_of_a_model_adds_no_trailer_and_no_control(session: Repository, text: str) -> None:
    tree = session.write_artifact({"policy.py": "a = 2\n"})
    session.commit(
        base=session.head(),
        tree=tree,
        record=record(1),
        subject=text,
        body=text,
        model=text + " <a@b>\n>",
    )
    raw = plain_git(session, "cat-file", "commit", "HEAD")
    assert plain_git(
        session, "log", "-1", "--format=%(trailers:key=Genopt-Step,valueonly)"
    ).split() == ["1"]
    assert all(c.isprintable() or c == "\n" for c in raw)
    assert plain_git(session, "log", "-1", "--format=%ae").endswith("@genopt.invalid\n")
    assert session.read_log()[0].step == 1
    assert plain_git(session, "fsck", "--strict") == ""


@pytest.mark.parametrize(
    "name",
    [
        "../out.py",
        "/etc/x",
        ".git/hooks/pre-commit",
        "a/.GIT/config",
        "a\nb",
        "-rf",
        "a//b",
        "",
        "./a",
        "a\\b",
        ".genopt/lock",
    ],
)
def test_hostile_file_names_are_refused(session: Repository, name: str) -> None:
    with pytest.raises(SessionError):
        session.write_artifact({name: "x"})


def test_text_that_is_not_unicode_is_refused_or_replaced(session: Repository) -> None:
    with pytest.raises(UsageError):
        session.write_artifact({"a.py": "\ud800"})
    tree = session.write_artifact({"a.py": "x"})
    kept = record(1, reply="half a pair: \ud800")
    session.commit(
        base=session.head(), tree=tree, record=kept, subject="\ud800", body="\ud800", model="\ud800"
    )
    assert session.read_record(session.head()).reply == "half a pair: ?"


def test_files_are_never_written_through_links(
    session: Repository, accept: Accept, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (session.path / "artifact" / "policy.py").unlink()
    (session.path / "artifact").rmdir()
    (session.path / "artifact").symlink_to(outside)
    with pytest.raises(SessionError):
        accept(1, "a = 2\n")
    assert list(outside.iterdir()) == []


def test_session_configuration_and_hooks_run_nothing(
    session: Repository, accept: Accept, tmp_path: Path
) -> None:
    proof = tmp_path / "proof"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {proof}\ncat\n")
    program.chmod(0o755)
    hooks = session.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("reference-transaction", "post-commit", "pre-commit", "post-checkout"):
        (hooks / hook).symlink_to(program)
    config = f"""[core]
    fsmonitor = {program}
    pager = {program}
[diff]
    external = {program}
[diff "x"]
    textconv = {program}
    command = {program}
[filter "x"]
    smudge = {program}
    clean = {program}
[merge "x"]
    driver = {program}
[gpg]
    program = {program}
[commit]
    gpgSign = true
"""
    with (session.path / ".git" / "config").open("a") as file:
        file.write(config)
    (session.path / ".git" / "info" / "attributes").write_text("* diff=x filter=x merge=x\n")
    accept(1, "a = 2\n")
    kept, _ = session.commit_rejected(
        base=session.head(),
        tree=session.write_artifact({"policy.py": "a = 3\n"}),
        record=record(2),
        subject="s",
        step=2,
    )
    acts.revive(session, kept)
    assert "+a = 3" in session.diff("head".upper(), kept)
    session.read_log(all_branches=True)
    acts.undo(session)
    session.pack()
    assert not proof.exists()


def test_committer_is_the_user_or_a_fallback_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for key in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n name = Ada <x>\n email = ada@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    read_identity.cache_clear()
    assert read_identity() == ("Ada x", "ada@example.org")
    config.write_text("")
    read_identity.cache_clear()
    assert read_identity() == FALLBACK_IDENTITY
    with Repository.create(tmp_path / "s", START, TOML, record(0, "start")) as made:
        assert plain_git(made, "log", "-1", "--format=%cn") == "genopt (no git identity set)\n"
    read_identity.cache_clear()


def test_steps_of_other_branches_are_found_without_reading_all_messages(
    session: Repository, accept: Accept
) -> None:
    first, plain = accept(1, "a = 1\n"), session.run_git
    left = accept(2, "a = 2\n")
    acts.rewind(session, "1")
    acts.branch(session, "try", "1")
    acts.switch(session, "try")
    asked: list[str] = []
    session.run_git = lambda *args, **more: asked.extend(args) or plain(*args, **more)  # type: ignore[assignment,func-returns-value]
    assert session.resolve("2") == left
    third = accept(3, "a = 3\n")
    acts.switch(session, "main")
    assert [session.resolve(text) for text in ("1", "2", "3")] == [first, left, third]
    assert not any("--grep" in arg for arg in asked)
    plain_git(session, "update-ref", "refs/heads/own", third)
    (session.path / ".git" / "genopt" / "steps.json").write_text("half of")
    assert session.resolve("3") == third


def test_resolve_knows_what_people_write(session: Repository, accept: Accept) -> None:
    start = session.head()
    first, second = accept(1, "a = 2\n", 5.0), accept(2, "a = 3\n", 3.0)
    kept, _ = session.commit_rejected(
        base=second,
        tree=None,
        record=record(3, "rejected", candidate=1),
        subject="s",
        step=3,
        candidate=1,
    )
    acts.branch(session, "aim-branch", "1")
    acts.tag(session, "v1", "1")
    meant = {
        "start": start,
        "0": start,
        "1": first,
        "head": second,
        "2": second,
        "3b": kept,
        "3.1": kept,
        "best": first,
    }
    meant |= {"aim-branch": first, "v1": first, first[:8]: first, first: first, "main": second}
    assert {text: session.resolve(text) for text in meant} == meant
    with pytest.raises(SessionError, match="Did you mean aim-branch"):
        session.resolve("aim-brunch")
    for bad in ("", "9", "HEAD~1", ":/step", "refs/heads/main", "--all", "main@{1}", "a\nb"):
        with pytest.raises(SessionError):
            session.resolve(bad)


def test_best_compares_only_what_was_scored_alike(session: Repository, accept: Accept) -> None:
    accept(1, "a = 2\n", 50.0, fingerprint="other")
    second = accept(2, "a = 3\n", 5.0)
    accept(3, "a = 4\n", 4.9)
    assert session.find_best().commit == second
    assert session.find_best("lower").step == 0


def test_names_that_mean_versions_are_no_branches(session: Repository) -> None:
    for name in (
        "7",
        "7b",
        "7.1",
        "best",
        "head",
        "deadbeef",
        "-x",
        "a..b",
        "a b",
        "x.lock",
        "a/",
        ".hidden",
        "@{1}",
    ):
        with pytest.raises(SessionError):
            acts.branch(session, name)
    acts.branch(session, "fine/name-1")
    with pytest.raises(SessionError):
        acts.branch(session, "fine/name-1")
    with pytest.raises(SessionError):
        acts.branch(session, "fine")


def test_head_summary_reads_row_artifact_and_score(session: Repository, accept: Accept) -> None:
    commit = accept(4, "a = 2\n", 3.5)
    seen = head_summary(session.path)
    assert (seen.commit, seen.branch, seen.step, seen.decision) == (commit, "main", 4, "gate")
    assert seen.score is not None and seen.score.mean == 3.5
    assert seen.files == {"policy.py": "a = 2\n"}


def test_objects_belong_to_one_thread(session: Repository) -> None:
    caught: list[BaseException] = []

    def read() -> None:
        try:
            session.objects.read("HEAD")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert caught


def test_packing_loses_nothing_and_goes_on(session: Repository, accept: Accept) -> None:
    for step in range(1, 6):
        accept(step, f"a = {step}\n")
    loose = session.objects.write_blob(b"staged in flight")
    session.objects.flush()
    session.pack()
    assert session.objects.get(loose, "blob").data == b"staged in flight"
    accept(6, "a = 6\n")
    assert len(session.read_log()) == 7
    assert plain_git(session, "fsck", "--full", "--strict", "--no-dangling") == ""


def test_no_process_is_left_after_close(tmp_path: Path) -> None:
    made = Repository.create(tmp_path / "s", START, TOML, record(0, "start"))
    made.read_log()
    made.write_artifact({"a.py": "1"})
    processes = [made.objects._process]
    made.close()
    assert all(process is None or process.poll() is not None for process in processes)


def test_failed_creation_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SessionError):
        Repository.create(tmp_path / "s", {"../x": ""}, TOML, record(0, "start"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SessionError):
        Repository.open(tmp_path)


@pytest.mark.slow
def test_packing_is_due_after_some_hundred_steps_and_keeps_everything(session: Repository) -> None:
    assert not session.pack_if_due()
    kept = [session.write_artifact({"a.py": f"a = {number}\n"}) for number in range(1100)]
    assert session.pack_if_due()
    session.pack_if_due()  # git packs what no ref leads to only beside a pack
    assert not session.pack_if_due()
    assert session.read_artifact_tree(kept[500]) == {"a.py": "a = 500\n"}
    assert session.read_artifact(session.head())
    assert plain_git(session, "fsck", "--full", "--no-dangling") == ""


def test_what_is_staged_can_be_read_before_it_is_durable(session: Repository) -> None:
    files = {"small.py": "a = 1\n", "large.txt": "line\n" * 50_000}
    tree = session.stage_artifact(files)
    assert session.read_artifact_tree(tree) == files


def test_a_reason_is_read_as_the_record_has_it(session: Repository, accept: Accept) -> None:
    commit = accept(1, "a = 2\n")
    assert session.read_reason(commit) == session.read_record(commit).decision.reason
