"""What a person means by a version: a word, a step, a branch, a tag or a commit id."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session.git.objects import Commit, parse_commit
from genopt_tui.session.git.refs import ABANDONED, HEADS, REJECTED, TAGS, check_name
from genopt_tui.session.history import message
from genopt_tui.session.history.best import find_best
from genopt_tui.session.history.log_cache import load_log_cache
from genopt_tui.session.history.message import Trailer
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.history.versions import ACCEPTED, Version

STEP = re.compile(r"(\d{1,9})(?:\.(\d{1,3})|([a-z]))?")


def list_accepted(repository: HistoryReader, step: int) -> list[str]:
    """Commits of the accepted versions of a step, the newest first; without those that plain git
    brought since the last act."""
    steps = load_log_cache(repository, "steps.json", "steps", _add_accepted)
    return list(steps.get(str(step), ()))


def _add_accepted(steps: dict[str, Any], versions: Sequence[Version]) -> None:
    for version in reversed(versions):
        if version.step and version.decision in ACCEPTED:
            commits = steps.setdefault(str(version.step), [])
            if version.commit not in commits:
                commits.insert(0, version.commit)


def resolve_version(repository: HistoryReader, text: str) -> str:
    """The commit called `text`. Raises SessionError with the nearest name."""
    text = text.strip()
    found = (
        _resolve_word(repository, text)
        or _resolve_step(repository, text)
        or _resolve_ref(repository, text)
        or _resolve_commit_id(repository, text)
    )
    if found:
        return found
    known = [ref.split("/", 2)[2] for ref in repository.refs.list_refs(HEADS, TAGS)]
    known += [version.name for version in repository.read_log(all_branches=True)[:200]]
    shown = single_line(text)[:60]
    raise SessionError(
        f"no version '{shown}'", advice=suggest_nearest(text, [*known, "head", "start", "best"])
    )


def _resolve_word(repository: HistoryReader, text: str) -> str | None:
    if text in ("head", "HEAD"):
        return repository.head()
    if text == "start":
        return (
            repository.run_git("rev-list", "--max-parents=0", "--first-parent", "HEAD")
            .decode()
            .split()[-1]
        )
    if text == "best":
        found = find_best(repository, repository.read_direction())
        return found.commit if found else repository.head()
    return None


def _resolve_step(repository: HistoryReader, text: str) -> str | None:
    match = STEP.fullmatch(text)
    if not match:
        return None
    step, candidate = (
        int(match[1]),
        int(match[2] or 0) if not match[3] else ord(match[3]) - ord("a"),
    )
    if match[2] or match[3]:
        kept = repository.objects.read(f"{REJECTED}{step}.{candidate}")
        return kept.sha if kept else _find_accepted(repository, step, candidate)
    found = _find_accepted(repository, step)
    kept = None if found else repository.objects.read(f"{REJECTED}{step}.0")
    return found or (kept.sha if kept else None)


def _find_accepted(
    repository: HistoryReader, step: int, candidate: int | None = None
) -> str | None:
    """The accepted version of a step, the one on the active branch first."""
    found = _find_on_branch(repository, step)
    if found and candidate in (None, _candidate_number(found)):
        return found.sha
    for sha in list_accepted(repository, step) or _search_log(repository, step):
        commit = repository.objects.read_commit(sha)
        if _trailer_number(commit, Trailer.STEP) == step and candidate in (
            None,
            _candidate_number(commit),
        ):
            return sha
    return None


def _search_log(repository: HistoryReader, step: int) -> list[str]:
    """Commits of a step that no act names, found by their messages."""
    wanted = ["--format=%H", "-E", f"--grep=^{Trailer.STEP}: {step}$", "-20"]
    among = ["HEAD", "--branches", f"--glob={ABANDONED}*"]
    return repository.run_git("log", *wanted, *among, "--").decode().split()


def _candidate_number(commit: Commit) -> int:
    return _trailer_number(commit, Trailer.CANDIDATE) or 0


def _trailer_number(commit: Commit, trailer: Trailer) -> int | None:
    return message.parse_count(message.parse_trailers(commit.message).get(trailer, ""))


def _find_on_branch(repository: HistoryReader, step: int) -> Commit | None:
    """The version of a step on the way to head, by bisection: steps only fall from head to
    start."""
    near, far = 0, 1
    while (at := _read_step_near(repository, far)) is not None and at[0] > step:
        near, far = far, far * 2
    while near <= far:
        middle = (near + far) // 2
        at = _read_step_near(repository, middle)
        if at is not None and at[0] == step:
            return at[1]
        if at is None or at[0] < step:
            far = middle - 1
        else:
            near = middle + 1
    return None


def _read_step_near(repository: HistoryReader, back: int) -> tuple[int, Commit] | None:
    """Step and commit of the version `back` commits before head, or of its nearest ancestor that a
    step made."""
    found = repository.objects.read(f"HEAD~{back}")
    while found is not None:
        commit = parse_commit(found.sha, found.data)
        if (step := _trailer_number(commit, Trailer.STEP)) is not None:
            return step, commit
        found = repository.objects.read(commit.parents[0]) if commit.parents else None
    return None


def _resolve_ref(repository: HistoryReader, text: str) -> str | None:
    try:
        check_name(text)
    except SessionError:
        return None
    found = repository.objects.read(HEADS + text) or repository.objects.read(TAGS + text)
    while found is not None and found.kind == "tag":
        found = repository.objects.read(found.data.split(b"\n", 1)[0].split(b" ")[1].decode())
    return found.sha if found and found.kind == "commit" else None


def _resolve_commit_id(repository: HistoryReader, text: str) -> str | None:
    if not re.fullmatch(r"[0-9a-f]{4,40}", text):
        return None
    found = repository.objects.read(text)
    return found.sha if found and found.kind == "commit" else None


def suggest_nearest(text: str, known: Sequence[str]) -> str:
    """Advice that names the nearest of the known names."""
    close = get_close_matches(text, known, 1, 0.4)
    return f"Did you mean {close[0]}?" if close else "See `genopt log --all`"
