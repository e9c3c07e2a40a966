"""A session's git repository: versions, records, refs and work tree. One writer: the holder of the `SessionLock`.

Each accepted edit is one commit on the active branch whose tree is `artifact/`, `genopt.toml` and `record.json`; every other
step is a commit under `refs/genopt/rejected/<step>.<candidate>`. Objects and refs go through `ObjectStore` and `Refs`; log,
diff, merge and packing through GitPython, in one `Repo` that lives as long as this object, in one thread.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genopt_tui.errors import SessionError, UsageError
from genopt_tui.session import gitcall, history, message
from genopt_tui.session.actlog import Act, ActLog
from genopt_tui.session.history import Version
from genopt_tui.session.message import Score
from genopt_tui.session.objects import BLOB, TREE, ObjectStore
from genopt_tui.session.refs import ABANDONED, ACTS, HEADS, REJECTED, HeadMoved, Refs, remove_locks
from genopt_tui.session.worktree import ARTIFACT, CHOICES, RECORD, Edited, Followed, WorkTree, safe_path

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices
    from genopt_tui.session.record import Record

PATIENCE = 50  # looks, 20 ms apart, at refs that another process is writing
ATTRIBUTES = b"record.json -diff\n"
CONFIG = """[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
	autocrlf = false
[gc]
	auto = 0
"""


@dataclass(frozen=True, slots=True)
class HandEdit:
    """What a person changed in the work tree: the whole artifact as it would be, and what of it changed.

    `changed` maps file to text, None for a deleted one; `choices` is the text of a changed `genopt.toml`.
    `base` is head. `stale` maps the files that were edited before head moved under them to the text they were made from
    (None: there was none): taking the edit over as it is takes back what head did to them since.
    """

    base: str
    files: Mapping[str, str]
    changed: Mapping[str, str | None]
    choices: str | None
    stale: Mapping[str, str | None]


class Repository:
    """The session at `path`. Reading needs no lock; writing belongs to the holder of the session's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = ObjectStore(path)
        self.refs = Refs(path)
        self.acts = ActLog(self.objects)
        self._work: WorkTree | None = None
        self._repo: Any = None
        self._highest: int | None = None

    @classmethod
    def open(cls, path: Path) -> "Repository":
        """Raises SessionError when `path` holds no session."""
        repository = cls(path.resolve())
        if not (repository.path / ".git" / "HEAD").is_file():
            raise SessionError(f"{path} is no session", "it holds no git repository", "See `genopt ls`")
        return repository

    @classmethod
    def create(
        cls, path: Path, files: Mapping[str, str], toml: str, record: "Record", author: str = ""
    ) -> "Repository":
        """A new session at `path` (which must not exist) whose first commit is the start; it appears whole or not at all."""
        if path.exists():
            raise SessionError(f"{path} exists", advice="Choose another name with --name")
        path.parent.mkdir(parents=True, exist_ok=True)
        building = path.with_name(f".{path.name}.{os.getpid()}")
        shutil.rmtree(building, ignore_errors=True)
        try:
            initialize(building)
            with cls(building) as repository:
                repository._first(files, toml, record, author)
            os.rename(building, path)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return cls.open(path)

    def close(self) -> None:
        """End all git processes of this session."""
        self.objects.close()
        self.refs.close()
        if self._repo is not None:
            self._repo.close()
            self._repo = None

    def __enter__(self) -> "Repository":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what there is

    def head(self) -> str:
        """Commit of the active branch."""
        return self.objects.commit("HEAD").sha

    def branch(self) -> str:
        """Name of the active branch; empty where plain git checked out a bare commit."""
        ref = self.refs.head()
        return ref.removeprefix(HEADS) if ref.startswith(HEADS) else ""

    def tree(self, commit: str) -> str:
        """Id of `artifact/` in a version: the artifact's identity."""
        return self._entry(commit, ARTIFACT)

    def files(self, commit: str) -> dict[str, str]:
        """The artifact of a version: file name to text."""
        return self.objects.texts(self.tree(commit))

    def files_of(self, tree: str) -> dict[str, str]:
        """The artifact with this tree id: file name to text."""
        return self.objects.texts(tree)

    def choices_text(self, commit: str) -> str:
        """`genopt.toml` of a version."""
        return self.objects.get(self._entry(commit, CHOICES), "blob").data.decode("utf-8", "replace")

    def choices(self, commit: str) -> "DesignChoices":
        """The design choices in force in a version. Raises UsageError when they cannot be read."""
        from genopt_tui.config import from_toml

        return from_toml(self.choices_text(commit))

    def record(self, commit: str) -> "Record":
        """The record of a version. Raises SessionError when it has none or it cannot be read."""
        from genopt_tui.session.record import parse

        return parse(self.objects.get(self._entry(commit, RECORD), "blob").data.decode("utf-8", "replace"))

    def reasoning(self, commit: str) -> str:
        """What the commit's message says between subject and trailers."""
        return message.reasoning(self.objects.commit(commit).message)

    def log(self, all: bool = False) -> list[Version]:
        """Versions, newest first: of the active branch, or with `all` of every branch with what was rejected or abandoned."""
        chosen = ["HEAD"]
        if all:
            chosen += ["--branches", "--tags", f"--glob={REJECTED}*", f"--glob={ABANDONED}*"]
        out = self.git(
            "log",
            "-z",
            "--topo-order",
            f"--format={history.FORMAT}",
            "--decorate=full",
            "--decorate-refs=refs/*",
            *chosen,
            "--",
        )
        versions = history.parse_log(out)
        return versions if all else [history.on_branch(version) for version in versions]

    def version(self, commit: str) -> Version:
        """One version as lists show it."""
        args = (
            "-z",
            "-1",
            f"--format={history.FORMAT}",
            "--decorate=full",
            "--decorate-refs=refs/*",
            "--end-of-options",
        )
        return history.parse_log(self.git("log", *args, commit, "--"))[0]

    def next_step(self) -> int:
        """The highest step in git, plus one; the caller takes the higher of this and the journal's."""
        if self._highest is None:
            self._highest = max((version.step or 0 for version in self.log(all=True)), default=0)
        return self._highest + 1

    def best(self, direction: str = "higher") -> Version:
        """The best version by the lower confidence bound among those scored as head's line was; head when none is scored."""
        from genopt_tui.session.best import best

        versions = self.log(all=True)
        chosen = best(versions, self.head(), direction)
        return chosen or self.version(self.head())

    def direction(self) -> Literal["higher", "lower"]:
        """`higher` or `lower`: which scores are better here, by head's record."""
        return self.record(self.head()).direction

    def resolve(self, text: str) -> str:
        """The commit that a person means: head, start, best, a step (`7`, `7b`, `7.1`), branch, tag or commit id.

        Raises SessionError with the nearest name.
        """
        from genopt_tui.session.resolve import resolve

        return resolve(self, text)

    # writing

    @property
    def work(self) -> WorkTree:
        """The work tree; what a killed writer left half done is finished first. Only for the holder of the lock."""
        if self._work is None:
            self._work = WorkTree(self.path, self.objects)
            self.recover()
        return self._work

    def recover(self) -> Act | None:
        """Finish what a killed writer began, then write down as an act what plain git moved meanwhile; returns that act."""
        work = self._work = self._work or WorkTree(self.path, self.objects)
        if work.followed.act:
            remove_locks(self.path, ["HEAD", "index"])
            self._perform(self.acts.read(work.followed.act))
        now, commit = self.refs.head(), self.head()
        if (work.followed.ref, work.followed.at) == (now, commit):
            return None
        refs = self._moved_by_others(work.followed, now, commit)
        act = self._write_down("external", refs, (work.followed.ref, now), step=0, inverts=None)
        kept = {ref: pair for ref, pair in refs.items() if ref != now}
        self.refs.update({**kept, ACTS: (self._value(ACTS), act.commit)})
        work.adopt(commit, now)
        return act

    def write_artifact(self, files: Mapping[str, str]) -> str:
        """Keep an artifact's files durably; returns its tree id. Raises SessionError for a name that is no plain path."""
        tree = self._stage_files(files)
        self.objects.flush()
        return tree

    def commit(
        self,
        *,
        base: str,
        tree: str,
        record: "Record",
        subject: str,
        body: str = "",
        model: str = "",
        choices_text: str | None = None,
        act: str = "commit",
    ) -> str:
        """Make a version on top of `base` and move the active branch to it; an act that can be undone.

        Raises HeadMoved, with nothing changed, when the branch is not at `base` any more.
        """
        branch = self._active()
        if self.head() != base:
            raise HeadMoved("the version was made for another head", f"{base[:7]} is not the head of {branch} any more")
        commit = self._stage(base, tree, record, subject, body, model, choices_text)
        self.move(act, {HEADS + branch: (base, commit)}, step=record.step)
        self._highest = max(self._highest or 0, record.step) if self._highest is not None else None
        return commit

    def keep(
        self,
        *,
        base: str,
        tree: str | None,
        record: "Record",
        subject: str,
        body: str = "",
        model: str = "",
        step: int,
        candidate: int = 0,
    ) -> tuple[str, str]:
        """Keep a proposal that was not taken as a commit on `base`; returns it and its ref. Safe to repeat."""
        ref = f"{REJECTED}{step}.{candidate}"
        commit = self._stage(base, tree or self.tree(base), record, subject, body, model, None)
        self.objects.flush()
        if (found := self._value(ref)) is None:
            found = self._keep_ref(ref, commit)
        self._highest = max(self._highest, step) if self._highest is not None else None
        return found, ref

    def _keep_ref(self, ref: str, commit: str) -> str:
        """Create a ref that only we write; what a killed writer's git process made of it a moment ago counts."""
        remove_locks(self.path, [ref])
        try:
            self.refs.update({ref: (None, commit)})
        except HeadMoved:
            found = self._value(ref)
            if found is None:
                raise
            return found
        return commit

    def move(
        self,
        kind: str,
        changes: Mapping[str, tuple[str | None, str | None]],
        *,
        head: str = "",
        step: int = 0,
        inverts: Act | None = None,
    ) -> Act:
        """One act on history: move refs together (and HEAD to the ref `head`), write it down, let the work tree follow."""
        work, now = self.work, self.refs.head()
        if self.recover() is not None and HEADS + self.branch() in changes:
            raise HeadMoved("plain git moved the head meanwhile", advice="Look at it and decide again")
        for ref, (old, _) in changes.items():
            if self._value(ref) != old:
                raise HeadMoved(
                    "the session's history moved meanwhile", f"{ref} is not what it was", "Look at it and decide again"
                )
        act = self._write_down(kind, changes, (now, head or now), step=step, inverts=inverts)
        work.announce(act.commit)
        if not self._perform(act):
            raise HeadMoved("plain git moved the head meanwhile", advice="Look at it and decide again")
        return act

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` was made from `old`, however far back."""
        return self.git("rev-list", "-n", "1", f"^{new}", old, "--") == b""

    def next_abandoned(self) -> str:
        """The ref under which the next act keeps a tip that it leaves behind."""
        last = self._value(ACTS)
        return f"{ABANDONED}{self.acts.read(last).number + 1 if last else 1}"

    def hand_edit(self) -> HandEdit | None:
        """What a person changed in the work tree since it was last put to head; None when nothing."""
        work = WorkTree(self.path, self.objects) if self._work is None else self._work
        head = self.head()
        edits = work.edits(head)
        if not edits:
            return None
        return self._hand_edit(head, edits, work.followed.base)

    def git(self, *args: str, ok: Sequence[int] = (0,), data: bytes | None = None) -> bytes:
        """Standard output of a high-level git command, through GitPython. Raises SessionError."""
        import tempfile

        from git import Repo

        if self._repo is None:
            self._repo = Repo(self.path)
            self._repo.git.update_environment(**gitcall.environment(self.path))
        with tempfile.TemporaryFile() as stdin:
            stdin.write(data or b"")
            stdin.seek(0)
            code, out, stderr = self._repo.git.execute(
                ["git", *args],
                istream=stdin,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
            )
        if code not in ok:
            raise gitcall.failure(args, stderr.encode() if isinstance(stderr, str) else stderr)
        return bytes(out)

    def diff(self, old: str, new: str, paths: Sequence[str] = (ARTIFACT, CHOICES)) -> str:
        """Unified diff of two versions as git prints it, of the artifact and the design choices."""
        args = ("--no-ext-diff", "--no-textconv", "--no-color", "--end-of-options")
        return self.git("diff", *args, old, new, "--", *paths).decode("utf-8", "replace")

    def pack(self) -> None:
        """Pack objects and refs: when idle, never in a step. Nothing is pruned."""
        self.git("repack", "-a", "-d", "-q", "--keep-unreachable")
        self.git("pack-refs", "--all")

    # inside

    def _active(self) -> str:
        branch = self.branch()
        if not branch:
            raise SessionError(
                "no branch is checked out in the session",
                "plain git detached its head",
                "Choose one with `genopt switch`",
            )
        return branch

    def _entry(self, commit: str, name: str) -> str:
        entries = self.objects.entries(self.objects.commit(commit).tree)
        if name not in entries:
            raise SessionError(f"{commit[:7]} has no {name}", "it was not made by genopt")
        return entries[name][1]

    def _stage_files(self, files: Mapping[str, str]) -> str:
        blobs = {}
        for name, text in files.items():
            try:
                blobs[safe_path(name)] = self.objects.write_blob(text.encode())
            except UnicodeEncodeError as error:
                raise UsageError(f"{name} is not Unicode text", str(error.reason)) from error
        if not blobs:
            raise SessionError("an artifact needs at least one file")
        return self.objects.write_files(blobs)

    def _stage(
        self, base: str, tree: str, record: "Record", subject: str, body: str, model: str, choices_text: str | None
    ) -> str:
        entries = dict(self.objects.entries(self.objects.commit(base).tree))
        entries[ARTIFACT] = (TREE, tree)
        entries[RECORD] = (BLOB, self.objects.write_blob(record_bytes(record)))
        if choices_text is not None:
            entries[CHOICES] = (BLOB, self.objects.write_blob(choices_text.encode()))
        text = message.compose(f"step {record.step}: {subject}", body, trailers_of(record, model))
        root = self.objects.write_tree(entries)
        return self.objects.write_commit(root, [base], message.author(model), text, int(time.time()))

    def _first(self, files: Mapping[str, str], toml: str, record: "Record", author: str) -> None:
        entries = {
            ARTIFACT: (TREE, self._stage_files(files)),
            CHOICES: (BLOB, self.objects.write_blob(toml.encode())),
            RECORD: (BLOB, self.objects.write_blob(record_bytes(record))),
            ".gitattributes": (BLOB, self.objects.write_blob(ATTRIBUTES)),
        }
        by = message.author(author) if author else "{} <{}>".format(*gitcall.identity())
        subject = f"start: {record.task}" if record.task else "start"
        text = message.compose(subject, "", trailers_of(record, author))
        commit = self.objects.write_commit(self.objects.write_tree(entries), [], by, text, int(time.time()))
        self.objects.flush()
        self.refs.update({HEADS + "main": (None, commit)})
        WorkTree(self.path, self.objects).follow(commit, HEADS + "main")

    def _write_down(
        self,
        kind: str,
        refs: Mapping[str, tuple[str | None, str | None]],
        head: tuple[str, str],
        *,
        step: int,
        inverts: Act | None,
    ) -> Act:
        act = self.acts.stage(self._value(ACTS), kind, refs, head, step=step, inverts=inverts)
        self.objects.flush()
        return act

    def _perform(self, act: Act) -> bool:
        """Do an announced act; done again after a kill, it does what is missing. False where plain git was faster.

        A killed writer's git process may live a moment longer and do the same: then this looks again.
        """
        for patience in range(PATIENCE, -1, -1):
            changes = self._missing(act)
            if changes is None:
                self.work.announce("")
                return False
            try:
                if changes:
                    self.refs.update(changes)
                break
            except SessionError:
                if not patience:
                    raise
            if patience == PATIENCE // 2:
                remove_locks(self.path, [*act.refs, ACTS, "packed-refs"])
            time.sleep(0.02)
        if self.refs.head() != act.head[1]:
            self.refs.set_head(act.head[1])
        self.work.follow(self.head(), act.head[1])
        return True

    def _missing(self, act: Act) -> dict[str, tuple[str | None, str | None]] | None:
        """What of an act's changes is still to be made; None where a ref is neither what it was nor what it should become."""
        last = self._value(ACTS)
        missing: dict[str, tuple[str | None, str | None]] = {}
        if last != act.commit:
            missing[ACTS] = (last, act.commit)
        for ref, (old, new) in act.refs.items():
            value = self._value(ref)
            if value != new:
                if value != old:
                    return None
                missing[ref] = (old, new)
        return missing

    def _moved_by_others(self, followed: Followed, ref: str, commit: str) -> dict[str, tuple[str | None, str | None]]:
        """What plain git did to the branch that is followed; a tip that it left behind is kept as abandoned."""
        if ref != followed.ref or not followed.at:
            return {}
        moved: dict[str, tuple[str | None, str | None]] = {ref: (followed.at, commit)}
        if not self.is_ancestor(followed.at, commit):
            moved[self.next_abandoned()] = (None, followed.at)
        return moved

    def _hand_edit(self, head: str, edits: Sequence[Edited], bases: Mapping[str, str | None]) -> HandEdit:
        files, choices = self.files(head), None
        changed: dict[str, str | None] = {}
        stale: dict[str, str | None] = {}
        for edit in edits:
            name = edit.file.removeprefix(f"{ARTIFACT}/")
            if edit.file in bases:
                stale[name] = self.objects.get(edit.base, "blob").data.decode("utf-8", "replace") if edit.base else None
            if edit.file == CHOICES:
                choices = edit.text
                continue
            changed[name] = edit.text
            files.pop(name, None)
            if edit.text is not None:
                files[name] = edit.text
        return HandEdit(head, files, changed, choices, stale)

    def _value(self, ref: str) -> str | None:
        found = self.objects.read(ref)
        return found.sha if found else None


def initialize(path: Path) -> None:
    """An empty repository with our own configuration, no hooks and no templates."""
    path.mkdir(mode=0o700, parents=True)
    gitcall.run(["init", "-q", "--template=", "--initial-branch=main", "--object-format=sha1", str(path)])
    folder = path / ".git"
    (folder / "config").write_text(CONFIG, encoding="utf-8")
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info" / "exclude").write_text("/.genopt/\n", encoding="utf-8")
    (folder / "genopt").mkdir(mode=0o700, exist_ok=True)


def record_bytes(record: "Record") -> bytes:
    """`record.json`: one JSON document, characters that UTF-8 cannot hold replaced."""
    return (json.dumps(record.model_dump(), ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def trailers_of(record: "Record", model: str) -> dict[str, str]:
    """The trailers that say what lists show of a record."""
    scores = record.scores
    lines = {"Genopt-Step": str(record.step)}
    if record.candidate:
        lines["Genopt-Candidate"] = str(record.candidate)
    lines["Genopt-Decision"] = record.decision.decision
    if scores.mean is not None:
        lines["Genopt-Score"] = str(Score(scores.mean, scores.n, scores.stderr, scores.base_mean, scores.verdict))
        lines["Genopt-Task"] = f"{record.fingerprint or '?'} gate={history.gate_set(scores.rows)}"
    if model:
        lines["Genopt-Model"] = model
    if "cost" in record.usage:
        lines["Genopt-Cost"] = message.cost(record.usage["cost"])
    return lines


def nearest(text: str, known: Sequence[str]) -> str:
    """Advice that names the nearest of the known names."""
    close = get_close_matches(text, known, 1, 0.4)
    return f"Did you mean {close[0]}?" if close else "See `genopt log --all`"


__all__ = ["HandEdit", "HeadMoved", "Repository", "Version", "initialize"]
