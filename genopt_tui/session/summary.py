"""Head's row, artifact and score in a few milliseconds: the interface's first content. Only the
standard library."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from genopt_tui.session.git.objects import ObjectStore
from genopt_tui.session.git.refs import Refs, parse_branch_name
from genopt_tui.session.history import message
from genopt_tui.session.history.message import Score, Trailer


@dataclass(frozen=True, slots=True)
class HeadSummary:
    """What the active branch stands at. `step` is None for a commit by plain git."""

    commit: str
    branch: str
    step: int | None
    decision: str
    subject: str
    score: Score | None
    files: Mapping[str, str]

    @property
    def label(self) -> str:
        """What a person calls it: `start`, its step, or the short id of a commit by plain git."""
        if self.decision == "start":
            return "start"
        return self.commit[:7] if self.step is None else str(self.step)


def head_summary(path: Path, store: ObjectStore | None = None) -> HeadSummary:
    """The summary of the session at `path`, by one git process (that of `store`, where given).
    Raises SessionError."""
    if store is None:
        with ObjectStore(path) as own:
            return head_summary(path, own)
    refs = Refs(path, store)
    commit = store.read_commit("HEAD")
    trailers = message.parse_trailers(commit.message)
    entry = store.read_tree(commit.tree).get("artifact")
    return HeadSummary(
        commit.sha,
        parse_branch_name(refs.read_head()),
        message.parse_count(trailers.get(Trailer.STEP, "")),
        trailers.get(Trailer.DECISION, "manual"),
        message.make_printable(commit.message.partition("\n")[0]),
        message.parse_score(trailers.get(Trailer.SCORE, "")),
        store.read_texts(entry[1]) if entry else {},
    )
