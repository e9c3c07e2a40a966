"""What edits promised (`expects:`) and what came true, as the records hold it."""

from genopt_tui.session.reading import Versions


def promised(repository: Versions) -> tuple[int, int]:
    """How many promises of the session were kept, and how many could be judged. Reads every record: the journal counts as it goes."""
    if repository.is_new():
        return 0, 0
    judged = [p for v in repository.log(all=True) if v.step for p in repository.record(v.commit).proposal.promised]
    return sum(came_true for *_, came_true in judged), len(judged)
