"""The one family of errors that reach a person: what happened, why, what to do."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the `genopt` command (a contract, see the command line's page)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    BUDGET = 3
    DECISION_WANTED = 4
    INTERRUPTED = 130


class GenoptError(Exception):
    """An error with a message for people: one line of what and why, one of what to do.

    `str(error)` is that one line, `what: why. advice`, without control characters.
    """

    exit_code = Exit.FAILED

    def __init__(self, what: str, why: str = "", advice: str = "") -> None:
        self.what, self.why, self.advice = what, why, advice
        line = f"{what}: {why}" if why else what
        if advice:
            line = f"{line.rstrip('.')}. {advice}"
        super().__init__(single_line(line))


class UsageError(GenoptError):
    """The call or its input is wrong (exit code 2)."""

    exit_code = Exit.USAGE


class TaskError(UsageError):
    """A task folder does not hold what the task contract asks for."""


class SessionError(UsageError):
    """A session cannot be opened, or an act on it is not possible now."""


class EvaluationError(GenoptError):
    """Running a version failed for a reason that is not the artifact's."""


class TaskChanged(EvaluationError):
    """The task's files changed while rollouts ran: what is under way has to be scored again."""


class ProposerError(GenoptError):
    """The model could not be asked, or gave no usable reply."""


class ProposerPause(ProposerError):
    """No reply without a person: the run pauses, and the same step goes on when resumed."""


class BudgetStop(GenoptError):
    """A budget is spent; everything is kept (exit code 3)."""

    exit_code = Exit.BUDGET


def single_line(text: str) -> str:
    """`text` on one line: line breaks and other control characters become blanks."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())
