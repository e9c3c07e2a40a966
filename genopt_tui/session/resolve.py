"""What a person means by a version."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session import message
from genopt_tui.session.best import best
from genopt_tui.session.objects import Commit, parse_commit
from genopt_tui.session.reading import Versions
from genopt_tui.session.refs import ABANDONED, HEADS, REJECTED, TAGS, check_name
from genopt_tui.session.steps import accepted

STEP = re.compile(r"(\d{1,9})(?:\.(\d{1,3})|([a-z]))?")


def resolve(repository: Versions, text: str) -> str:
    """The commit called `text`. Raises SessionError with the nearest name."""
    text = text.strip()
    found = _word(repository, text) or _step(repository, text) or _ref(repository, text) or _commit(repository, text)
    if found:
        return found
    known = [ref.split("/", 2)[2] for ref in repository.refs.all(HEADS, TAGS)]
    known += [version.name for version in repository.log(all=True)[:200]]
    shown = single_line(text)[:60]
    raise SessionError(f"no version '{shown}'", advice=nearest(text, [*known, "head", "start", "best"]))


def _word(repository: Versions, text: str) -> str | None:
    if text in ("head", "HEAD"):
        return repository.head()
    if text == "start":
        return repository.git("rev-list", "--max-parents=0", "--first-parent", "HEAD").decode().split()[-1]
    if text == "best":
        found = best(repository, repository.direction())
        return found.commit if found else repository.head()
    return None


def _step(repository: Versions, text: str) -> str | None:
    match = STEP.fullmatch(text)
    if not match:
        return None
    step, candidate = int(match[1]), int(match[2] or 0) if not match[3] else ord(match[3]) - ord("a")
    if match[2] or match[3]:
        kept = repository.objects.read(f"{REJECTED}{step}.{candidate}")
        return kept.sha if kept else _accepted(repository, step, candidate)
    found = _accepted(repository, step)
    kept = None if found else repository.objects.read(f"{REJECTED}{step}.0")
    return found or (kept.sha if kept else None)


def _accepted(repository: Versions, step: int, candidate: int | None = None) -> str | None:
    """The accepted version of a step: on the active branch before the others."""
    found = _on_line(repository, step)
    if found and candidate in (None, _candidate(found)):
        return found.sha
    for sha in accepted(repository, step) or _looked_for(repository, step):
        commit = repository.objects.commit(sha)
        if _number(commit, "Genopt-Step") == step and candidate in (None, _candidate(commit)):
            return sha
    return None


def _looked_for(repository: Versions, step: int) -> list[str]:
    """Commits of a step that only plain git knows of, looked for in all messages."""
    wanted = ["--format=%H", "-E", f"--grep=^Genopt-Step: {step}$", "-20"]
    among = ["HEAD", "--branches", f"--glob={ABANDONED}*"]
    return repository.git("log", *wanted, *among, "--").decode().split()


def _candidate(commit: Commit) -> int:
    return _number(commit, "Genopt-Candidate") or 0


def _number(commit: Commit, trailer: str) -> int | None:
    text = message.trailers(commit.message).get(trailer, "")
    return int(text) if text.isascii() and text.isdigit() else None


def _on_line(repository: Versions, step: int) -> Commit | None:
    """The version of a step on the way to head: steps only fall from head to start, so a few looks find it."""
    near, far = 0, 1
    while (at := _step_near(repository, far)) is not None and at[0] > step:
        near, far = far, far * 2
    while near <= far:
        middle = (near + far) // 2
        at = _step_near(repository, middle)
        if at is not None and at[0] == step:
            return at[1]
        if at is None or at[0] < step:
            far = middle - 1
        else:
            near = middle + 1
    return None


def _step_near(repository: Versions, back: int) -> tuple[int, Commit] | None:
    """Step and commit of the version `back` commits before head, or of the first one before it that a step made."""
    found = repository.objects.read(f"HEAD~{back}")
    while found is not None:
        commit = parse_commit(found.sha, found.data)
        if (step := _number(commit, "Genopt-Step")) is not None:
            return step, commit
        found = repository.objects.read(commit.parents[0]) if commit.parents else None
    return None


def _ref(repository: Versions, text: str) -> str | None:
    try:
        check_name(text)
    except SessionError:
        return None
    found = repository.objects.read(HEADS + text) or repository.objects.read(TAGS + text)
    while found is not None and found.kind == "tag":
        found = repository.objects.read(found.data.split(b"\n", 1)[0].split(b" ")[1].decode())
    return found.sha if found and found.kind == "commit" else None


def _commit(repository: Versions, text: str) -> str | None:
    if not re.fullmatch(r"[0-9a-f]{4,40}", text):
        return None
    found = repository.objects.read(text)
    return found.sha if found and found.kind == "commit" else None


def nearest(text: str, known: Sequence[str]) -> str:
    """Advice that names the nearest of the known names."""
    close = get_close_matches(text, known, 1, 0.4)
    return f"Did you mean {close[0]}?" if close else "See `genopt log --all`"
