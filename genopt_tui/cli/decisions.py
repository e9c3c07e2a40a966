"""Commands that decide on a proposal, or shape the next prompt."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genopt_tui.cli.output import print_line, print_text
from genopt_tui.cli.requests import (
    ask_runner,
    send_and_print,
)
from genopt_tui.cli.streams import write_bytes
from genopt_tui.cli.target import (
    find_session,
    open_journal,
    split_session,
)
from genopt_tui.errors import (
    EvaluationError,
    Exit,
    SessionError,
    UsageError,
    single_line,
)
from genopt_tui.session.commands import (
    AcceptEdits,
    Approve,
    Hint,
    Reject,
    Reply,
    SendPrompt,
    StageChoices,
)
from genopt_tui.task.text_files import read_text_file, read_text_folder

if TYPE_CHECKING:
    from genopt_tui.session.journal import Journal


step_option = click.option(
    "--step", type=int, help="The step it is about; exit code 2 if that is not what waits."
)


candidate_option = click.option("--candidate", type=int, help="The candidate, from 0.")


@click.command()
@click.argument("words", nargs=-1, metavar="[SESSION] [TEXT]")
@step_option
@candidate_option
@click.option("--hunks", help="Only these hunks: 1,3. They are a new candidate, gated first.")
@click.option(
    "--artifact",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Your version of it.",
)
@click.option("--unmeasured", is_flag=True, help="Commit a changed edit without a gate.")
def approve(
    words: tuple[str, ...],
    step: int | None,
    candidate: int | None,
    hunks: str | None,
    artifact: Path | None,
    unmeasured: bool,
) -> int:
    """Accept the waiting proposal: it becomes a version."""
    if hunks is not None and artifact is not None:
        raise UsageError("--hunks and --artifact at once", advice="Give one of them")
    session, text, step = parse_decision(words, step)
    command = Approve(
        step=step,
        candidate=candidate,
        hunks=parse_hunk_numbers(hunks),
        files=None if artifact is None else read_text_folder(artifact),
        reason=text,
        unmeasured=unmeasured,
    )
    return send_and_print(session, command)


@click.command()
@click.argument("words", nargs=-1, metavar="[SESSION] [REASON]")
@step_option
@candidate_option
def reject(words: tuple[str, ...], step: int | None, candidate: int | None) -> int:
    """Turn down the waiting proposal.

    The model is told REASON.
    """
    session, text, step = parse_decision(words, step)
    return send_and_print(session, Reject(step=step, candidate=candidate, reason=text))


def parse_decision(words: tuple[str, ...], step: int | None) -> tuple[str | None, str, int]:
    """(session, text, step). Without --step the decision is about the step in flight."""
    session, rest = split_session(list(words))
    with open_journal(find_session(session)) as journal:
        from genopt_tui.session.progress import load_progress

        progress, _ = load_progress(journal)
    return session, " ".join(rest), progress.step if step is None else step


def parse_hunk_numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(
            f"--hunks {text}", "hunks are numbers", "For example --hunks 1,3"
        ) from error


@click.command()
@click.argument("words", nargs=-1, metavar="[SESSION] TEXT")
@click.option("--always", is_flag=True, help="For every update from now on.")
@click.option("--remove", is_flag=True, help="Take back a hint given with --always.")
@click.option(
    "--list",
    "listed",
    is_flag=True,
    help="Print the hints that stand, and those for the next update.",
)
def hint(words: tuple[str, ...], always: bool, remove: bool, listed: bool) -> int:
    """Give the model a hint, for the next update or for all."""
    if listed:
        return print_hints(words[0] if words else None)
    if not words:
        raise UsageError(
            "what is the model to be told?",
            advice="genopt hint TEXT; --list prints what it is told",
        )
    session, rest = split_session(list(words)) if len(words) > 1 else (None, list(words))
    return send_and_print(session, Hint(text=" ".join(rest), always=always, remove=remove))


def print_hints(session: str | None) -> int:
    """What the model is told in every update, and in the next one."""
    from genopt_tui.session.progress import load_progress, read_pending_input

    with open_journal(find_session(session)) as journal:
        progress, _ = load_progress(journal)
        told = read_pending_input(journal, progress.step + progress.proposed)
    for label, texts in (("always", told.standing), ("next", told.hints)):
        for text in texts:
            print(f"{label}: {single_line(text)}")
    return Exit.DONE


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] TEXT")
@candidate_option
def reply(words: tuple[str, ...], candidate: int | None) -> int:
    """Give the reply yourself, with model `manual`.

    If TEXT names a file, its content is the reply.
    """
    session, rest = split_session(list(words)) if len(words) > 1 else (None, list(words))
    text = (
        read_text_file(Path(rest[0]))
        if len(rest) == 1 and Path(rest[0]).is_file()
        else " ".join(rest)
    )
    return send_and_print(session, Reply(text=text, candidate=candidate))


@click.command()
@click.argument("session", required=False)
def prompt(session: str | None) -> int:
    """Print the waiting prompt (mode step).

    This is its last message, to the byte where standard output is no terminal.
    """
    with open_journal(find_session(session)) as journal:
        text = read_waiting_prompt(journal)[-1]["content"]
    if sys.stdout.isatty():
        print_text(text)
    else:
        write_bytes(text.encode())
    return Exit.DONE


def read_waiting_prompt(journal: "Journal") -> list[dict[str, str]]:
    """The messages of the prompt that waits. Raises SessionError."""
    from genopt_tui.session.progress import load_progress

    progress, _ = load_progress(journal)
    shown = journal.find_last("prompt_preview", step=progress.step)
    if not progress.pending or progress.pending["pending"] != "propose" or shown is None:
        raise SessionError(
            "no prompt waits to be sent",
            advice="genopt mode step; `genopt show` has those that were sent",
        )
    return list(shown.data["messages"])


@click.command()
@click.argument("session", required=False)
@click.option(
    "--drop", multiple=True, metavar="EXAMPLE", help="Leave this example out of the evidence."
)
@click.option("--pin", multiple=True, metavar="EXAMPLE", help="Show this example first.")
@click.option(
    "--prompt",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send this text.",
)
def send(
    session: str | None, drop: tuple[str, ...], pin: tuple[str, ...], file: Path | None
) -> int:
    """Send the waiting prompt (mode step).

    Send it as it is, without some examples, or as you edited it.
    """
    path = find_session(session)
    with open_journal(path) as journal:
        *before, last = read_waiting_prompt(journal)
        check_batch_examples(journal, [*drop, *pin])
    messages = (*before, {**last, "content": read_text_file(file)}) if file else ()
    command = SendPrompt(dropped=drop or None, pinned=pin or None, messages=messages)
    return send_and_print(str(path), command)


def check_batch_examples(journal: "Journal", examples: list[str]) -> None:
    """Raises UsageError where an example is none of the batch."""
    sampled = journal.find_last("batch_sampled")
    batch = [str(example) for example, _ in sampled.data["examples"]] if sampled else []
    if wrong := [name for name in examples if name not in batch]:
        raise UsageError(f"{wrong[0]} is not in this batch", f"it has {', '.join(batch)}")


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE... [SESSION]")
def stage(words: tuple[str, ...]) -> int:
    """Change choices for the present step alone (mode step).

    The prompt is built anew and waits again.
    """
    session, rest = split_session([w for w in words if "=" not in w])
    if rest:
        raise SessionError(f"no session '{rest[0]}'", advice="`genopt ls` lists them")
    return send_and_print(session, StageChoices(pairs=tuple(w for w in words if "=" in w)))


@click.command("accept-edits")
@click.argument("session", required=False)
@click.option("--unmeasured", is_flag=True, help="Commit without a gate.")
def accept_edits(session: str | None, unmeasured: bool) -> int:
    """Make the files that you edited by hand a version.

    The gate scores it first, unless design choices were edited too.
    """
    path = find_session(session)
    with open_journal(path) as journal:
        after = journal.last_event_id()
        result = ask_runner(path, AcceptEdits(unmeasured=unmeasured))
        gated = result.step is not None
        print_line(wait_for_step_end(path, journal, after) if gated else result.why)
    return Exit.DONE


def wait_for_step_end(path: Path, journal: "Journal", after: int) -> str:
    """How the step ends that a command has begun. Raises EvaluationError when the runner ends
    before that."""
    from genopt_tui.cli.event_lines import format_event
    from genopt_tui.session.lock import runner_pid

    while True:
        alive = runner_pid(path) is not None
        events = journal.read_events(after, kinds=["step_ended", "committed", "rejected"])
        if events and events[-1].kind == "step_ended":
            return "\n".join(text for event in events[:-1] if (text := format_event(event)))
        if not alive:
            raise EvaluationError(
                "the runner has ended",
                f"see {path / '.genopt' / 'runner.log'}",
                "`genopt run` goes on",
            )
        time.sleep(0.05)


COMMANDS = [approve, reject, hint, reply, prompt, send, stage, accept_edits]
