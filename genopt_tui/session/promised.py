"""What edits promised (`expects:`) and what came true, as the records hold it."""

from genopt_tui.session.journal import Journal
from genopt_tui.session.reading import Versions


def so_far(journal: Journal, repository: Versions) -> tuple[int, int]:
    """As `promised`, from the newest gate that counted them where the journal holds one."""
    last = journal.last("gate_finished")
    told = last.data.get("session_promises") if last else None
    return (int(told[0]), int(told[1])) if told else promised(repository)


def promised(repository: Versions) -> tuple[int, int]:
    """How many promises of the session were kept, and how many could be judged. Reads every record: the journal counts as it goes."""
    if repository.is_new():
        return 0, 0
    judged = [p for v in repository.log(all=True) if v.step for p in repository.record(v.commit).proposal.promised]
    return sum(came_true for *_, came_true in judged), len(judged)
