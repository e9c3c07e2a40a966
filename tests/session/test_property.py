"""Random sequences of acts: nothing gets lost, the work tree is head and the open hand edit, undo
restores."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from genopt_tui.errors import SessionError
from genopt_tui.session.history import acts
from genopt_tui.session.history.notes import read_notes, write_note
from genopt_tui.session.history.record import Record
from genopt_tui.session.history.repository import Repository
from tests.session.conftest import START, TOML, plain_git, record

LINES = st.sampled_from([0, 4, 8])
WORDS = st.text("xyz", min_size=1, max_size=3)


class Acts(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.made: set[str] = set()
        self.replies: dict[str, str] = {}
        self.step, self.branches = 0, 0
        self.notes: dict[str, str] = {}

    @initialize()
    def start(self) -> None:
        self.session = Repository.create(self.folder / "toy", START, TOML, record(0, "start", 1.0))
        self.made = {self.session.head()}

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()
        shutil.rmtree(self.folder)

    def edited(self, line: int, word: str) -> dict[str, str]:
        files = self.session.read_artifact(self.session.head())
        lines = files["policy.py"].split("\n")
        lines[min(line, len(lines) - 1)] = f"{word} = {self.step}"
        return {**files, "policy.py": "\n".join(lines)}

    def commit(
        self, files: dict[str, str], decision: str = "gate", choices: str | None = None
    ) -> None:
        self.step += 1
        tree = self.session.stage_artifact(files)
        kept = self.told(decision, float(self.step))
        made = self.session.commit(
            base=self.session.head(),
            tree=tree,
            record=kept,
            subject="s",
            model="m",
            choices_text=choices,
        )
        self.made.add(made)
        self.replies[made] = kept.reply

    def told(self, decision: str, score: float | None = None) -> Record:
        """The record of a step, with a reply of its own."""
        return record(self.step, decision, score).model_copy(
            update={"reply": f"reply {self.step}: ü\n"}
        )

    @rule(line=LINES, word=WORDS)
    def approve(self, line: int, word: str) -> None:
        self.session.recover()
        self.commit(self.edited(line, word))

    @rule(size=st.integers(1, 9))
    def change_design(self, size: int) -> None:
        """Undone and redone like any act; where a person has edited the file, that stays an
        edit."""
        self.session.recover()
        self.commit(
            self.session.read_artifact(self.session.head()),
            "design",
            f"{TOML}\n[batch]\nsize = {size}\n",
        )

    @rule(line=LINES, word=WORDS)
    def reject(self, line: int, word: str) -> None:
        self.session.recover()
        self.keep("rejected", self.session.head(), self.edited(line, word))

    @rule(line=LINES, word=WORDS, back=st.integers(1, 3))
    def supersede(self, line: int, word: str, back: int) -> None:
        """The head moves while a step is in flight: what it has belongs to the version that it was
        made for."""
        self.session.recover()
        base, files = self.session.head(), self.edited(line, word)
        self.rewind(back)
        self.keep("superseded", base, files)

    def keep(self, decision: str, base: str, files: dict[str, str]) -> None:
        self.step += 1
        tree = self.session.stage_artifact(files)
        kept = self.told(decision)
        made, _ = self.session.commit_rejected(
            base=base, tree=tree, record=kept, subject="s", step=self.step
        )
        self.made.add(made)
        self.replies[made] = kept.reply

    @rule(back=st.integers(1, 3))
    def rewind(self, back: int) -> None:
        line = self.session.read_log()
        if len(line) > back:
            acts.rewind(self.session, line[back].commit)

    @rule(which=st.integers(0, 50))
    def branch(self, which: int) -> None:
        versions = self.session.read_log(all_branches=True)
        self.branches += 1
        acts.branch(self.session, f"try-{self.branches}", versions[which % len(versions)].commit)

    @rule(which=st.integers(0, 50))
    def switch(self, which: int) -> None:
        names = [
            ref.removeprefix("refs/heads/") for ref in self.session.refs.list_refs("refs/heads/")
        ]
        others = sorted(set(names) - {self.session.current_branch()})
        if others:
            acts.switch(self.session, others[which % len(others)])

    @rule(which=st.integers(0, 50))
    def revive(self, which: int) -> None:
        self.session.recover()
        kept = [
            version
            for version in self.session.read_log(all_branches=True)
            if version.kind != "branch"
        ]
        if kept:
            applied = acts.revive(self.session, kept[which % len(kept)].commit)
            if applied.changed and not applied.conflicts:
                self.commit(dict(applied.files), "approved")

    @rule()
    def undo(self) -> None:
        if acts.find_undoable(self.session) is None:
            return
        self.session.recover()
        before = self.refs()
        acts.undo(self.session)
        after = self.refs()
        acts.redo(self.session)
        assert self.refs() == before, "redo brings back what undo took"
        acts.undo(self.session)
        assert self.refs() == after

    @rule()
    def redo(self) -> None:
        self.session.recover()
        if acts.find_redoable(self.session) is not None:
            acts.redo(self.session)

    @rule(text=WORDS, file=st.sampled_from(["policy.py", "new.py"]))
    def edit_by_hand(self, text: str, file: str) -> None:
        self.session.recover()
        (self.session.path / "artifact" / file).write_text(f"{text} = 'by hand'\n")

    @rule()
    def accept_edits(self) -> None:
        self.session.recover()
        if self.session.read_hand_edit() is not None:
            self.step += 1
            self.made.add(acts.accept_edits(self.session, self.step))

    @rule(text=WORDS)
    def commit_by_plain_git(self, text: str) -> None:
        (self.session.path / "artifact" / "policy.py").write_text(f"{text} = 'plain git'\n")
        plain_git(self.session, "add", "artifact")
        plain_git(self.session, "commit", "-q", "--allow-empty", "-m", text)
        self.made.add(self.session.head())

    @precondition(lambda self: len(self.session.read_log()) > 1)
    @rule()
    def reset_by_plain_git(self) -> None:
        self.session.recover()
        plain_git(self.session, "reset", "-q", "--hard", "HEAD~1")

    @rule(which=st.integers(0, 50), name=st.sampled_from(["good", "odd"]))
    def tag(self, which: int, name: str) -> None:
        versions = self.session.read_log(all_branches=True)
        acts.tag(self.session, name, versions[which % len(versions)].commit)

    @rule(which=st.integers(0, 50), text=WORDS)
    def note(self, which: int, text: str) -> None:
        version = self.session.read_log(all_branches=True)[
            which % len(self.session.read_log(all_branches=True))
        ]
        write_note(self.session, version.commit, text)
        self.notes[version.commit] = f"{text}\n"

    @rule(which=st.integers(0, 50), file=st.sampled_from(["policy.py", "new.py"]))
    def pick(self, which: int, file: str) -> None:
        self.session.recover()
        having = [
            v
            for v in self.session.read_log(all_branches=True)
            if v.parents and file in self.session.read_artifact(v.commit)
        ]
        if having:
            applied = acts.pick(self.session, having[which % len(having)].commit, files=[file])
            if applied.changed and not applied.conflicts:
                self.commit(dict(applied.files), "approved")

    @rule(which=st.integers(0, 50))
    def pick_a_hunk(self, which: int) -> None:
        self.session.recover()
        having = [
            v
            for v in self.session.read_log(all_branches=True)
            if v.parents and self.changes(v.commit)
        ]
        if having:
            applied = acts.pick(self.session, having[which % len(having)].commit, hunks=[1])
            if applied.changed and not applied.conflicts:
                self.commit(dict(applied.files), "approved")

    def changes(self, commit: str) -> bool:
        """Whether a version changed its artifact."""
        return self.session.artifact_tree(commit) != self.session.artifact_tree(
            self.session.objects.read_commit(commit).parents[0]
        )

    @rule(which=st.integers(0, 50))
    def revive_a_conflict(self, which: int) -> None:
        """An edit that does not fit waits in the work tree for a person, unless another one is open
        there."""
        self.session.recover()
        kept = [
            version
            for version in self.session.read_log(all_branches=True)
            if version.kind != "branch"
        ]
        if kept:
            applied = acts.revive(self.session, kept[which % len(kept)].commit)
            if applied.conflicts and self.session.read_hand_edit() is None:
                acts.write_conflicts(self.session, applied)
                edit = self.session.read_hand_edit()
                assert edit is not None and set(edit.changed) == set(applied.changed)

    @rule(which=st.integers(0, 50))
    def branch_by_plain_git(self, which: int) -> None:
        versions = self.session.read_log(all_branches=True)
        self.branches += 1
        plain_git(
            self.session, "branch", f"own-{self.branches}", versions[which % len(versions)].commit
        )

    @rule(which=st.integers(0, 50))
    def switch_by_plain_git(self, which: int) -> None:
        """Only where nothing is edited: git itself refuses the rest."""
        self.session.recover()
        names = [
            ref.removeprefix("refs/heads/") for ref in self.session.refs.list_refs("refs/heads/")
        ]
        others = sorted(set(names) - {self.session.current_branch()})
        if others and self.session.read_hand_edit() is None:
            plain_git(self.session, "switch", "-q", others[which % len(others)])

    @rule()
    def delete_by_hand(self) -> None:
        self.session.recover()
        (self.session.path / "artifact" / "new.py").unlink(missing_ok=True)

    @rule()
    def pack(self) -> None:
        self.session.pack()

    @rule()
    def undo_everything(self) -> None:
        """However far back: undo after undo, then redo after redo, and all is as it was."""
        self.session.recover()
        before, count = self.refs(), 0
        try:
            while acts.find_undoable(self.session) is not None:
                acts.undo(self.session)
                count += 1
        except SessionError as refused:
            assert str(refused)
        for _ in range(count):
            acts.redo(self.session)
        assert self.refs() == before

    def refs(self) -> dict[str, str]:
        return {
            k: v for k, v in self.session.refs.list_refs().items() if k != "refs/genopt/acts"
        } | {"HEAD": self.session.refs.read_head()}

    @invariant()
    def nothing_is_lost(self) -> None:
        if self.made:
            self.session.recover()
            reachable = set(plain_git(self.session, "rev-list", "--all").split())
            assert self.made <= reachable
            for commit in self.made:
                assert (
                    self.session.read_version(commit).step is None
                    or self.session.read_record(commit).step <= self.step
                )
            for commit, reply in self.replies.items():
                assert self.session.read_record(commit).reply == reply

    @invariant()
    def git_finds_nothing_wrong(self) -> None:
        if self.made:
            assert plain_git(self.session, "fsck", "--full", "--strict", "--no-dangling") == ""

    @invariant()
    def what_is_kept_in_memory_is_what_git_says(self) -> None:
        if not self.made:
            return
        self.session.recover()
        with Repository.open(self.session.path) as fresh:
            versions = fresh.read_log(all_branches=True)
            assert {v.commit for v in self.session.read_step_versions()} == {
                v.commit for v in versions if v.step
            }
            assert (
                fresh.next_step()
                == self.session.next_step()
                == max(v.step or 0 for v in versions) + 1
            )
            kept = fresh.find_best().commit
            (fresh.path / ".git" / "genopt" / "best.json").unlink()
            assert fresh.find_best().commit == kept
            assert read_notes(fresh) == self.notes

    @invariant()
    def work_tree_is_head_and_hand_edit(self) -> None:
        if not self.made:
            return
        root = self.session.path / "artifact"
        there = {
            p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()
        }
        edit = self.session.read_hand_edit()
        assert there == (
            dict(edit.files) if edit else self.session.read_artifact(self.session.head())
        )
        status = plain_git(
            self.session, "status", "--porcelain", "--untracked-files=all"
        ).splitlines()
        touched = {line[3:].removeprefix("artifact/") for line in status}
        assert touched == (set(edit.changed) if edit else set())


Acts.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=18,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestActs = Acts.TestCase


def test_refusals_change_nothing(session: Repository) -> None:
    before = session.refs.list_refs()
    for act in (
        acts.undo,
        acts.redo,
        lambda s: acts.switch(s, "none"),
        lambda s: acts.rewind(s, "head"),
    ):
        try:
            act(session)
        except SessionError as error:
            assert str(error)
        else:
            raise AssertionError("it should be refused")
    assert session.refs.list_refs() == before
