"""Notes on versions: a person's, the worth of hunks, and the openings of the test split.

They are in git, so they travel with the session. Each kind is a ref whose tree maps commit to text;
a version itself never changes. Also here: how often the predictions of edits (`expects:`) came
true.
"""

import time

from genopt_tui.errors import SessionError, single_line
from genopt_tui.session.git import cli
from genopt_tui.session.git.ids import FILE_MODE
from genopt_tui.session.git.refs import HUNKS, NOTES, OPENINGS, TRIED_REVISIONS
from genopt_tui.session.history.message import Trailer
from genopt_tui.session.history.reader import HistoryReader
from genopt_tui.session.journal import Journal, utc_timestamp

MAX_NOTE_LENGTH = 20_000  # characters of one note


def read_notes(repository: HistoryReader, ref: str = NOTES) -> dict[str, str]:
    """Commit to its note."""
    found = repository.objects.read(ref)
    return repository.objects.read_texts(repository.objects.read_commit(ref).tree) if found else {}


def write_note(repository: HistoryReader, commit: str, text: str, ref: str = NOTES) -> None:
    """Replace the note on a version; empty text removes it. For the holder of the lock."""
    if len(text) > MAX_NOTE_LENGTH:
        raise SessionError(
            "the note is too long", f"{len(text)} characters, {MAX_NOTE_LENGTH} is the most"
        )
    store = repository.objects
    found = store.read(ref)
    entries = dict(store.read_tree(store.read_commit(ref).tree)) if found else {}
    entries.pop(commit, None)
    if text.strip():
        entries[commit] = (
            FILE_MODE,
            store.write_blob(text.strip().encode("utf-8", "replace") + b"\n"),
        )
    by = cli.format_identity()
    parents = [found.sha] if found else []
    made = store.write_commit(
        store.write_tree(entries), parents, by, f"about {commit[:7]}\n", int(time.time())
    )
    store.flush()
    repository.refs.update({ref: (found.sha if found else None, made)})


def record_opening(repository: HistoryReader, commit: str, why: str) -> None:
    """Record that the sealed test split was opened for a version. For the holder of the lock."""
    before = read_notes(repository, OPENINGS).get(commit, "")
    write_note(repository, commit, f"{before}{utc_timestamp()} {single_line(why)}\n", OPENINGS)


def count_openings(repository: HistoryReader) -> dict[str, int]:
    """Commit to how often the test split was opened for it."""
    return {
        commit: len(text.splitlines()) for commit, text in read_notes(repository, OPENINGS).items()
    }


def count_gate_uses(repository: HistoryReader) -> int:
    """How many versions the gate has scored. Each makes a success by luck more likely."""
    scored = ("--count", f"--grep=^{Trailer.SCORE}: ")
    return int(repository.run_git("rev-list", *scored, *TRIED_REVISIONS, "--"))


__all__ = [
    "HUNKS",
    "NOTES",
    "count_gate_uses",
    "count_openings",
    "read_notes",
    "record_opening",
    "write_note",
]


def load_prediction_counts(journal: Journal, repository: HistoryReader) -> tuple[int, int]:
    """As `promised`, from the newest gate that counted them where the journal holds one."""
    last = journal.find_last("gate_finished")
    told = last.data.get("session_promises") if last else None
    return (int(told[0]), int(told[1])) if told else count_predictions(repository)


def count_predictions(repository: HistoryReader) -> tuple[int, int]:
    """How many promises of the session were kept, and how many could be judged. Reads every record:
    the journal counts as it goes."""
    if repository.is_new():
        return 0, 0
    judged = [
        p
        for v in repository.read_log(all_branches=True)
        if v.step
        for p in repository.read_record(v.commit).proposal.promised
    ]
    return sum(came_true for *_, came_true in judged), len(judged)
