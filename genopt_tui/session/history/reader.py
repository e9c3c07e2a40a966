"""Reads a session's git repository: versions, records, refs. Reading needs no lock.

Objects and refs go through `ObjectStore` and `Refs`, log and diff through `git` itself.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from genopt_tui.errors import SessionError
from genopt_tui.session.git import cli
from genopt_tui.session.git.objects import ObjectStore
from genopt_tui.session.git.refs import (
    ABANDONED,
    ACTS,
    HEADS,
    REJECTED,
    TAGS,
    TRIED_REVISIONS,
    Refs,
    parse_branch_name,
)
from genopt_tui.session.git.worktree import ARTIFACT, CHOICES, RECORD
from genopt_tui.session.history import message
from genopt_tui.session.history.act_log import ActLog
from genopt_tui.session.history.versions import LOG_FORMAT, Version, mark_on_branch, parse_log

if TYPE_CHECKING:
    from genopt_tui.config import DesignChoices
    from genopt_tui.session.history.record import Record


MAX_CACHED_OUTCOMES = 64


class Outcome(NamedTuple):
    """Why a version was taken or not, its diff, and the diff of what a person declined of it."""

    reason: str
    diff: str
    declined: str


class HistoryReader:
    """The versions of the session at `path`. Use it from one thread, and close it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.objects = ObjectStore(path)
        self.refs = Refs(path, self.objects)
        self.acts = ActLog(self.objects)
        self._highest: int | None = None
        self._choices: dict[str, DesignChoices] = {}
        self._outcomes: dict[str, Outcome] = {}

    def close(self) -> None:
        """End all git processes of this session."""
        self.refs.close()
        self.objects.close()

    def head(self) -> str:
        """Commit of the active branch."""
        return self.resolve_head()[1]

    def resolve_head(self) -> tuple[str, str]:
        """What HEAD names (a ref, or a commit where no branch is checked out), and its commit."""
        ref = self.refs.read_head()
        return ref, self.refs.read(ref) or self.objects.read_commit("HEAD").sha

    def current_branch(self) -> str:
        """Name of the active branch; empty where plain git checked out a bare commit."""
        return parse_branch_name(self.refs.read_head())

    def require_branch(self) -> str:
        """Name of the active branch. Raises SessionError where plain git checked out a bare
        commit."""
        if name := self.current_branch():
            return name
        raise SessionError(
            "no branch is checked out in the session",
            "plain git detached its head",
            "Choose one with `genopt switch` (S on the screen)",
        )

    def artifact_tree(self, commit: str) -> str:
        """Id of `artifact/` in a version: the artifact's identity."""
        return self._find_entry(commit, ARTIFACT)

    def read_artifact(self, commit: str) -> dict[str, str]:
        """The artifact of a version: file name to text."""
        return self.objects.read_texts(self.artifact_tree(commit))

    def read_artifact_tree(self, tree: str) -> dict[str, str]:
        """The artifact with this tree id: file name to text."""
        return self.objects.read_texts(tree)

    def read_choices_text(self, commit: str) -> str:
        """`genopt.toml` of a version."""
        return self.objects.get(self._find_entry(commit, CHOICES), "blob").data.decode(
            "utf-8", "replace"
        )

    def read_choices(self, commit: str) -> "DesignChoices":
        """The design choices of a version. Callers share the object and must not change it. Raises
        UsageError when they cannot be read."""
        blob = self._find_entry(commit, CHOICES)
        if blob not in self._choices:
            from genopt_tui.config import from_toml

            # one entry is enough: steps in a row mostly have the same choices
            self._choices = {blob: from_toml(self.read_choices_text(commit))}
        return self._choices[blob]

    def read_record(self, commit: str) -> "Record":
        """The record of a version. Raises SessionError when it has none or it cannot be read."""
        from genopt_tui.session.history.record import parse_record

        return parse_record(
            self.objects.get(self._find_entry(commit, RECORD), "blob").data.decode(
                "utf-8", "replace"
            )
        )

    def read_reason(self, commit: str) -> str:
        """Why a version was decided as it was; empty where nobody said.

        Reads the record as plain JSON, without the models that `read_record` loads. Raises
        SessionError when the version has no record.
        """
        data = self.objects.get(self._find_entry(commit, RECORD), "blob").data
        try:
            return str(json.loads(data).get("decision", {}).get("reason", ""))
        except (ValueError, AttributeError) as error:
            raise SessionError("record.json of this version is not a record", str(error)) from error

    def read_outcome(self, commit: str) -> Outcome:
        """How a version was decided, from its record; cached."""
        if commit not in self._outcomes:
            self.cache_outcome(commit, self.read_record(commit))
        return self._outcomes[commit]

    def cache_outcome(self, commit: str, record: "Record") -> None:
        """Cache how a version was decided."""
        if len(self._outcomes) >= MAX_CACHED_OUTCOMES:
            self._outcomes.pop(next(iter(self._outcomes)))
        self._outcomes[commit] = Outcome(
            record.decision.reason, record.proposal.diff, record.proposal.declined
        )

    def read_reasoning(self, commit: str) -> str:
        """The text of the commit's message between subject and trailers."""
        return message.parse_reasoning(self.objects.read_commit(commit).message)

    def read_log(self, all_branches: bool = False) -> list[Version]:
        """Versions, newest first: of the active branch, or with `all_branches` of every branch,
        with what was rejected or abandoned."""
        versions = self.run_log("--topo-order", *(TRIED_REVISIONS if all_branches else ["HEAD"]))
        return versions if all_branches else [mark_on_branch(version) for version in versions]

    def run_log(self, *chosen: str) -> list[Version]:
        """The versions that `git log` with these options and revisions names, in its order."""
        how = ("-z", f"--format={LOG_FORMAT}", "--decorate=full", "--decorate-refs=refs/*")
        return parse_log(self.run_git("log", *how, *chosen, "--"))

    def read_version(self, commit: str) -> Version:
        """One version as lists show it."""
        return self.run_log("-1", "--end-of-options", commit)[0]

    def next_step(self) -> int:
        """The highest step in git, plus one; the caller takes the higher of this and the
        journal's."""
        if self._highest is None:
            self._highest = self._find_highest_step()
        return self._highest + 1

    def is_new(self) -> bool:
        """Whether the session has its start and nothing else, without a walk through history."""
        head, named = self.head(), self.refs.list_refs(HEADS, TAGS, REJECTED, ABANDONED)
        return set(named.values()) == {head} and not self.objects.read_commit(head).parents

    def read_direction(self) -> Literal["higher", "lower"]:
        """`higher` or `lower`: which scores are better here, by head's record."""
        return self.read_record(self.head()).direction

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is an ancestor of `new`."""
        return self.run_git("rev-list", "-n", "1", f"^{new}", old, "--") == b""

    def run_git(self, *args: str, ok: Sequence[int] = (0,), data: bytes = b"") -> bytes:
        """Standard output of `git args` in this repository. Raises SessionError."""
        return cli.run_git(args, self.path, ok=ok, data=data)

    def diff(self, old: str, new: str, paths: Sequence[str] = (ARTIFACT, CHOICES)) -> str:
        """Unified diff of two versions as git prints it, of the artifact and the design choices."""
        args = ("--no-ext-diff", "--no-textconv", "--no-color", "--end-of-options")
        return self.run_git("diff", *args, old, new, "--", *paths).decode("utf-8", "replace")

    def _find_highest_step(self) -> int:
        """From the last act (accepted steps) and the names of refs (rejected ones); a clone without
        acts is read whole."""
        last = self.refs.read(ACTS)
        top = self.acts.read(last).top if last else None
        if top is None:
            if self.is_new():
                return 0
            return max(
                (version.step or 0 for version in self.read_log(all_branches=True)), default=0
            )
        kept = (
            ref.removeprefix(REJECTED).partition(".")[0] for ref in self.refs.list_refs(REJECTED)
        )
        return max([top, *(int(step) for step in kept if step.isdigit())])

    def _find_entry(self, commit: str, name: str) -> str:
        entries = self.objects.read_tree(self.objects.read_commit(commit).tree)
        if name not in entries:
            raise SessionError(f"{commit[:7]} has no {name}", "it was not made by genopt")
        return entries[name][1]
