"""Looking through the history: which step made a line, and where something was said or changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from genopt_tui.errors import SessionError
from genopt_tui.session.git.refs import TRIED_REVISIONS
from genopt_tui.session.git.worktree import ARTIFACT, CHOICES, safe_path
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.versions import Version

MatchField = Literal["subject", "reasoning", "diff"]
BLAME_HEADER = re.compile(rb"([0-9a-f]{40}) (\d+) (\d+)(?: \d+)?")


@dataclass(frozen=True, slots=True)
class BlameLine:
    """One line of a file (number from 1) and the version that made it what it is."""

    number: int
    text: str
    version: Version


@dataclass(frozen=True, slots=True)
class SearchMatch:
    """A version in which the text was found, where, and the first line of it there."""

    version: Version
    where: MatchField
    line: str


def blame(repository: HistoryReader, commit: str, file: str) -> list[BlameLine]:
    """Each line of an artifact's file with the version that introduced it. Raises SessionError when
    there is no such file."""
    if file not in repository.objects.list_files(repository.artifact_tree(commit)):
        names = ", ".join(sorted(repository.objects.list_files(repository.artifact_tree(commit))))
        raise SessionError(f"{commit[:7]} has no file '{file}'", advice=f"It has: {names}")
    out = repository.run_git(
        "blame", "--porcelain", "--no-textconv", commit, "--", f"{ARTIFACT}/{safe_path(file)}"
    )
    lines: list[tuple[str, int, str]] = []
    at, number = "", 0
    for row in out.split(b"\n"):
        if row.startswith(b"\t"):
            lines.append((at, number, row[1:].decode("utf-8", "replace")))
        elif match := BLAME_HEADER.fullmatch(row):
            at, number = match[1].decode(), int(match[3])
    names_ = sorted({sha for sha, _, _ in lines})
    known = (
        {v.commit: v for v in repository.run_log("--no-walk=unsorted", *names_)} if names_ else {}
    )
    return [BlameLine(number, text, known[sha]) for sha, number, text in lines]


def search_history(repository: HistoryReader, text: str) -> Iterator[SearchMatch]:
    """Versions, the newest first, in whose subject, reasoning or diff `text` stands (case counts
    only where it has capitals)."""
    if not text:
        return
    fold = text == text.lower()

    def holds(where: str) -> str | None:
        lines = (line for line in where.split("\n") if text in (line.lower() if fold else line))
        return next(lines, None)

    versions = repository.read_log(all_branches=True)
    diffs = _find_changed(repository, text, fold)
    for version in versions:
        if (line := holds(version.subject)) is not None:
            yield SearchMatch(version, "subject", line)
        elif (line := holds(repository.read_reasoning(version.commit))) is not None:
            yield SearchMatch(version, "reasoning", line)
        elif (
            version.commit in diffs
            and (line := holds(_read_edit_lines(repository, version))) is not None
        ):
            yield SearchMatch(version, "diff", line)


def _find_changed(repository: HistoryReader, text: str, fold: bool) -> set[str]:
    """Commits whose diff has a line with the text, by git's own search; the start, which has no
    diff, is left out."""
    how = ["--regexp-ignore-case"] if fold else []
    how += ["--format=%H", "--min-parents=1", "--no-textconv", "--no-ext-diff"]
    where = ["--", f"{ARTIFACT}/", CHOICES]
    out = repository.run_git("log", f"-G{re.escape(text)}", *how, *TRIED_REVISIONS, *where)
    return set(out.decode().split())


def _read_edit_lines(repository: HistoryReader, version: Version) -> str:
    """The lines that a version added or removed."""
    lines = repository.diff(version.parent, version.commit).split("\n")
    return "\n".join(
        line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))
    )
