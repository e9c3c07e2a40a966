"""What is said about versions afterwards: a person's notes, and what hunks were worth. In git, so that it travels.

Each kind is a ref of its own whose tree maps commit to text: a version itself never changes.
"""

import time

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session import gitcall
from genopt_tui.session.journal import now
from genopt_tui.session.objects import BLOB
from genopt_tui.session.reading import Versions
from genopt_tui.session.refs import ABANDONED, HUNKS, NOTES, OPENINGS, REJECTED

LONGEST = 20_000  # characters of one note


def notes(repository: Versions, ref: str = NOTES) -> dict[str, str]:
    """Commit to what was noted about it."""
    found = repository.objects.read(ref)
    return repository.objects.texts(repository.objects.commit(ref).tree) if found else {}


def note(repository: Versions, commit: str, text: str, ref: str = NOTES) -> None:
    """Note `text` about a version, in place of what was noted before; empty text removes it. For the holder of the lock."""
    if len(text) > LONGEST:
        raise SessionError("the note is too long", f"{len(text)} characters, {LONGEST} is the most")
    store = repository.objects
    found = store.read(ref)
    entries = dict(store.entries(store.commit(ref).tree)) if found else {}
    entries.pop(commit, None)
    if text.strip():
        entries[commit] = (BLOB, store.write_blob(text.strip().encode("utf-8", "replace") + b"\n"))
    by = "{} <{}>".format(*gitcall.identity())
    parents = [found.sha] if found else []
    made = store.write_commit(store.write_tree(entries), parents, by, f"about {commit[:7]}\n", int(time.time()))
    store.flush()
    repository.refs.update({ref: (found.sha if found else None, made)})


def opened(repository: Versions, commit: str, why: str) -> None:
    """Write down that the sealed test split was looked at for a version. For the holder of the lock."""
    before = notes(repository, OPENINGS).get(commit, "")
    note(repository, commit, f"{before}{now()} {single_line(why)}\n", OPENINGS)


def openings(repository: Versions) -> dict[str, int]:
    """Commit to how often the test split was opened for it."""
    return {commit: len(text.splitlines()) for commit, text in notes(repository, OPENINGS).items()}


def gate_uses(repository: Versions) -> int:
    """How many versions the gate has scored: each use makes the next success by luck likelier."""
    chosen = ["HEAD", "--branches", "--tags", f"--glob={REJECTED}*", f"--glob={ABANDONED}*"]
    return int(repository.git("rev-list", "--count", "--grep=^Genopt-Score: ", *chosen, "--"))


__all__ = ["HUNKS", "NOTES", "gate_uses", "note", "notes", "opened", "openings"]
